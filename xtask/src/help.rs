//! The texts of `--help` apart from the options, for a terminal of 60 columns or more. Prose is one line,
//! which clap wraps; columns are narrow.

use std::fmt::Write as _;

use crate::exit;

/// The details of a command, its examples, and the exit statuses.
pub fn help(about: &str, examples: &[(&str, &str)]) -> String {
    let examples = entries("Examples", examples);
    let parts = [about, &examples, exit::TABLE];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// Names or commands, each with its explanation below it.
pub fn entries(title: &str, entries: &[(&str, &str)]) -> String {
    let mut text = format!("{title}:");
    for (name, what) in entries {
        let _ = write!(text, "\n  {name}\n      {what}");
    }
    text
}
