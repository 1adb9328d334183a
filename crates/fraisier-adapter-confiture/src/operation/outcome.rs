//! What a finished command says, and the failures that follow from it, the same for every operation.

use std::ops::Deref;

use fraisier_adapter_api::AdapterErrorKind as Kind;

use super::Operation;
use super::server_error::{before_migrations, what_became};
use crate::failure::{
    Advice, Cause, Change, DatabaseState, Fault, Result, add_line, classify, is_refusal,
    names_our_report, without_harmful_advice,
};
use crate::process::{Exit, Interruption, Output};
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
    pub(crate) fn payload(&self) -> Result<Result<&T, &Envelope>> {
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
    pub(crate) fn report(&self) -> Result<&T> {
        self.payload()?.map_err(|envelope| self.envelope(envelope))
    }

    /// The report; `None` where the database has no ledger.
    ///
    /// # Errors
    ///
    /// When there is no report for another reason.
    pub(crate) fn report_on_ledger(&self) -> Result<Option<&T>> {
        match self.payload()? {
            Ok(report) => Ok(Some(report)),
            Err(envelope) if envelope.code.as_deref() == Some(NO_LEDGER) && self.exited_with(2) => {
                Ok(None)
            }
            Err(envelope) => Err(self.envelope(envelope)),
        }
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
        text_of(&self.output.stdout).contains("⚡ Applying ")
    }

    /// Whether it exited as confiture does when it does not understand its arguments: with status 2
    /// and no report, before the first migration. A `.py` migration can end the process in the same way.
    pub(crate) fn resembles_usage_error(&self) -> bool {
        self.exited_with(2) && self.output.report.is_none() && !self.began()
    }

    /// Whether it printed a usage message.
    pub(crate) fn printed_usage(&self) -> bool {
        let is_usage =
            |line: &str| line.starts_with("Usage: ") || line.starts_with("Error: No such ");
        text_of(&self.output.stderr).lines().any(is_usage)
    }

    /// The error with which Python seems to have ended before it ran confiture: there is no report, nothing
    /// on standard output, and an exception on standard error.
    pub(crate) fn start_error(&self) -> Option<String> {
        if !self.exited_with(1) || self.output.report.is_some() || self.printed_anything() {
            return None;
        }
        let is_error = |line: &&str| {
            let name = line.split_once(": ").map_or(*line, |(name, _)| name);
            let is_name = name
                .chars()
                .all(|it| it.is_alphanumeric() || "._".contains(it));
            is_name && (name.ends_with("Error") || name.ends_with("Exception"))
                || line.starts_with("Fatal Python error: ")
        };
        let stderr = text_of(&self.output.stderr);
        stderr.lines().rfind(is_error).map(str::to_owned)
    }

    /// Whether it printed this line on standard output.
    pub(crate) fn printed(&self, line: &str) -> bool {
        let stdout = text_of(&self.output.stdout);
        stdout.lines().any(|it| it.trim() == line)
    }

    /// Whether it printed anything but blanks on standard output.
    pub(crate) fn printed_anything(&self) -> bool {
        !text_of(&self.output.stdout).trim().is_empty()
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
        let last = |stream, count| {
            let text = without_harmful_advice(&text_of(stream));
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !is_a_banner(line));
            let lines: Vec<String> = lines.map(str::to_owned).collect();
            lines[lines.len().saturating_sub(count)..].to_vec()
        };
        let said = [last(&self.output.stderr, 1), last(&self.output.stdout, 4)].concat();
        (!said.is_empty()).then(|| said.join(" / "))
    }

    /// A failure of this command, with what it printed as evidence.
    pub(crate) fn fault(
        &self,
        kind: Kind,
        what: &str,
        state: DatabaseState,
        next: Advice,
    ) -> Fault {
        let what = without_harmful_advice(what);
        let Some(why) = self.output.interrupted else {
            return Fault::new(kind, what, state, next).with_evidence(&self.evidence());
        };
        let next = match why {
            Interruption::Timeout(_) if next.is_general() => Advice::find_blocker(),
            _ => next,
        };
        let what = format!("{}, and confiture was stopped: {what}", interruption(why));
        Fault::new(kind, what, state, next)
            .with_evidence(&self.evidence())
            .caused_by(Cause::Stopped(why))
    }

    /// A failure whose errors the report lists.
    pub(crate) fn errors(
        &self,
        kind: Kind,
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
        let said = envelope.message.trim();
        let is_about_migration = what_became(said).is_some();
        let what = if is_about_migration {
            format!("{}, {}", code.unwrap_or("without a code"), self.exit())
        } else {
            let with = code.map_or("without a code".into(), |code| format!("with {code}"));
            let mut what = format!("confiture failed {with} ({})", self.exit());
            for (name, value) in [
                (", migration ", envelope.migration.as_deref()),
                (", file ", envelope.file.as_deref()),
                (": ", Some(said).filter(|said| !said.is_empty())),
            ] {
                what.extend(value.map(|value| format!("{name}{value}")));
            }
            what
        };
        let mut kind = classify(self.output.exit, code, false);
        let mut cause = code.map_or(Cause::Other, |code| Cause::Code(code.to_owned()));
        let mut state = self.state_without_report();
        let advised = without_harmful_advice(envelope.actionable.as_deref().unwrap_or_default());
        let mut next = Advice::after(code.unwrap_or_default(), &advised);
        if self.began() {
            // A migration may have raised what looks like one of the errors below.
        } else if let Some((before, advice)) = before_migrations(&envelope.message) {
            if before == Cause::Contention {
                kind = Kind::LockContention;
            }
            (cause, state) = (before, DatabaseState::Unchanged);
            next = advice.unwrap_or(next);
        } else if refuses_edited_files(envelope) {
            (cause, next) = (Cause::EditedFile, Advice::restore_edited_file());
            // An `up` may have created the ledger.
            state = match self.operation {
                Operation::Up => DatabaseState::exactly(Change::Applied, &[]),
                _ => DatabaseState::Unchanged,
            };
        } else if code.is_some_and(|code| is_refusal(self.output.exit, code)) {
            state = DatabaseState::Unchanged;
            if rejects_parameter(said) {
                (kind, next) = (Kind::InvalidConfig, Advice::correct_setting());
            }
        }
        let errors = is_about_migration.then(|| without_harmful_advice(said));
        let fault = self.fault(kind, &what, state, next).with_errors(errors);
        if cause == Cause::EditedFile || *fault.cause() == Cause::Other {
            return fault.caused_by(cause);
        }
        fault
    }

    /// The report file does not contain a report.
    fn unreadable(&self, why: &str) -> Fault {
        let what = format!("confiture's report cannot be read ({}): {why}", self.exit());
        let state = self.state_without_report();
        self.fault(Kind::InternalError, &what, state, Advice::none())
    }

    /// The report, the exit status and the request do not agree.
    pub(crate) fn contradiction(&self, what: &str) -> Fault {
        let exit = self.exit();
        let what = format!("confiture's report contradicts the evidence ({exit}): {what}");
        let state = self.operation.uncertain_state();
        self.fault(Kind::InternalError, &what, state, Advice::none())
    }

    /// There is no report file although there should be one.
    pub(crate) fn no_report(&self) -> Fault {
        let kind = match self.output.exit {
            // A success writes a report.
            Exit::Code(0) => Kind::InternalError,
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
        match self.operation.uncertain_state() {
            DatabaseState::Unknown if self.output.interrupted.is_some() => {
                DatabaseState::InProgress
            }
            state => state,
        }
    }

    /// confiture did not understand its arguments. A release that lacks `--allow-destructive` did nothing.
    /// Otherwise, if the operation runs migrations, one of them may have printed the usage message.
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
        self.fault(Kind::InvalidConfig, &what, state, next)
            .caused_by(Cause::Usage)
    }
}

fn interruption(why: Interruption) -> String {
    match why {
        Interruption::Timeout(after) => format!("the timeout of {after:?} ran out"),
        Interruption::Dropped => "the call was cancelled".into(),
    }
}

/// Whether a line does not say why a command failed.
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

/// Whether libpq rejected a parameter before it looked for a server. The connection string was checked, so
/// the parameter is one of a variable, or has a value that another one forbids.
fn rejects_parameter(said: &str) -> bool {
    const BEGINNINGS: [&str; 4] = [
        "invalid ",
        "weak sslmode ",
        "could not match ",
        "sslmode value ",
    ];
    let why = said.split_once(": connection is bad: ");
    why.is_some_and(|(_, why)| BEGINNINGS.iter().any(|it| why.starts_with(it)))
}

/// Whether confiture refuses to begin because a file was edited after it was applied: it compares
/// them all before the first migration.
fn refuses_edited_files(envelope: &Envelope) -> bool {
    envelope.code.as_deref() == Some("INTERNAL_ERROR")
        && envelope
            .message
            .starts_with("Checksum verification failed for ")
}

#[cfg(test)]
mod tests;
