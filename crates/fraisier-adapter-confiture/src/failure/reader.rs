//! Makes failures of the output of one command, the same way for every operation.

use fraisier_adapter_api::AdapterErrorKind;
use serde::de::DeserializeOwned;

use super::advice::with_doctor;
use super::kind::{admits_no_change, claims_nothing_was_done, classify};
use super::printed::interruption;
use super::quoting::without_forbidden_advice;
use super::{Advice, DatabaseState, Failure, refusal};
use crate::operation::Operation;
use crate::process::{Exit, Interruption, Output};
use crate::release::ConfitureVersion;
use crate::report::{self, Envelope, Payload};

/// The code for a database that has no ledger.
const NO_LEDGER: &str = "PRECON_1001";

/// Reads the output of one finished command.
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
            Advice::None | Advice::LookCloser if timed_out => Advice::LookForBlocker,
            next => next,
        };
        let mut failure = Failure::new(kind, without_forbidden_advice(&what), state, next);
        failure.next = with_doctor(kind, timed_out, &without_forbidden_advice(&failure.next));
        failure.evidence = self.evidence();
        failure
    }

    /// A failure whose errors the report lists.
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
            // A success writes a report.
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
        self.failure(kind, &what, self.state_without_word(), Advice::LookCloser)
    }

    /// What is known about the database without a report.
    fn state_without_word(&self) -> DatabaseState {
        match DatabaseState::without_report(self.operation) {
            DatabaseState::Unknown if self.output.was_killed() => DatabaseState::Killed,
            state => state,
        }
    }

    /// confiture did not understand its arguments, although its release should.
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
mod tests {
    use super::*;
    use crate::process::Captured;
    use crate::testing::{envelope, interrupted, output};

    /// The failure of an `up` that left this envelope.
    fn failure(output: &Output) -> Failure {
        let operation = Operation::Up;
        let reader = Reader { operation, output };
        reader.report::<report::Up>().expect_err("a failure")
    }

    #[test]
    fn only_an_edited_file_is_to_be_restored() {
        let edited = "Checksum verification failed for 1 file(s)";
        for (code, message, restored) in [
            ("INTERNAL_ERROR", edited, true),
            ("INTERNAL_ERROR", "something else", false),
            ("MIGR_001", edited, false),
        ] {
            let failure = failure(&output(1, Some(&envelope(code, message, ""))));
            let advised = failure
                .next
                .contains(&Advice::RestoreEditedFile.to_string());
            assert_eq!(advised, restored, "{code}: {failure}");
            let state = if restored {
                DatabaseState::none_applied()
            } else {
                DatabaseState::Unknown
            };
            assert_eq!(failure.state, state, "{code}: {failure}");
        }
    }

    #[test]
    fn after_a_timeout_somebody_may_be_in_the_way() {
        let report = envelope("MIGR_001", "boom", "");
        let next = |output| failure(&output).next;
        let blocker = Advice::LookForBlocker.to_string();
        assert!(next(interrupted(1, Some(&report))).contains(&blocker));
        assert!(!next(output(1, Some(&report))).contains(&blocker));
        let dropped = Output {
            interrupted: Some(Interruption::Dropped),
            ..output(1, Some(&report))
        };
        assert!(!next(dropped).contains(&blocker));
    }

    #[test]
    fn a_code_that_says_nothing_was_done_is_not_believed_after_a_migration_began() {
        use AdapterErrorKind::{Execution, LockContention};

        for (printed, kind, state) in [
            ("", LockContention, DatabaseState::Untouched),
            (
                "🔒 Acquired migration lock",
                LockContention,
                DatabaseState::Untouched,
            ),
            (
                "⚡ Applying 002_orders...",
                Execution,
                DatabaseState::Unknown,
            ),
        ] {
            let failure = failure(&Output {
                stdout: Captured::from(printed.as_bytes().to_vec()),
                ..output(6, Some(&envelope("LOCK_1300", "held", "")))
            });
            assert_eq!(failure.kind, kind, "{printed}");
            assert_eq!(failure.state, state, "{printed}");
        }
    }
}
