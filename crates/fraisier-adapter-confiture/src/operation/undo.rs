//! An `up` that is undone when it fails halfway, where the evidence says exactly what it applied.

use fraisier_adapter_api::{AdapterError, AdapterErrorKind, MigrationOutcome, Revision};

use crate::failure::{DatabaseState, Reader, add_line};
use crate::observe::Event;
use crate::operation::Operation;
use crate::operation::reading::{Outputs, Reading, Summary, Unread};
use crate::operation::up::{Stopped, Up};
use crate::process::Output;
use crate::redact::Redactor;
use crate::report;

/// Reads an `up` so that its failure can be undone.
#[derive(Debug)]
pub(crate) struct UndoableUp {
    pub(crate) up: Up,
    /// The revision when it began.
    pub(crate) began_at: Option<Revision>,
}

impl Reading for UndoableUp {
    type Answer = Result<MigrationOutcome, Failed>;
    const OPERATION: Operation = Operation::Up;

    fn summary(answer: &Self::Answer) -> Summary {
        answer
            .as_ref()
            .map_or_else(|_| Summary::default(), Summary::from)
    }

    fn migrations(&self, reader: &Reader<'_>) -> Vec<Event> {
        self.up.migrations(reader)
    }

    fn read(&self, reader: &Reader<'_>, outputs: &Outputs) -> Result<Self::Answer, Unread> {
        match self.up.read(reader, outputs) {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(Unread::Failed(error)) => Ok(Err(match self.halfway(reader) {
                Some(halfway) => Failed::Halfway(Box::new(halfway)),
                None => Failed::Otherwise(error),
            })),
            Err(needs) => Err(needs),
        }
    }
}

impl UndoableUp {
    /// What there is to undo, when that is certain.
    ///
    /// A `down_to` rolls back whatever was applied after its target in time. That is what this call
    /// applied, and nothing else, where the last of what it found applied is where the database was:
    /// nobody else migrated in between, and the history is in the order of the versions.
    fn halfway(&self, reader: &Reader<'_>) -> Option<Halfway> {
        if reader.output.interrupted.is_some() {
            return None;
        }
        let report: report::Up = reader.report().ok()?;
        let stopped = Stopped::new(reader.output.exit, &report)?;
        let began_at = self.began_at.as_ref().map(Revision::as_str);
        let found = stopped.skipped.iter().max().map(String::as_str);
        let certain = stopped.is_exact && !stopped.applied.is_empty() && began_at == found;
        certain.then(|| Halfway {
            stopped,
            output: reader.output.clone(),
        })
    }
}

/// A failed `up`.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It applied exactly this.
    Halfway(Box<Halfway>),
    /// It applied nothing, or it is not certain what.
    Otherwise(AdapterError),
}

/// What a failed `up` applied.
#[derive(Debug)]
pub(crate) struct Halfway {
    stopped: Stopped,
    output: Output,
}

impl Halfway {
    /// The error of the call, after the way down was gone.
    pub(crate) fn undone(
        &self,
        to: &Revision,
        down: Result<MigrationOutcome, AdapterError>,
        redactor: &Redactor,
    ) -> AdapterError {
        let outcome = match down {
            Ok(outcome) => outcome,
            Err(error) => {
                return self.stuck(&format!("going back to {to} failed"), error, redactor);
            }
        };
        let mut rolled_back: Vec<&str> = outcome.applied.iter().map(Revision::as_str).collect();
        let mut applied: Vec<String> = self.stopped.applied.clone();
        rolled_back.sort_unstable();
        applied.sort_unstable();
        let masked = applied.iter().map(|it| redactor.identifier(it));
        if !masked.eq(rolled_back.iter().copied()) {
            let what = format!(
                "going back to {to} rolled back {}, and not what was applied",
                rolled_back.join(", ")
            );
            let error = AdapterError::new(AdapterErrorKind::IrreversibleRollback, String::new());
            return self.stuck(&what, error, redactor);
        }
        let state = DatabaseState::Undone {
            applied: self.stopped.applied.clone(),
            at: to.as_str().into(),
        };
        let next = "correct the migration, then deploy again";
        self.stopped.worded(&self.reader(redactor), state, next)
    }

    /// The error of the call, when there is no revision to go back to.
    pub(crate) fn no_way_down(&self, redactor: &Redactor) -> AdapterError {
        let what = "there is no revision to go back to: nothing had been applied before";
        let error = AdapterError::new(AdapterErrorKind::IrreversibleRollback, String::new());
        self.stuck(what, error, redactor)
    }

    fn stuck(&self, what: &str, why: AdapterError, redactor: &Redactor) -> AdapterError {
        let mut what = what.to_owned();
        if !why.message.is_empty() {
            what = format!("{what} ({})", why.message);
        }
        let state = DatabaseState::NotUndone {
            applied: self.stopped.applied.clone(),
            why: what,
        };
        let next = "bring the database to a revision by hand, then deploy again";
        let mut error = self.stopped.worded(&self.reader(redactor), state, next);
        error.kind = AdapterErrorKind::IrreversibleRollback;
        error.code = error.kind.code();
        if let Some(evidence) = why.stderr {
            let all = error.stderr.get_or_insert_default();
            add_line(all, "[rolling back]\n");
            all.push_str(&evidence);
        }
        error
    }

    fn reader<'a>(&'a self, redactor: &'a Redactor) -> Reader<'a> {
        Reader {
            operation: Operation::Up,
            output: &self.output,
            redactor,
        }
    }
}
