//! What it means that a command could not be run.

use std::io::{self, ErrorKind};

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
use rustix::io::Errno;

use crate::failure::Reader;
use crate::failure::{DatabaseState, Failure};
use crate::operation::Operation;
use crate::process::{Obstacle, RunError};
use crate::redact::Redactor;
use crate::request::NamedBy;

/// What to do about a shortage of this machine.
pub(crate) const SHORTAGE: &str = "free what is exhausted on this machine, then try again";

/// Whether this machine is out of something: descriptors, memory, threads.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    Errno::from_io_error(error).is_some_and(|errno| SHORTAGES.contains(&errno))
}

/// Words the failure to run a command.
pub(crate) fn not_run(
    operation: Operation,
    named_by: NamedBy,
    error: &RunError,
    redactor: &Redactor,
) -> AdapterError {
    let what = error.to_string();
    let (kind, state, next) = match error {
        RunError::Report { output, .. } => {
            let reader = Reader {
                operation,
                output,
                redactor,
            };
            let next = "allow larger reports with the builder's `report_limit`, if that is it";
            return reader.failure(
                AdapterErrorKind::InternalError,
                &what,
                DatabaseState::without_report(operation),
                next,
            );
        }
        RunError::Program {
            obstacle: Obstacle::Busy | Obstacle::Descriptors | Obstacle::Resources,
            ..
        } => (
            AdapterErrorKind::Execution,
            DatabaseState::NotStarted,
            SHORTAGE,
        ),
        RunError::Program { obstacle, .. } => (
            AdapterErrorKind::InvalidConfig,
            DatabaseState::NotStarted,
            after_obstacle(*obstacle, named_by),
        ),
        RunError::WorkDir { .. } => (
            AdapterErrorKind::InvalidConfig,
            DatabaseState::NotStarted,
            "correct the `workdir`",
        ),
        RunError::TempDir { source, .. }
            if matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
            ) =>
        {
            (
                AdapterErrorKind::InternalError,
                DatabaseState::NotStarted,
                "let `TMPDIR` name a directory that this user can write to",
            )
        }
        RunError::Lost { .. } => (
            AdapterErrorKind::InternalError,
            DatabaseState::without_report(operation),
            "",
        ),
        _ => (
            AdapterErrorKind::Execution,
            DatabaseState::NotStarted,
            SHORTAGE,
        ),
    };
    Failure {
        operation,
        kind,
        what,
        state,
        next: next.into(),
        evidence: None,
    }
    .worded(redactor)
}

fn after_obstacle(obstacle: Obstacle, named_by: NamedBy) -> &'static str {
    match (obstacle, named_by) {
        (Obstacle::NotFound, NamedBy::Builder) => {
            "install it there (pip install fraiseql-confiture), or correct the `program` that the \
             adapter was built with"
        }
        (Obstacle::NotFound, NamedBy::Variable) => {
            "install it there (pip install fraiseql-confiture), or correct \
             `FRAISIER_CONFITURE_BIN`, which names it"
        }
        (Obstacle::NotFound, NamedBy::Default) => {
            "install it (pip install fraiseql-confiture), put it on `PATH`, or name it in \
             `FRAISIER_CONFITURE_BIN`"
        }
        (Obstacle::NoInterpreter, _) => "make its virtual environment anew: its Python is gone",
        (Obstacle::NotExecutable, _) => "make it executable for this user",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::ReportProblem;
    use crate::testing::output;

    fn of(operation: Operation, error: &RunError) -> AdapterError {
        not_run(operation, NamedBy::Default, error, &Redactor::default())
    }

    #[test]
    fn a_program_that_is_not_there_is_a_matter_of_configuration() {
        let error = RunError::Program {
            program: "confiture".into(),
            obstacle: Obstacle::NotFound,
            source: io::Error::from(io::ErrorKind::NotFound),
        };
        let error = of(Operation::Up, &error);
        assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
        for part in ["confiture", "nothing was started", "FRAISIER_CONFITURE_BIN"] {
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn the_advice_on_a_missing_program_is_about_the_rule_that_named_it() {
        let error = RunError::Program {
            program: "confiture".into(),
            obstacle: Obstacle::NotFound,
            source: io::Error::from(io::ErrorKind::NotFound),
        };
        for (named_by, told, not_told) in [
            (NamedBy::Builder, "`program`", "FRAISIER_CONFITURE_BIN"),
            (
                NamedBy::Variable,
                "correct `FRAISIER_CONFITURE_BIN`",
                "`PATH`",
            ),
            (NamedBy::Default, "put it on `PATH`", "`program`"),
        ] {
            let error = not_run(Operation::Up, named_by, &error, &Redactor::default());
            let next = error.message.split("Next: ").last().unwrap_or_default();
            assert!(next.contains(told) && !next.contains(not_told), "{error}");
        }
    }

    #[test]
    fn a_shortage_of_this_machine_is_no_matter_of_configuration() {
        for obstacle in [Obstacle::Busy, Obstacle::Descriptors, Obstacle::Resources] {
            let error = RunError::Program {
                program: "confiture".into(),
                obstacle,
                source: io::Error::other("none left"),
            };
            let error = of(Operation::Up, &error);
            assert_eq!(error.kind, AdapterErrorKind::Execution);
            assert!(error.message.contains("try again"), "{error}");
            assert!(error.message.contains("nothing was started"), "{error}");
        }
    }

    #[test]
    fn a_temporary_directory_that_is_not_there_is_not_a_full_one() {
        for (kind, next) in [
            (io::ErrorKind::NotFound, "`TMPDIR`"),
            (io::ErrorKind::PermissionDenied, "`TMPDIR`"),
            (io::ErrorKind::StorageFull, "exhausted"),
        ] {
            let error = of(
                Operation::Up,
                &RunError::TempDir {
                    parent: "/scratch".into(),
                    source: kind.into(),
                },
            );
            assert!(error.message.contains(next), "{error}");
            assert!(error.message.contains("nothing was started"), "{error}");
        }
    }

    #[test]
    fn after_the_start_the_outcome_is_unknown() {
        let too_large = RunError::Report {
            problem: ReportProblem::TooLarge { size: 9, limit: 8 },
            output: Box::new(output(0, None)),
        };
        let lost = RunError::Lost {
            source: io::Error::other("taken"),
        };
        for error in [&too_large, &lost] {
            let up = of(Operation::Up, error);
            assert_eq!(up.kind, AdapterErrorKind::InternalError);
            assert!(up.message.contains("ask `current_revision`"), "{up}");
            let verify = of(Operation::Verify, error);
            assert!(verify.message.contains("was not changed"), "{verify}");
        }
        let large = of(Operation::Up, &too_large);
        assert!(large.message.contains("report_limit") && large.message.contains("limit is 8"));
    }
}
