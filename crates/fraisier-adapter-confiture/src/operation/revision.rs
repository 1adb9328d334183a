//! The revision that `migrate current` tells.

use fraisier_adapter_api::Revision;

use crate::failure::{DatabaseState, Failure, Reader};
use crate::report;

/// The revision; `None` without a ledger, and when it is empty.
pub(crate) fn read(reader: &Reader<'_>) -> Result<Option<Revision>, Failure> {
    let report = match reader.payload::<report::Current>()? {
        Ok(report) => report,
        Err(envelope) if reader.tells_of_no_ledger(&envelope) => return Ok(None),
        Err(envelope) => return Err(reader.envelope(&envelope)),
    };
    if !reader.exited_with(0) {
        let what = "it names a revision and fails";
        return Err(reader.contradiction(what, DatabaseState::Untouched));
    }
    if report.revision.is_some() != report.name.is_some() {
        let what = "a revision and its name go together";
        return Err(reader.contradiction(what, DatabaseState::Untouched));
    }
    Ok(report.revision.map(Revision::new))
}
