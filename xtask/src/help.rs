//! What `--help` says beside the options, for a terminal of 60 columns and more: prose is one line for
//! clap to wrap, and what stands in columns is narrow.

use std::fmt::Write as _;

use crate::exit;

/// What a command does beyond its first sentence, its examples, and the exit statuses.
pub fn help(about: &str, examples: &[(&str, &str)]) -> String {
    let examples = entries("Examples", examples);
    let parts = [about, &examples, exit::TABLE];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// Names, or commands to type, each with what it is below it.
pub fn entries(title: &str, entries: &[(&str, &str)]) -> String {
    let mut text = format!("{title}:");
    for (name, what) in entries {
        let _ = write!(text, "\n  {name}\n      {what}");
    }
    text
}
