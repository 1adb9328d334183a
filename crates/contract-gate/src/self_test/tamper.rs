//! One thing that is changed between confiture and the adapter.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::edit::edited;
use super::ordered::Ordered;
use crate::wrapper::Seen;

/// A change to the calls of one subcommand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tamper {
    /// `up`, `--version`, or `*` for every call with a report.
    pub call: String,
    /// What is changed.
    pub act: Act,
}

/// What is changed. Places in a report are paths such as `change_set.changes[].tier`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// The field is left out.
    Drop(String),
    /// The field gets another name.
    Rename(String, String),
    /// The field's value gets another JSON type.
    Retype(String),
    /// The field is there twice, the second time with this value.
    Double(String, Value),
    /// The field has this value.
    Set(String, Value),
    /// An object gets one more field.
    Add(String, String, Value),
    /// The list gets one more element.
    Push(String, Value),
    /// The list's elements come in the other order.
    Reverse(String),
    /// The fields of every object come in the other order.
    ReverseKeys,
    /// The report is written without white space.
    Compact,
    /// The exit status.
    Exit(i32, i32),
    /// The symbolic code.
    Code(String, String),
    /// A usage error for an option or argument.
    Refuse(String),
    /// The option is taken away before confiture sees it; with its value, if it has one beside it.
    Ignore(String),
    /// No report is written.
    NoReport,
    /// Half of a report is written.
    HalfReport,
    /// An empty file is written.
    EmptyReport,
    /// The report is written beside the place asked for.
    ReportElsewhere,
    /// This report is written, whatever was done.
    Report(Value, i32),
    /// Nothing is done, and this report written.
    Skip(Value, i32),
    /// A text of a stream is replaced by another.
    Replace(String, String),
    /// Standard output is preceded by a line.
    Prepend(String),
    /// Standard error gets a line.
    Warn(String),
    /// The call never ends.
    Hang,
    /// The call is ended by this signal.
    Crash(i32),
    /// A file is left in the working directory.
    Leave(String),
    /// An interrupt is ignored.
    Deaf,
}

impl Act {
    /// The change in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Drop(path) => format!("`{path}` is left out"),
            Self::Rename(path, to) => format!("`{path}` is named `{to}`"),
            Self::Retype(path) => format!("`{path}` has another type"),
            Self::Double(path, _) => format!("`{path}` is there twice"),
            Self::Set(path, value) => format!("`{path}` is {value}"),
            Self::Add(path, key, _) if path.is_empty() => format!("new field `{key}`"),
            Self::Add(path, key, _) => format!("new field `{key}` in `{path}`"),
            Self::Push(path, _) => format!("one more element in `{path}`"),
            Self::Reverse(path) => format!("`{path}` in the other order"),
            Self::ReverseKeys => "the fields in the other order".to_owned(),
            Self::Compact => "reports without white space".to_owned(),
            Self::Exit(from, to) => format!("exit status {to} instead of {from}"),
            Self::Code(from, to) => format!("code {to} instead of {from}"),
            Self::Refuse(option) => format!("{option} is refused"),
            Self::Ignore(option) => format!("{option} is ignored"),
            Self::NoReport => "no report".to_owned(),
            Self::HalfReport => "half a report".to_owned(),
            Self::EmptyReport => "an empty report".to_owned(),
            Self::ReportElsewhere => "the report is elsewhere".to_owned(),
            Self::Report(_, exit) => format!("does it, and says it did not (exit {exit})"),
            Self::Skip(..) => "does not do it, and says it did".to_owned(),
            Self::Replace(from, to) => format!("{from:?} becomes {to:?}"),
            Self::Prepend(_) => "another line on standard output".to_owned(),
            Self::Warn(_) => "a warning on standard error".to_owned(),
            Self::Hang => "does not end".to_owned(),
            Self::Crash(signal) => format!("is ended by signal {signal}"),
            Self::Leave(file) => format!("leaves {file} behind"),
            Self::Deaf => "ignores the interrupt".to_owned(),
        }
    }
}

impl Tamper {
    /// Whether the call with these arguments is changed.
    #[must_use]
    pub fn is_about(&self, argv: &[String]) -> bool {
        let subcommand = match argv.first().map(String::as_str) {
            Some("migrate") => argv.get(1),
            _ => argv.first(),
        };
        let is_help = argv.last().is_some_and(|last| last == "--help");
        let subcommand = subcommand.map(String::as_str).unwrap_or_default();
        match self.call.as_str() {
            "*" => argv.iter().any(|argument| argument == "--output"),
            "--help" => is_help,
            call => call == subcommand && !is_help,
        }
    }

    /// What is seen in place of a call that is not made.
    #[must_use]
    pub fn instead(&self, argv: &[String]) -> Option<Seen> {
        if !self.is_about(argv) {
            return None;
        }
        let ended = |exit, stderr: String| {
            Some(Seen {
                exit,
                stderr,
                ..Seen::default()
            })
        };
        match &self.act {
            Act::Refuse(option) if carries(argv, option) => ended(
                2,
                format!("Usage: confiture [OPTIONS]\n\nError: No such option: {option}\n"),
            ),
            Act::Skip(..) => ended(0, String::new()),
            Act::Crash(signal) => ended(128 + signal, String::new()),
            Act::Hang => loop {
                std::thread::sleep(std::time::Duration::from_secs(60));
            },
            _ => None,
        }
    }

    /// Whether the call does not hear an interrupt.
    #[must_use]
    pub fn is_deaf(&self, argv: &[String]) -> bool {
        self.act == Act::Deaf && self.is_about(argv)
    }

    /// The arguments that confiture gets.
    #[must_use]
    pub fn argv(&self, argv: &[String]) -> Vec<String> {
        let Act::Ignore(option) = &self.act else {
            return argv.to_vec();
        };
        if !self.is_about(argv) {
            return argv.to_vec();
        }
        let mut kept = Vec::new();
        let mut arguments = argv.iter();
        while let Some(argument) = arguments.next() {
            let name = argument.split('=').next().unwrap_or_default();
            if name != option {
                kept.push(argument.clone());
            } else if !argument.contains('=') && TAKES_A_VALUE.contains(&name) {
                arguments.next();
            }
        }
        kept
    }

    /// Whether the change shows in a call that was seen.
    ///
    /// # Errors
    /// Never: no file is written.
    pub(crate) fn shows_in(&self, seen: &Seen) -> io::Result<bool> {
        if !self.is_about(&seen.argv) {
            return Ok(false);
        }
        match &self.act {
            Act::Refuse(option) | Act::Ignore(option) => Ok(carries(&seen.argv, option)),
            Act::Skip(..) | Act::Crash(_) | Act::Hang | Act::Deaf | Act::Leave(_) => Ok(true),
            _ => {
                let mut changed = seen.clone();
                self.after(&seen.argv, &mut changed, None)?;
                Ok(changed != *seen)
            }
        }
    }

    /// Changes what a call left.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn after(&self, argv: &[String], seen: &mut Seen, place: Option<&Path>) -> io::Result<()> {
        if !self.is_about(argv) {
            return Ok(());
        }
        let before = seen.report.clone();
        match &self.act {
            Act::Exit(from, to) if seen.exit == *from => seen.exit = *to,
            Act::Code(from, to) => {
                let quoted = |code: &str| format!("\"{code}\"");
                for text in [&mut seen.stdout, &mut seen.stderr] {
                    *text = text.replace(from, to);
                }
                if let Some(report) = &mut seen.report {
                    *report = report.replace(&quoted(from), &quoted(to));
                }
            }
            Act::NoReport | Act::ReportElsewhere => seen.report = None,
            Act::HalfReport => {
                if let Some(report) = &mut seen.report {
                    let half = (0..=report.len() / 2)
                        .rev()
                        .find(|end| report.is_char_boundary(*end));
                    report.truncate(half.unwrap_or(0));
                }
            }
            Act::EmptyReport => seen.report = seen.report.take().map(|_| String::new()),
            Act::Report(report, exit) | Act::Skip(report, exit) => {
                seen.report = Some(report.to_string());
                seen.exit = *exit;
            }
            Act::Replace(from, to) => {
                for text in [&mut seen.stdout, &mut seen.stderr] {
                    *text = text.replace(from, to);
                }
            }
            Act::Prepend(line) => seen.stdout = format!("{line}\n{}", seen.stdout),
            Act::Warn(line) => seen.stderr = format!("{}{line}\n", seen.stderr),
            Act::Leave(file) => std::fs::write(file, "")?,
            act => {
                if let Some(text) = &seen.report
                    && let Ok(report) = serde_json::from_str::<Ordered>(text)
                {
                    let changed = edited(act, report.clone());
                    if changed != report || *act == Act::Compact {
                        seen.report = Some(changed.to_string());
                    }
                }
            }
        }
        let Some(place) = place.filter(|_| seen.report != before) else {
            return Ok(());
        };
        match &seen.report {
            Some(report) => std::fs::write(place, report)?,
            None if self.act == Act::ReportElsewhere => {
                std::fs::rename(place, place.with_file_name("report-of-confiture.json"))?;
            }
            None => std::fs::remove_file(place)?,
        }
        Ok(())
    }
}

/// The options that the adapter passes with their value as the next argument.
const TAKES_A_VALUE: [&str; 4] = ["--format", "--output", "--migrations-dir", "--scope"];

fn carries(argv: &[String], option: &str) -> bool {
    argv.iter()
        .any(|argument| argument.split('=').next() == Some(option))
}
