//! The texts of `--help` apart from the options, for a terminal of 60 columns or more.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::exit;

/// The text of one command; the head of `help.toml` explains it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    about: String,
    #[serde(default)]
    groups: Vec<(String, String)>,
    examples: Vec<(String, String)>,
}

/// What follows the options of this command.
pub fn of(command: &str) -> String {
    let mut texts: BTreeMap<String, Text> =
        toml::from_str(include_str!("help.toml")).expect("help.toml has the fields of its head");
    let text = texts.remove(command).expect("every command has a text");
    let parts = [
        text.about,
        entries("Groups of scenes, named GROUP/RELEASE/SCENE", &text.groups),
        entries("Examples", &text.examples),
        exit::TABLE.to_owned(),
    ];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// Names or commands, each with its explanation below it; nothing if there are none.
fn entries(title: &str, entries: &[(String, String)]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let mut text = format!("{title}:");
    for (name, what) in entries {
        let _ = write!(text, "\n  {name}\n      {what}");
    }
    text
}
