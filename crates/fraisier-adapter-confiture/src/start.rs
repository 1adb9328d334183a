//! What it means that a command could not be run.

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

use crate::failure::{Failure, Operation, State};
use crate::operation::judge::Judge;
use crate::process::{Obstacle, RunError};
use crate::redact::Redactor;

/// Words the failure to run a command.
pub(crate) fn failure(operation: Operation, error: &RunError, redactor: &Redactor) -> AdapterError {
    let what = redactor.text(&error.to_string()).into_owned();
    let (kind, state, next) = match error {
        RunError::Report { finished, .. } => {
            let judge = Judge {
                operation,
                finished,
                redactor,
            };
            let next = "allow larger reports with the builder's `report_limit`, if that is it";
            return judge.failure(
                AdapterErrorKind::InternalError,
                &what,
                operation.unreported(),
                next,
            );
        }
        RunError::Program { obstacle, .. } => (
            AdapterErrorKind::InvalidConfig,
            State::NotStarted,
            of_obstacle(*obstacle),
        ),
        RunError::WorkDir { .. } => (
            AdapterErrorKind::InvalidConfig,
            State::NotStarted,
            "correct the `workdir`",
        ),
        RunError::Lost { .. } => (AdapterErrorKind::InternalError, operation.unreported(), ""),
        _ => (
            AdapterErrorKind::InternalError,
            State::NotStarted,
            "free what is exhausted on this machine, then try again",
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
    .into()
}

fn of_obstacle(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NotFound => {
            "install it (pip install fraiseql-confiture), put it on PATH, or name it in \
             FRAISIER_CONFITURE_BIN"
        }
        Obstacle::NoInterpreter => "make its virtual environment anew: its Python is gone",
        Obstacle::NotExecutable => "make it executable for this user",
        Obstacle::Busy => "wait until its installation has finished, then try again",
        _ => "",
    }
}
