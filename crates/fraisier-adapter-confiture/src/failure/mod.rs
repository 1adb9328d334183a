//! How failures are worded: what happened, what is known about the database, and what to do next.

mod advice;
mod kind;
mod printed;
mod quoting;
mod reader;
pub(crate) mod refusal;
mod run;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

pub(crate) use self::advice::{Advice, NamedBy};
pub use self::kind::classify;
pub(crate) use self::quoting::add_line;
pub(crate) use self::reader::Reader;
use self::refusal::Refusal;
pub(crate) use self::run::{is_shortage, not_run};
pub(crate) use self::state::{Change, DatabaseState};
use crate::redact::{Redact, Redactor};

/// How many characters a message has, unless what has to be said takes more.
const MESSAGE: usize = 400;

/// How many characters a message has at least for what happened.
const LEAST: usize = 160;

/// How many bytes of what happened go into the message and the evidence.
const TOLD_LIMIT: usize = 4 * 1024;

/// How many bytes of one error of a report the message quotes; the evidence has it whole.
const ERROR_LIMIT: usize = 300;

/// How many bytes of what confiture printed an error carries.
const EVIDENCE_LIMIT: usize = 16 * 1024;

/// The name under which this adapter presents itself.
pub(crate) const ADAPTER: &str = "confiture";

/// Why there is no result. Its texts may hold secrets: see [`boundary`](crate::boundary).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) kind: AdapterErrorKind,
    /// What happened, as a clause without a full stop.
    pub(crate) what: String,
    /// The errors that a report lists. The message has them in short, the evidence whole.
    pub(crate) errors: Vec<String>,
    pub(crate) state: DatabaseState,
    /// What to do, as a clause without a full stop; empty when nothing is known to help.
    pub(crate) next: String,
    /// What confiture printed.
    pub(crate) evidence: String,
}

impl Failure {
    pub(crate) fn new(
        kind: AdapterErrorKind,
        what: impl Into<String>,
        state: DatabaseState,
        next: Advice,
    ) -> Self {
        Self {
            kind,
            what: what.into(),
            errors: Vec::new(),
            state,
            next: next.into(),
            evidence: String::new(),
        }
    }

    /// The configuration is wrong, and nothing was started.
    pub(crate) fn in_config(what: impl Into<String>, next: Advice) -> Self {
        let kind = AdapterErrorKind::InvalidConfig;
        Self::new(kind, what, DatabaseState::NotStarted, next)
    }

    /// A secret of the context that cannot be had. The API's error names it and holds nothing of it.
    pub(crate) fn of_secret(error: AdapterError) -> Self {
        Self::new(
            error.kind,
            error.message,
            DatabaseState::NotStarted,
            Advice::None,
        )
    }

    /// What happened, with the errors of the report in short.
    pub(crate) fn told(&self) -> String {
        let mut told = self.what.trim_end().to_owned();
        for (index, error) in self.errors.iter().enumerate() {
            told.push_str(if index == 0 { ": " } else { "; " });
            told.push_str(&Redactor::bounded(&in_short(error), ERROR_LIMIT));
        }
        without_repetition(&Redactor::bounded(&told, TOLD_LIMIT))
    }

    /// The message, which is one paragraph, and the evidence, which has what the message cuts off.
    pub(crate) fn in_words(&self) -> (String, String) {
        let told = self.told();
        let mut rest = format!("; {}", self.state);
        let next = self.next.trim();
        if !next.is_empty() {
            rest.push_str(". Next: ");
            rest.push_str(next);
        }
        let room = MESSAGE.saturating_sub(rest.chars().count()).max(LEAST);
        let paragraph = paragraph(&told);
        let what = shortened(without_full_stop(&paragraph), room);
        let mut evidence = self.evidence.clone();
        if what.ends_with('…') {
            evidence = format!("[message]\n{told}\n{evidence}");
        }
        let errors = self.errors.join("\n");
        evidence = match (errors.is_empty(), evidence.trim().is_empty()) {
            (true, _) => evidence,
            (false, true) => errors,
            (false, false) => format!("[report]\n{errors}\n{evidence}"),
        };
        (what + &rest, evidence)
    }

    /// The error as the caller gets it, without its operation.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn worded(self) -> AdapterError {
        let (message, evidence) = self.in_words();
        let evidence = Some(evidence).filter(|text| !text.trim().is_empty());
        AdapterError {
            stderr: evidence.map(|text| Redactor::bounded(&text, EVIDENCE_LIMIT).into_owned()),
            ..AdapterError::new(self.kind, message).with_adapter(ADAPTER)
        }
    }
}

impl Redact for Failure {
    fn redact(&mut self, redactor: &Redactor) {
        let Self {
            kind: _,
            what,
            errors,
            state,
            next,
            evidence,
        } = self;
        redactor.prose(errors.iter_mut().chain([what, next, evidence]));
        state.redact(redactor);
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words().0)
    }
}

/// An error of a report in one line: the migration and what the server said, where it says so.
fn in_short(error: &str) -> String {
    match refusal::refusal(error) {
        Some(Refusal { migration, said }) => format!("{migration}: {said}"),
        None => error.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The text without repeated lines: libpq prints the same `FATAL` for each address that it tries.
fn without_repetition(text: &str) -> String {
    let mut seen = Vec::new();
    let lines = text.lines().filter(|line| {
        let said = line.find("FATAL:").map_or(*line, |at| &line[at..]).trim();
        let new = said.is_empty() || !seen.contains(&said);
        seen.push(said);
        new
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text in one line, without the `^` by which the server points into a statement.
fn paragraph(text: &str) -> String {
    let words = text
        .lines()
        .filter(|line| line.trim() != "^")
        .flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

/// The text, cut to so many characters.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let cut: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

fn without_full_stop(text: &str) -> &str {
    match text.strip_suffix('.') {
        Some(clause) if !clause.ends_with('.') => clause,
        _ => text,
    }
}
