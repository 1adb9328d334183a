//! One thing that is changed between confiture and the adapter, in a self-test.

mod act;
mod edit;
mod ordered;

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::seen::Seen;
use edit::edited;
use ordered::Ordered;

pub use act::Act;

/// A change to the calls of one subcommand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tamper {
    /// `up`, `--version`, or `*` for every call with a report.
    pub call: String,
    /// What is changed.
    pub act: Act,
}

impl Tamper {
    /// Whether the call with these arguments is changed.
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

    /// Whether the call's sessions get no start options.
    pub fn drops_start_options(&self, argv: &[String]) -> bool {
        self.act == Act::NoStartOptions && self.is_about(argv)
    }

    /// The arguments that confiture gets.
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
    pub(crate) fn shows_in(&self, seen: &Seen) -> io::Result<bool> {
        if !self.is_about(&seen.argv) {
            return Ok(false);
        }
        match &self.act {
            Act::Refuse(option) | Act::Ignore(option) => Ok(carries(&seen.argv, option)),
            Act::Skip(..) | Act::Crash(_) | Act::Hang | Act::NoStartOptions | Act::Leave(_) => {
                Ok(true)
            }
            _ => {
                let mut changed = seen.clone();
                self.after(&seen.argv, &mut changed, None)?;
                Ok(changed != *seen)
            }
        }
    }

    /// Changes what a call left.
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
