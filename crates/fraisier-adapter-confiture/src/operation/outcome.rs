//! What a finished command says, and the failures that follow from it, the same for every operation.

use std::ops::Deref;

use fraisier_adapter_api::AdapterErrorKind;

use super::Operation;
use super::server_error::{Before, before_migrations, what_became};
use crate::failure::{
    Advice, Cause, Change, DatabaseState, Fault, add_line, admits_no_change, classify,
    names_our_report, without_harmful_advice,
};
use crate::process::{Captured, Exit, Interruption, Output};
use crate::redact::text_of;
use crate::release::ConfitureVersion;
use crate::release::capability::Need;
use crate::report::{self, Decode, Envelope, Payload};
use crate::request::Settings;

/// The code for a database that has no ledger.
const NO_LEDGER: &str = "PRECON_1001";

/// A finished command and its report, which is decoded once.
pub(crate) struct Outcome<T> {
    ended: Ended,
    payload: Payload<T>,
}

impl<T: Decode> Outcome<T> {
    pub(crate) fn of(mut ended: Ended) -> Self {
        Self {
            payload: report::decode(ended.output.report.take()),
            ended,
        }
    }
}

impl<T> Outcome<T> {
    /// The report, or the envelope in its place.
    ///
    /// # Errors
    ///
    /// When there is neither.
    pub(crate) fn payload(&self) -> Result<Result<&T, &Envelope>, Fault> {
        match &self.payload {
            Payload::Nothing => Err(self.no_report()),
            Payload::Unreadable(why) => Err(self.unreadable(why)),
            Payload::Envelope(envelope) => Ok(Err(envelope)),
            Payload::Report(report) => Ok(Ok(report)),
        }
    }

    /// The report.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn report(&self) -> Result<&T, Fault> {
        self.payload()?.map_err(|envelope| self.envelope(envelope))
    }

    /// Whether it wrote nothing where a report should be.
    pub(crate) fn lacks_report(&self) -> bool {
        matches!(self.payload, Payload::Nothing)
    }
}

impl<T> Deref for Outcome<T> {
    type Target = Ended;

    fn deref(&self) -> &Ended {
        &self.ended
    }
}

/// A finished command of an operation.
pub(crate) struct Ended {
    pub(crate) operation: Operation,
    pub(crate) output: Output,
}

impl Ended {
    pub(crate) fn exited_with(&self, status: i32) -> bool {
        self.output.exit == Exit::Code(status)
    }

    /// The exit status or signal, in words.
    pub(crate) fn exit(&self) -> String {
        match self.output.exit {
            Exit::Code(status) => format!("exit status {status}"),
            Exit::Signal(signal) => format!("killed by signal {signal}"),
        }
    }

    /// Whether it printed that it began with a migration, as releases before 0.48.0 do.
    pub(crate) fn began(&self) -> bool {
        let lines = lines(&self.output.stdout);
        lines.iter().any(|line| line.contains("⚡ Applying "))
    }

    /// Whether it exited as confiture does when it does not understand its arguments: with status 2
    /// and no report, before the first migration. A `.py` migration can end the process in the same way.
    pub(crate) fn resembles_usage_error(&self) -> bool {
        self.exited_with(2) && self.output.report.is_none() && !self.began()
    }

    /// Whether it printed a usage message.
    pub(crate) fn printed_usage(&self) -> bool {
        lines(&self.output.stderr)
            .iter()
            .any(|line| line.starts_with("Usage: ") || line.starts_with("Error: No such "))
    }

    /// The error with which Python ended before it ran anything of confiture, if it looks so: an error of
    /// Python's own, and nothing else.
    pub(crate) fn start_error(&self) -> Option<String> {
        let is_bare =
            self.exited_with(1) && self.output.report.is_none() && !self.printed_anything();
        if !is_bare {
            return None;
        }
        let is_error = |line: &&String| {
            let name = line
                .split_once(": ")
                .map_or(line.as_str(), |(name, _)| name);
            let is_name = name
                .chars()
                .all(|it| it.is_alphanumeric() || "._".contains(it));
            is_name && (name.ends_with("Error") || name.ends_with("Exception"))
                || line.starts_with("Fatal Python error: ")
        };
        let stderr = lines(&self.output.stderr);
        stderr.iter().rfind(is_error).cloned()
    }

    /// Whether it printed this line on standard output.
    pub(crate) fn printed(&self, line: &str) -> bool {
        lines(&self.output.stdout)
            .iter()
            .any(|it| it.trim() == line)
    }

    /// Whether it printed anything but blanks on standard output.
    pub(crate) fn printed_anything(&self) -> bool {
        let stdout = &self.output.stdout;
        stdout.omitted > 0 || lines(stdout).iter().any(|it| !it.trim().is_empty())
    }

    /// What confiture printed, without harmful advice.
    pub(crate) fn evidence(&self) -> String {
        let mut text = text_of(&self.output.stderr);
        let stdout = text_of(&self.output.stdout);
        let stdout = stdout.trim().lines().filter(|line| !names_our_report(line));
        let stdout: Vec<_> = stdout.collect();
        if !stdout.is_empty() {
            add_line(&mut text, "[stdout]\n");
            text.push_str(&stdout.join("\n"));
        }
        without_harmful_advice(&text)
    }

    /// The log of a success.
    pub(crate) fn log(&self) -> String {
        let mut log = self.evidence();
        if let Some(why) = self.output.interrupted {
            let line = "and confiture was stopped; it had completed its work before that";
            add_line(&mut log, &format!("{}, {line}", interruption(why)));
        }
        log
    }

    /// The last line of standard error and the last four of standard output. A release before 0.48.0
    /// says only on standard output why it stopped; the last line of standard error may be about
    /// something else.
    fn last_lines(&self) -> Option<String> {
        let streams = [(&self.output.stderr, 1), (&self.output.stdout, 4)];
        let said: Vec<String> = streams
            .into_iter()
            .filter_map(|(stream, count)| {
                let text = without_harmful_advice(&text_of(stream));
                let lines = text.lines().map(str::trim);
                let lines = lines.filter(|line| !line.is_empty() && !is_a_banner(line));
                let lines: Vec<&str> = lines.collect();
                let last = &lines[lines.len().saturating_sub(count)..];
                (!last.is_empty()).then(|| last.join(" / "))
            })
            .collect();
        (!said.is_empty()).then(|| said.join(" / "))
    }

    /// Whether the database has no ledger.
    pub(crate) fn lacks_ledger(&self, envelope: &Envelope) -> bool {
        envelope.code.as_deref() == Some(NO_LEDGER) && self.exited_with(2)
    }

    /// A failure of this command, with what it printed as evidence.
    pub(crate) fn fault(
        &self,
        kind: AdapterErrorKind,
        what: &str,
        state: DatabaseState,
        next: Advice,
    ) -> Fault {
        let what = without_harmful_advice(what);
        let Some(why) = self.output.interrupted else {
            return Fault::new(kind, what, state, next).with_evidence(&self.evidence());
        };
        let timed_out = matches!(why, Interruption::Timeout(_));
        let next = if timed_out && next.is_general() {
            Advice::find_blocker()
        } else {
            next
        };
        let what = format!("{}, and confiture was stopped: {what}", interruption(why));
        Fault::new(kind, what, state, next)
            .with_evidence(&self.evidence())
            .caused_by(Cause::Stopped(why))
    }

    /// A failure whose errors the report lists.
    pub(crate) fn errors(
        &self,
        kind: AdapterErrorKind,
        errors: &[String],
        state: DatabaseState,
        next: Advice,
    ) -> Fault {
        let next = Advice::about(errors).unwrap_or(next);
        let errors = errors.iter().map(|error| without_harmful_advice(error));
        self.fault(kind, &self.exit(), state, next)
            .with_errors(errors)
    }

    /// confiture reported a failure of its own.
    pub(crate) fn envelope(&self, envelope: &Envelope) -> Fault {
        let code = envelope.code.as_deref();
        let mut what = match code {
            Some(code) => format!("confiture failed with {code} ({})", self.exit()),
            None => format!("confiture failed without a code ({})", self.exit()),
        };
        for (name, value) in [("migration", &envelope.migration), ("file", &envelope.file)] {
            if let Some(value) = value {
                what = format!("{what}, {name} {value}");
            }
        }
        let said = envelope.message.trim();
        let is_about_migration = what_became(said).is_some();
        if is_about_migration {
            what = format!("{}, {}", code.unwrap_or("without a code"), self.exit());
        } else if !said.is_empty() {
            what = format!("{what}: {said}");
        }
        let kind = classify(self.output.exit, code, false);
        let stated = without_harmful_advice(envelope.actionable.as_deref().unwrap_or_default());
        let next = Advice::after(code.unwrap_or_default(), &stated);
        if !self.began() {
            let (kind, next) = match before_migrations(&envelope.message) {
                Some(Before::Contention(next)) => (AdapterErrorKind::LockContention, Some(next)),
                Some(Before::Ledger(advice)) => {
                    (kind, Some(advice.unwrap_or_else(|| next.clone())))
                }
                None => (kind, None),
            };
            if let Some(next) = next {
                return self.fault(kind, &what, DatabaseState::Unchanged, next);
            }
            if refuses_edited_files(envelope) {
                let (state, next) = (self.refused(), Advice::restore_edited_file());
                return self
                    .fault(kind, &what, state, next)
                    .caused_by(Cause::EditedFile);
            }
        }
        let refused = !self.began()
            && code.is_some_and(|code| {
                before_any_change(code) && admits_no_change(self.output.exit, code)
            });
        let state = if refused {
            DatabaseState::Unchanged
        } else {
            self.state_without_report()
        };
        let errors = is_about_migration.then(|| without_harmful_advice(said));
        let fault = self.fault(kind, &what, state, next).with_errors(errors);
        match code {
            Some(code) if *fault.cause() == Cause::Other => {
                fault.caused_by(Cause::Code(code.to_owned()))
            }
            _ => fault,
        }
    }

    /// What is known when confiture refused to begin. An `up` may have created the ledger.
    pub(crate) fn refused(&self) -> DatabaseState {
        match self.operation {
            Operation::Up => DatabaseState::exactly(Change::Applied, &[]),
            _ => DatabaseState::Unchanged,
        }
    }

    /// There is a report file, and what is in it is no report.
    fn unreadable(&self, why: &str) -> Fault {
        let what = format!("confiture's report cannot be read ({}): {why}", self.exit());
        self.mistrusted(&what, self.state_without_report())
    }

    fn mistrusted(&self, what: &str, state: DatabaseState) -> Fault {
        self.fault(AdapterErrorKind::InternalError, what, state, Advice::none())
    }

    /// There is no report file although there should be one.
    pub(crate) fn no_report(&self) -> Fault {
        let kind = match self.output.exit {
            // A success writes a report.
            Exit::Code(0) => AdapterErrorKind::InternalError,
            exit => classify(exit, None, false),
        };
        let subject = self.output.interrupted.map_or("confiture", |_| "it");
        let mut what = format!("{subject} wrote no report ({})", self.exit());
        if let Some(line) = self.last_lines() {
            what = format!("{what}; its last output: {line}");
        }
        self.fault(kind, &what, self.state_without_report(), Advice::diagnose())
    }

    /// What is known about the database without a report.
    pub(crate) fn state_without_report(&self) -> DatabaseState {
        if !self.operation.changes_database() {
            DatabaseState::Unchanged
        } else if self.output.interrupted.is_some() {
            DatabaseState::InProgress
        } else {
            DatabaseState::Unknown
        }
    }

    /// confiture did not understand its arguments. A release without the `--allow-destructive` that it was
    /// given did nothing; otherwise, where migrations run, one of them may have printed the same.
    pub(crate) fn usage_error(&self, version: &ConfitureVersion, settings: &Settings) -> Fault {
        let said = self.last_lines().unwrap_or_default();
        let lacks_option = self.operation == Operation::Up
            && settings.allow_destructive
            && !Need::AllowDestructive.is_met_by(version);
        let (state, next) = if lacks_option {
            let minimum = Need::AllowDestructive.floor().release();
            let next = Advice::remove_allow_destructive(&minimum);
            (DatabaseState::Unchanged, next)
        } else {
            (self.state_without_report(), Advice::use_newer_release())
        };
        let what = format!("confiture {version} does not understand the command: {said}");
        let kind = AdapterErrorKind::InvalidConfig;
        self.fault(kind, &what, state, next).caused_by(Cause::Usage)
    }

    /// The report, the exit status and the request do not agree.
    pub(crate) fn contradiction(&self, what: &str, state: DatabaseState) -> Fault {
        let what = format!(
            "confiture's report contradicts the evidence ({}): {what}",
            self.exit()
        );
        self.mistrusted(&what, state)
    }

    /// The same about an operation that does not change the database.
    pub(crate) fn harmless_contradiction(&self, what: &str) -> Fault {
        self.contradiction(what, DatabaseState::Unchanged)
    }
}

/// The lines that were kept of a stream.
fn lines(of: &Captured) -> Vec<String> {
    let parts = [&of.head, &of.tail].map(|part| String::from_utf8_lossy(part));
    let lines = parts.iter().flat_map(|part| part.lines());
    lines.map(str::to_owned).collect()
}

fn interruption(why: Interruption) -> String {
    match why {
        Interruption::Timeout(after) => format!("the timeout of {after:?} ran out"),
        Interruption::Dropped => "the call was cancelled".into(),
    }
}

/// Whether a line says nothing of why a command failed.
fn is_a_banner(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "These SQL files exist but won't be applied",
        "Confiture only recognizes migration files",
        "• ",
        "Learn more: ",
        "🔐 Checksum verification passed",
        "🔒 Acquired migration lock",
        "📦 Found ",
        "Migration file not found for ",
    ];
    names_our_report(line) || BEGINNINGS.iter().any(|start| line.starts_with(start))
}

/// Whether confiture refuses to begin because a file was edited after it was applied: it compares
/// them all before the first migration.
fn refuses_edited_files(envelope: &Envelope) -> bool {
    envelope.code.as_deref() == Some("INTERNAL_ERROR")
        && envelope
            .message
            .starts_with("Checksum verification failed for ")
}

/// Whether confiture fails with this code before it changes anything.
fn before_any_change(code: &str) -> bool {
    const CODES: [&str; 9] = [
        "CONFIG_006",
        "CONFIG_010",
        "LOCK_1300",
        "MIGR_100",
        "MIGR_106",
        "PRECON_1001",
        "ROLLBACK_600",
        "VALID_002",
        "VALID_008",
    ];
    CODES.contains(&code)
}

#[cfg(test)]
mod tests;
