//! How failures are worded: which operation, what happened, what is known about the database, and
//! what to do next.

mod advice;
mod check;
mod kind;
mod reader;
pub(crate) mod refusal;
mod run;

use std::fmt;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

pub(crate) use self::check::{check_refused, without_check};
pub use self::kind::classify;
pub(crate) use self::reader::{AFTER_ANOTHER, Reader, add_line};
pub(crate) use self::run::{SHORTAGE, is_shortage, not_run};
use crate::operation::Operation;
use crate::redact::Redactor;

/// How many characters a message has, unless what has to be said takes more.
const MESSAGE: usize = 400;

/// How many characters of what happened are told in any case.
const LEAST: usize = 160;

/// How many bytes of what confiture printed an error carries.
const EVIDENCE_LIMIT: usize = 16 * 1024;

/// The name under which this adapter presents itself.
pub(crate) const ADAPTER: &str = "confiture";

/// What to do where the state of the database is not known.
const ASK_FIRST: &str = "ask `current_revision` before anything else";

/// What is known about the database after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabaseState {
    /// Nothing was started.
    NotStarted,
    /// The operation does not change the database, or failed before it did.
    Untouched,
    /// These versions and no others were applied, and stay.
    Applied(Vec<String>),
    /// These versions were applied, and stay; the next one may be applied too.
    AppliedAtLeast(Vec<String>),
    /// These versions were applied and rolled back again, down to where the call began.
    Undone { applied: Vec<String>, at: String },
    /// These versions were applied, and rolling them back failed.
    NotUndone { applied: Vec<String>, why: String },
    /// These versions and no others were rolled back, and stay so.
    RolledBack(Vec<String>),
    /// These versions were rolled back, and stay so; the next one may be rolled back too.
    RolledBackAtLeast(Vec<String>),
    /// The operation ran, and whether it changed anything is not known.
    Unknown,
    /// The same, and confiture may have committed a part of a migration.
    PerhapsTorn,
    /// The same, but the server rolls back what was under way.
    Killed,
}

impl DatabaseState {
    /// What is known when the operation failed and left no word about the database.
    pub(crate) const fn without_report(operation: Operation) -> Self {
        match operation {
            Operation::Up | Operation::DownTo => Self::Unknown,
            Operation::Describe
            | Operation::CurrentRevision
            | Operation::Verify
            | Operation::Preflight => Self::Untouched,
        }
    }
}

impl DatabaseState {
    /// The same, with the versions that a report named as they may leave.
    fn redacted(mut self, redactor: &Redactor) -> Self {
        if let Self::Applied(versions)
        | Self::AppliedAtLeast(versions)
        | Self::Undone {
            applied: versions, ..
        }
        | Self::NotUndone {
            applied: versions, ..
        }
        | Self::RolledBack(versions)
        | Self::RolledBackAtLeast(versions) = &mut self
        {
            for version in versions {
                *version = redactor.identifier(version).into_owned();
            }
        }
        self
    }
}

impl fmt::Display for DatabaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("nothing was started"),
            Self::Untouched => f.write_str("the database was not changed by this call"),
            Self::Applied(versions) if versions.is_empty() => {
                f.write_str("no migration was applied")
            }
            Self::Applied(versions) => {
                let (were, stay) = number(versions, ("was", "stays"), ("were", "stay"));
                let versions = listed(versions);
                write!(f, "{versions} {were} applied before that and {stay}")
            }
            Self::AppliedAtLeast(versions) if versions.is_empty() => {
                write!(f, "whether a migration was applied is unknown: {ASK_FIRST}")
            }
            Self::AppliedAtLeast(versions) => write!(
                f,
                "at least {} {} applied before that, perhaps the next one too: {ASK_FIRST}",
                listed(versions),
                number(versions, "was", "were"),
            ),
            Self::Undone { applied, at } => {
                let were = number(applied, "was", "were");
                let applied = listed(applied);
                write!(
                    f,
                    "{applied} {were} applied before that and rolled back again: the database is at \
                     {at}, where it was"
                )
            }
            Self::NotUndone { applied, why } => {
                let were = number(applied, "was", "were");
                let applied = listed(applied);
                write!(
                    f,
                    "{applied} {were} applied before that, and {why}: {ASK_FIRST}"
                )
            }
            Self::RolledBack(versions) if versions.is_empty() => {
                f.write_str("no migration was rolled back")
            }
            Self::RolledBack(versions) => {
                let (were, stay) = number(versions, ("was", "stays"), ("were", "stay"));
                let versions = listed(versions);
                write!(f, "{versions} {were} rolled back before that and {stay} so")
            }
            Self::RolledBackAtLeast(versions) if versions.is_empty() => write!(
                f,
                "whether a migration was rolled back is unknown: {ASK_FIRST}"
            ),
            Self::RolledBackAtLeast(versions) => write!(
                f,
                "at least {} {} rolled back before that, perhaps the next one too: {ASK_FIRST}",
                listed(versions),
                number(versions, "was", "were"),
            ),
            Self::Unknown => write!(f, "what it did to the database is unknown: {ASK_FIRST}"),
            Self::Killed => write!(
                f,
                "what had ended stays, and the server rolls back the migration under way, unless \
                 that runs outside a transaction: {ASK_FIRST}"
            ),
            Self::PerhapsTorn => f.write_str(
                "what it did to the database is unknown, and confiture may have committed a part \
                 of a migration: ask `current_revision`, and compare the tables with it, before \
                 anything else",
            ),
        }
    }
}

/// How many versions are told one by one.
const TOLD: usize = 8;

fn listed(versions: &[String]) -> String {
    match versions {
        [first, .., last] if versions.len() > TOLD => {
            format!("{first} to {last} ({} migrations)", versions.len())
        }
        _ => versions.join(", "),
    }
}

fn number<T>(of: &[String], one: T, more: T) -> T {
    if of.len() == 1 { one } else { more }
}

/// A failure, before it is worded. Its texts may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) operation: Operation,
    pub(crate) kind: AdapterErrorKind,
    /// What happened, as a clause without a full stop.
    pub(crate) what: String,
    pub(crate) state: DatabaseState,
    /// What to do, as a clause without a full stop; empty when nothing is known to help.
    pub(crate) next: String,
    /// What confiture printed.
    pub(crate) evidence: Option<String>,
}

impl Failure {
    /// The error that leaves the adapter. This is the one way from what confiture said to an error,
    /// and it goes through the redactor.
    ///
    /// The message is one paragraph. What does not fit in it stands whole in the evidence.
    pub(crate) fn worded(self, redactor: &Redactor) -> AdapterError {
        let told = redactor.text(self.what.trim_end());
        let told = without_repetition(&told);
        let mut rest = format!("; {}", self.state.redacted(redactor));
        let next = redactor.text(self.next.trim());
        if !next.is_empty() {
            rest.push_str(". Next: ");
            rest.push_str(&next);
        }
        let room = MESSAGE.saturating_sub(rest.chars().count()).max(LEAST);
        let paragraph = paragraph(&told);
        let what = shortened(without_full_stop(&paragraph), room);
        let mut evidence = self.evidence.filter(|text| !text.trim().is_empty());
        if what.ends_with('…') {
            let whole = format!("[message]\n{told}\n{}", evidence.unwrap_or_default());
            evidence = Some(whole);
        }
        AdapterError {
            operation: Some(self.operation.as_str().into()),
            stderr: evidence
                .map(|text| Redactor::bounded(&redactor.text(&text), EVIDENCE_LIMIT).into_owned()),
            ..AdapterError::new(self.kind, what + &rest).with_adapter(ADAPTER)
        }
    }
}

/// The text without lines that only repeat: libpq tells the same `FATAL` for each of its attempts.
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

/// The text in one line, without the mark that points into the line above it.
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

/// Completes an error that arose before the operation was known, such as that of a secret.
pub(crate) fn in_operation(error: AdapterError, operation: Operation) -> AdapterError {
    AdapterError {
        operation: error.operation.or_else(|| Some(operation.as_str().into())),
        adapter: error.adapter.or_else(|| Some(ADAPTER.into())),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_what_the_state_and_what_next() {
        let error: AdapterError = Failure {
            operation: Operation::Up,
            kind: AdapterErrorKind::Execution,
            what: "migration 003 failed\n".into(),
            state: DatabaseState::Applied(vec!["001".into(), "002".into()]),
            next: "correct it".into(),
            evidence: Some("x".repeat(100_000)),
        }
        .worded(&Redactor::default());
        assert_eq!(
            error.message,
            "migration 003 failed; 001, 002 were applied before that and stay. Next: correct it"
        );
        assert_eq!(error.operation.as_deref(), Some("up"));
        assert_eq!(error.adapter.as_deref(), Some("confiture"));
        let evidence = error.stderr.expect("evidence");
        assert!(evidence.len() < EVIDENCE_LIMIT + 100, "{}", evidence.len());
    }

    #[test]
    fn the_state_stands_apart_from_what_a_tool_said() {
        let message = |what: &str| {
            let error: AdapterError = Failure {
                operation: Operation::Up,
                kind: AdapterErrorKind::Execution,
                what: what.into(),
                state: DatabaseState::Applied(vec!["001".into()]),
                next: String::new(),
                evidence: None,
            }
            .worded(&Redactor::default());
            error.message
        };
        let state = "001 was applied before that and stays";
        assert_eq!(message("it failed.\n"), format!("it failed; {state}"));
        assert_eq!(message("at SELECT..."), format!("at SELECT...; {state}"));
        let marked = "syntax error\nLINE 1: \\set\n        ^";
        assert_eq!(
            message(marked),
            format!("syntax error LINE 1: \\set; {state}")
        );
        let refused = "FATAL:  no such user";
        let twice = format!("at \"a\" failed: {refused}\nat \"b\" failed: {refused}");
        let once = format!("at \"a\" failed: FATAL: no such user; {state}");
        assert_eq!(message(&twice), once);
    }

    #[test]
    fn a_message_is_a_paragraph_and_what_does_not_fit_is_evidence() {
        let what = format!("it failed:\n{}", "many words ".repeat(100));
        let error = Failure {
            operation: Operation::Up,
            kind: AdapterErrorKind::Execution,
            what: what.clone(),
            state: DatabaseState::Applied((0..500).map(|it| format!("{it:03}")).collect()),
            next: "correct it".into(),
            evidence: Some("printed".into()),
        }
        .worded(&Redactor::default());
        assert!(error.message.chars().count() <= MESSAGE, "{error}");
        assert!(!error.message.contains('\n'), "{error}");
        let known = "000 to 499 (500 migrations) were applied before that and stay";
        assert!(error.message.contains(known), "{error}");
        let evidence = error.stderr.expect("evidence");
        assert!(evidence.contains(what.trim_end()) && evidence.ends_with("printed"));
    }

    #[test]
    fn versions_that_hold_a_secret_do_not_leave() {
        let redactor = Redactor::new([], ["hunter2-hunter2"]);
        for state in [
            DatabaseState::Applied,
            DatabaseState::AppliedAtLeast,
            DatabaseState::RolledBack,
            DatabaseState::RolledBackAtLeast,
        ] {
            let versions = vec!["001".to_owned(), "hunter2-hunter2".to_owned()];
            let told = state(versions).redacted(&redactor).to_string();
            assert!(
                told.contains("001, ***") && !told.contains("hunter"),
                "{told}"
            );
        }
    }

    #[test]
    fn every_state_says_something_of_its_own() {
        let states = [
            DatabaseState::NotStarted,
            DatabaseState::Untouched,
            DatabaseState::Applied(Vec::new()),
            DatabaseState::Applied(vec!["001".into()]),
            DatabaseState::RolledBack(vec!["001".into()]),
            DatabaseState::Unknown,
            DatabaseState::PerhapsTorn,
            DatabaseState::Killed,
        ];
        let texts: std::collections::BTreeSet<_> =
            states.iter().map(DatabaseState::to_string).collect();
        assert_eq!(texts.len(), states.len());
    }
}
