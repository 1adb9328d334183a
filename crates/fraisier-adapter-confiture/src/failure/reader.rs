//! Reads one output as a failure: what every operation makes of an output that is no success.

use fraisier_adapter_api::AdapterErrorKind;
use serde::de::DeserializeOwned;

use super::advice::with_doctor;
use super::kind::{admits_no_change, claims_nothing_was_done, classify};
use super::quoting::{add_line, is_a_banner, names_our_report, without_forbidden_advice};
use super::{Advice, DatabaseState, Failure, refusal};
use crate::operation::Operation;
use crate::process::{Captured, Exit, Interruption, Output};
use crate::redact::text_of;
use crate::release::ConfitureVersion;
use crate::report::{self, Envelope, Payload};

/// The code for a database that has no ledger.
const NO_LEDGER: &str = "PRECON_1001";

/// Words the failures of one finished command.
pub struct Reader<'a> {
    pub(crate) operation: Operation,
    pub(crate) output: &'a Output,
}

impl Reader<'_> {
    pub(crate) fn exited_with(&self, status: i32) -> bool {
        self.output.exit == Exit::Code(status)
    }

    /// The report, or the envelope that stands in its place.
    ///
    /// # Errors
    ///
    /// When the output has neither.
    pub(crate) fn payload<T: DeserializeOwned>(&self) -> Result<Result<T, Envelope>, Failure> {
        match report::decode(self.output.report.as_ref()) {
            Payload::Nothing => Err(self.no_report()),
            Payload::Unreadable(why) => Err(self.unreadable(&why)),
            Payload::Envelope(envelope) => Ok(Err(envelope)),
            Payload::Report(report) => Ok(Ok(report)),
        }
    }

    /// The report.
    ///
    /// # Errors
    ///
    /// When the output has none.
    pub(crate) fn report<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.payload()?.map_err(|envelope| self.envelope(&envelope))
    }

    /// Whether the database has no ledger.
    pub(crate) fn tells_of_no_ledger(&self, envelope: &Envelope) -> bool {
        envelope.code.as_deref() == Some(NO_LEDGER) && self.exited_with(2)
    }

    /// A failure of this command, with what it printed as evidence.
    pub(crate) fn failure(
        &self,
        kind: AdapterErrorKind,
        what: &str,
        state: DatabaseState,
        next: Advice,
    ) -> Failure {
        let what = match self.output.interrupted {
            None => what.to_owned(),
            Some(why) => format!("{}, and confiture was stopped: {what}", interruption(why)),
        };
        let timed_out = matches!(self.output.interrupted, Some(Interruption::Timeout(_)));
        let next = match next {
            Advice::None if timed_out => Advice::LookForBlocker,
            next => next,
        };
        let mut failure = Failure::new(kind, without_forbidden_advice(&what), state, next);
        failure.next = with_doctor(kind, timed_out, &without_forbidden_advice(&failure.next));
        failure.evidence = self.evidence();
        failure
    }

    /// A failure of which the report lists the errors.
    pub(crate) fn errors(
        &self,
        kind: AdapterErrorKind,
        what: &str,
        errors: &[String],
        state: DatabaseState,
        next: Advice,
    ) -> Failure {
        let what = format!("{what} ({})", self.exit());
        let errors = errors.iter().map(|error| without_forbidden_advice(error));
        Failure {
            errors: errors.collect(),
            ..self.failure(kind, &what, state, next)
        }
    }

    /// confiture reported a failure of its own.
    pub(crate) fn envelope(&self, envelope: &Envelope) -> Failure {
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
        if !envelope.message.trim().is_empty() {
            what.push_str(": ");
            what.push_str(envelope.message.trim());
        }
        let mut kind = classify(self.output.exit, code, false);
        let mut state = self.state_without_word();
        let stated = without_forbidden_advice(envelope.actionable.as_deref().unwrap_or_default());
        let mut next = Advice::after(code.unwrap_or_default(), &stated);
        if !self.began() {
            if refusal::ledger_was_made_by_another(&envelope.message) {
                kind = AdapterErrorKind::LockContention;
                state = DatabaseState::Untouched;
                next = Advice::WaitForOtherDeploy;
            } else if refuses_edited_files(envelope) {
                state = self.state_before_any_change();
                next = Advice::RestoreEditedFile;
            } else if code.is_some_and(|code| {
                before_any_change(code) && admits_no_change(self.output.exit, code)
            }) {
                state = DatabaseState::Untouched;
            }
        } else if claims_nothing_was_done(kind) {
            kind = AdapterErrorKind::Execution;
        }
        self.failure(kind, &what, state, next)
    }

    /// What is known when confiture refused to begin.
    fn state_before_any_change(&self) -> DatabaseState {
        match self.operation {
            Operation::Up => DatabaseState::none_applied(),
            _ => DatabaseState::Untouched,
        }
    }

    /// Whether it printed that it began with a migration, as releases before 0.48.0 do.
    pub(super) fn began(&self) -> bool {
        let lines = lines(&self.output.stdout);
        lines.iter().any(|line| line.contains("⚡ Applying "))
    }

    /// There is a report file, and it holds no report.
    pub(crate) fn unreadable(&self, why: &str) -> Failure {
        self.failure(
            AdapterErrorKind::InternalError,
            &format!(
                "confiture's report cannot be read as one ({}): {why}",
                self.exit()
            ),
            self.state_without_word(),
            Advice::None,
        )
    }

    /// There is no report file although there had to be one.
    pub(crate) fn no_report(&self) -> Failure {
        let kind = match self.output.exit {
            // Whatever the class of the status: nobody said what failed, and something ran.
            Exit::Code(0) => AdapterErrorKind::InternalError,
            exit => classify(exit, None, false),
        };
        let mut what = if self.output.interrupted.is_some() {
            format!("it left no report ({})", self.exit())
        } else {
            format!("confiture left no report ({})", self.exit())
        };
        if let Some(line) = self.last_words() {
            what = format!("{what}; the last it printed is: {line}");
        }
        self.failure(kind, &what, self.state_without_word(), Advice::None)
    }

    /// What is known about the database when nothing was reported about it.
    fn state_without_word(&self) -> DatabaseState {
        let stopped = self.output.interrupted.is_some();
        match DatabaseState::without_report(self.operation) {
            DatabaseState::Unknown if stopped && self.output.killed => DatabaseState::Killed,
            DatabaseState::Unknown if stopped => DatabaseState::PerhapsTorn,
            state => state,
        }
    }

    /// confiture did not understand the command, although it is not too old for it.
    pub(crate) fn usage_error(&self, version: &ConfitureVersion) -> Failure {
        let said = self.last_words().unwrap_or_default();
        let next = if said.contains("--allow-destructive") {
            Advice::TakeBackAllowDestructive
        } else {
            Advice::TakeNewerRelease
        };
        self.failure(
            AdapterErrorKind::InvalidConfig,
            &format!("confiture {version} does not understand the command it was given: {said}"),
            DatabaseState::Untouched,
            next,
        )
    }

    /// A report, the exit status and the request do not agree.
    pub(crate) fn contradiction(&self, what: &str, state: DatabaseState) -> Failure {
        self.failure(
            AdapterErrorKind::InternalError,
            &format!(
                "confiture's answer contradicts itself ({}): {what}",
                self.exit()
            ),
            state,
            Advice::None,
        )
    }

    /// The exit status or signal, in words.
    pub(crate) fn exit(&self) -> String {
        match self.output.exit {
            Exit::Code(status) => format!("exit status {status}"),
            Exit::Signal(signal) => format!("killed by signal {signal}"),
        }
    }

    /// Whether the command may not have been understood: the status of a usage error, and no
    /// report. A `.py` migration can end the process in the same way.
    pub(crate) fn is_like_a_usage_error(&self) -> bool {
        self.exited_with(2) && self.output.report.is_none()
    }

    /// Whether it printed what is printed about a command that is not understood.
    pub(crate) fn speaks_of_usage(&self) -> bool {
        lines(&self.output.stderr)
            .iter()
            .any(|line| line.starts_with("Usage: ") || line.starts_with("Error: No such "))
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

    /// What confiture printed, without advice that is not ours to pass on.
    pub(crate) fn evidence(&self) -> String {
        let mut text = text_of(&self.output.stderr);
        let stdout = text_of(&self.output.stdout);
        let stdout = stdout.trim().lines().filter(|line| !names_our_report(line));
        let stdout: Vec<_> = stdout.collect();
        if !stdout.is_empty() {
            add_line(&mut text, "[stdout]\n");
            text.push_str(&stdout.join("\n"));
        }
        without_forbidden_advice(&text)
    }

    /// The log of a success.
    pub(crate) fn log(&self) -> String {
        let mut log = self.evidence();
        if let Some(why) = self.output.interrupted {
            let line = "and confiture was stopped; its work was done before that took effect";
            add_line(&mut log, &format!("{}, {line}", interruption(why)));
        }
        log
    }

    /// The last lines it printed. Where something else is printed last on standard error, a release
    /// before 0.48.0 tells only on standard output why it stopped.
    fn last_words(&self) -> Option<String> {
        let streams = [(&self.output.stderr, 1), (&self.output.stdout, 4)];
        let said: Vec<String> = streams
            .into_iter()
            .filter_map(|(stream, count)| {
                let text = without_forbidden_advice(&text_of(stream));
                let lines = text.lines().map(str::trim);
                let lines = lines.filter(|line| !line.is_empty() && !is_a_banner(line));
                let lines: Vec<&str> = lines.collect();
                let last = &lines[lines.len().saturating_sub(count)..];
                (!last.is_empty()).then(|| last.join(" / "))
            })
            .collect();
        (!said.is_empty()).then(|| said.join(" / "))
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
        Interruption::Dropped => "the call was given up".into(),
    }
}

/// Whether confiture refuses to begin because a file was edited after it was applied: it compares
/// them all before the first migration.
fn refuses_edited_files(envelope: &Envelope) -> bool {
    envelope.code.as_deref() == Some("INTERNAL_ERROR")
        && envelope
            .message
            .starts_with("Checksum verification failed for ")
}

/// Whether confiture finds this wrong before it changes anything.
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
