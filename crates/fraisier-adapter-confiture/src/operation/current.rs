//! `current_revision`: which migration was applied last.

use fraisier_adapter_api::{AdapterError, Revision};

use super::judge::Judge;
use crate::failure::{Operation, State};
use crate::invocation::Invocation;
use crate::outcome::Finished;
use crate::redact::Redactor;
use crate::report::{Current, Payload, read};
use crate::session::Session;

/// The code for a database that has no ledger.
pub(crate) const NO_LEDGER: &str = "PRECON_1001";

/// `migrate current`, which takes no migrations directory.
pub(crate) fn plan(session: &Session) -> Invocation {
    session.migrate("current", Vec::new())
}

pub(crate) fn decode(
    operation: Operation,
    finished: &Finished,
    redactor: &Redactor,
) -> Result<Option<Revision>, AdapterError> {
    let judge = Judge {
        operation,
        finished,
        redactor,
    };
    match read::<Current>(finished.report.as_deref()) {
        Payload::Nothing => Err(judge.unreported()),
        Payload::Unreadable(why) => Err(judge.unreadable(&why)),
        Payload::Envelope(envelope)
            if envelope.code.as_deref() == Some(NO_LEDGER) && judge.exited_with(2) =>
        {
            Ok(None)
        }
        Payload::Envelope(envelope) => Err(judge.envelope(&envelope)),
        Payload::Report(_) if !judge.exited_with(0) => {
            Err(judge.contradiction("it names a revision and fails", State::Untouched))
        }
        Payload::Report(report) if report.revision.is_some() != report.name.is_some() => {
            Err(judge.contradiction("a revision and its name go together", State::Untouched))
        }
        Payload::Report(report) => Ok(report.revision.map(|revision| judge.revision(&revision))),
    }
}
