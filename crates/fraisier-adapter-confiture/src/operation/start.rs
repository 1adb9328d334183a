//! Failures of commands that could not be run, or whose report could not be read.

use std::io::ErrorKind;

use fraisier_adapter_api::AdapterErrorKind as Kind;

use super::Operation;
use super::outcome::Ended;
use crate::failure::{Advice, Fault, NamedBy};
use crate::process::{Obstacle, RunError, is_shortage};

/// The failure of a call whose command ended with this error.
pub(crate) fn fault(operation: Operation, named_by: NamedBy, error: RunError) -> Fault {
    use ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};

    let what = error.to_string();
    let (kind, next) = match error {
        RunError::Report(source, output) => {
            let next = is_shortage(&source).then(Advice::free_resources);
            let next = next.unwrap_or_else(Advice::none);
            let output = *output;
            let ended = Ended { operation, output };
            let state = ended.state_without_report();
            return ended.fault(Kind::InternalError, &what, state, next);
        }
        RunError::Lost(_) => {
            let state = operation.uncertain_state();
            return Fault::new(Kind::InternalError, what, state, Advice::none());
        }
        RunError::Program(_, obstacle, _) => match obstacle {
            Obstacle::Busy => (Kind::Execution, Advice::wait_for_program()),
            Obstacle::Exhausted => (Kind::Execution, Advice::free_resources()),
            Obstacle::NotFound => (Kind::InvalidConfig, Advice::install_where(named_by)),
            Obstacle::NoInterpreter => (Kind::InvalidConfig, Advice::recreate_environment()),
            Obstacle::NotExecutable => (Kind::InvalidConfig, Advice::make_executable()),
            Obstacle::Other => (Kind::InvalidConfig, Advice::none()),
        },
        RunError::WorkDir(..) => (Kind::InvalidConfig, Advice::correct_workdir()),
        RunError::TempDir(_, source)
            if matches!(
                source.kind(),
                NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem
            ) =>
        {
            (Kind::InternalError, Advice::correct_tmpdir())
        }
        _ => (Kind::Execution, Advice::free_resources()),
    };
    Fault::not_started(kind, what, next)
}

#[cfg(test)]
mod tests {
    use std::io;

    use fraisier_adapter_api::AdapterError;
    use rustix::io::Errno;

    use super::*;
    use crate::testing::output;

    fn words(operation: Operation, error: RunError) -> AdapterError {
        fault(operation, NamedBy::Default, error).worded()
    }

    #[test]
    fn a_missing_program_is_invalid_config() {
        let error = RunError::Program(
            "confiture".into(),
            Obstacle::NotFound,
            io::Error::from(io::ErrorKind::NotFound),
        );
        let error = words(Operation::Up, error);
        assert_eq!(error.kind, Kind::InvalidConfig);
        for part in ["confiture", "nothing was started", "FRAISIER_CONFITURE_BIN"] {
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn the_advice_on_a_missing_program_names_the_rule_that_chose_it() {
        let error = || {
            RunError::Program(
                "confiture".into(),
                Obstacle::NotFound,
                io::Error::from(io::ErrorKind::NotFound),
            )
        };
        for (named_by, named, other) in [
            (NamedBy::Builder, "`program`", "FRAISIER_CONFITURE_BIN"),
            (
                NamedBy::Variable,
                "correct `FRAISIER_CONFITURE_BIN`",
                "`PATH`",
            ),
            (NamedBy::Default, "put it on `PATH`", "`program`"),
        ] {
            let error = fault(Operation::Up, named_by, error()).worded();
            let next = error.message.split("Next: ").last().unwrap_or_default();
            assert!(next.contains(named) && !next.contains(other), "{error}");
        }
    }

    #[test]
    fn a_shortage_on_this_machine_is_no_invalid_config() {
        for obstacle in [Obstacle::Busy, Obstacle::Exhausted] {
            let error =
                RunError::Program("confiture".into(), obstacle, io::Error::other("none left"));
            let error = words(Operation::Up, error);
            assert_eq!(error.kind, Kind::Execution);
            assert!(error.message.contains("try again"), "{error}");
            assert!(error.message.contains("nothing was started"), "{error}");
        }
    }

    #[test]
    fn a_missing_temporary_directory_differs_from_a_full_one() {
        for (kind, next) in [
            (io::ErrorKind::NotFound, "`TMPDIR`"),
            (io::ErrorKind::PermissionDenied, "`TMPDIR`"),
            (io::ErrorKind::ReadOnlyFilesystem, "`TMPDIR`"),
            (io::ErrorKind::StorageFull, "exhausted"),
        ] {
            let error = words(
                Operation::Up,
                RunError::TempDir("/scratch".into(), kind.into()),
            );
            assert!(error.message.contains(next), "{error}");
            assert!(error.message.contains("nothing was started"), "{error}");
        }
    }

    #[test]
    fn a_bad_working_directory_is_invalid_config() {
        let error = RunError::WorkDir("/srv/shop".into(), io::ErrorKind::NotFound.into());
        let error = words(Operation::Up, error);
        assert_eq!(error.kind, Kind::InvalidConfig);
        assert!(error.message.contains("Next: "), "{error}");
    }

    #[test]
    fn a_report_unread_because_of_a_shortage_is_not_called_damaged() {
        for (errno, short) in [
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::NOMEM, true),
            (Errno::AGAIN, true),
            (Errno::IO, false),
        ] {
            let error = RunError::Report(errno.into(), Box::new(output(0, None)));
            let error = words(Operation::Up, error);
            let advised = error
                .message
                .contains(&Advice::free_resources().to_string());
            assert_eq!(advised, short, "{errno}: {error}");
        }
    }

    #[test]
    fn a_failure_after_the_start_leaves_the_state_unknown() {
        let too_large = || {
            RunError::Report(
                io::Error::other("it is too long"),
                Box::new(output(0, None)),
            )
        };
        let lost = || RunError::Lost(io::Error::other("taken"));
        let errors: [&dyn Fn() -> RunError; 2] = [&too_large, &lost];
        for error in errors {
            let up = words(Operation::Up, error());
            assert_eq!(up.kind, Kind::InternalError);
            assert!(
                up.message.contains("database was changed is unknown"),
                "{up}"
            );
            let verify = words(Operation::Verify, error());
            assert!(verify.message.contains("was not changed"), "{verify}");
        }
        let large = words(Operation::Up, too_large());
        assert!(large.message.contains("it is too long"), "{large}");
    }
}
