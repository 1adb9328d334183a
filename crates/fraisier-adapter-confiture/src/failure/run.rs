//! Failures of commands that could not be run, or left nothing to read.

use std::io::{self, ErrorKind};

use fraisier_adapter_api::AdapterErrorKind;
use rustix::io::Errno;

use super::{Advice, DatabaseState, Failure, NamedBy, Reader};
use crate::operation::Operation;
use crate::process::{Obstacle, ReportProblem, RunError};

/// Whether this machine is out of something: descriptors, memory, threads.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    Errno::from_io_error(error).is_some_and(|errno| SHORTAGES.contains(&errno))
}

/// The failure of a call whose command gave this error.
pub(crate) fn not_run(operation: Operation, named_by: NamedBy, error: &RunError) -> Failure {
    let what = error.to_string();
    let not_started = |kind, next| Failure::new(kind, &what, DatabaseState::NotStarted, next);
    match error {
        RunError::Report { problem, output } => Reader { operation, output }.failure(
            AdapterErrorKind::InternalError,
            &what,
            DatabaseState::without_report(operation),
            match problem {
                ReportProblem::Unreadable { source } if is_shortage(source) => {
                    Advice::FreeResources
                }
                _ => Advice::None,
            },
        ),
        RunError::Lost { .. } => Failure::new(
            AdapterErrorKind::InternalError,
            what,
            DatabaseState::without_report(operation),
            Advice::None,
        ),
        RunError::Program { obstacle, .. } => {
            let (kind, next) = match obstacle {
                Obstacle::Busy => (AdapterErrorKind::Execution, Advice::WaitForProgram),
                Obstacle::Exhausted => (AdapterErrorKind::Execution, Advice::FreeResources),
                Obstacle::NotFound => (AdapterErrorKind::InvalidConfig, Advice::Install(named_by)),
                Obstacle::NoInterpreter => {
                    (AdapterErrorKind::InvalidConfig, Advice::RenewEnvironment)
                }
                Obstacle::NotExecutable => {
                    (AdapterErrorKind::InvalidConfig, Advice::MakeExecutable)
                }
                Obstacle::Other => (AdapterErrorKind::InvalidConfig, Advice::None),
            };
            not_started(kind, next)
        }
        RunError::WorkDir { .. } => Failure::in_config(what, Advice::CorrectWorkdir),
        RunError::TempDir { source, .. }
            if matches!(
                source.kind(),
                ErrorKind::NotFound
                    | ErrorKind::NotADirectory
                    | ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            not_started(AdapterErrorKind::InternalError, Advice::CorrectTmpdir)
        }
        _ => not_started(AdapterErrorKind::Execution, Advice::FreeResources),
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterError;

    use super::*;
    use crate::testing::output;

    fn words(operation: Operation, error: &RunError) -> AdapterError {
        not_run(operation, NamedBy::Default, error).worded()
    }

    #[test]
    fn a_program_that_is_not_there_is_a_matter_of_configuration() {
        let error = RunError::Program {
            program: "confiture".into(),
            obstacle: Obstacle::NotFound,
            source: io::Error::from(io::ErrorKind::NotFound),
        };
        let error = words(Operation::Up, &error);
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
            let error = not_run(Operation::Up, named_by, &error).worded();
            let next = error.message.split("Next: ").last().unwrap_or_default();
            assert!(next.contains(told) && !next.contains(not_told), "{error}");
        }
    }

    #[test]
    fn a_shortage_of_this_machine_is_no_matter_of_configuration() {
        for obstacle in [Obstacle::Busy, Obstacle::Exhausted] {
            let error = RunError::Program {
                program: "confiture".into(),
                obstacle,
                source: io::Error::other("none left"),
            };
            let error = words(Operation::Up, &error);
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
            (io::ErrorKind::ReadOnlyFilesystem, "`TMPDIR`"),
            (io::ErrorKind::StorageFull, "exhausted"),
        ] {
            let error = words(
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
    fn a_working_directory_is_a_setting() {
        let error = RunError::WorkDir {
            dir: "/srv/shop".into(),
            source: io::ErrorKind::NotFound.into(),
        };
        let error = words(Operation::Up, &error);
        assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
        assert!(error.message.contains("Next: "), "{error}");
    }

    #[test]
    fn a_report_that_a_shortage_kept_unread_is_no_broken_report() {
        for (errno, short) in [
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::NOMEM, true),
            (Errno::AGAIN, true),
            (Errno::IO, false),
        ] {
            let error = RunError::Report {
                problem: ReportProblem::Unreadable {
                    source: errno.into(),
                },
                output: Box::new(output(0, None)),
            };
            let error = words(Operation::Up, &error);
            let advised = error.message.contains(&Advice::FreeResources.to_string());
            assert_eq!(advised, short, "{errno}: {error}");
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
            let up = words(Operation::Up, error);
            assert_eq!(up.kind, AdapterErrorKind::InternalError);
            assert!(up.message.contains("ask `current_revision`"), "{up}");
            let verify = words(Operation::Verify, error);
            assert!(verify.message.contains("was not changed"), "{verify}");
        }
        let large = words(Operation::Up, &too_large);
        assert!(large.message.contains("limit is 8"), "{large}");
    }
}
