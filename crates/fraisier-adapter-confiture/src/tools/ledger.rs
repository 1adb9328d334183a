//! What a recorded ledger contains, and what is planned with it.

use fraisier_adapter_api::Revision;

use crate::failure::Failure;
use crate::ledger::{self, Ledger, Report};
pub use crate::ledger::{Rollback, STATEMENTS};
use crate::operation::Operation;
use crate::redact::Redactor;

/// What a rollback to `target` is planned to be, from the report of the script that reads the ledger.
///
/// # Errors
///
/// The error of a `down_to` that is refused; `None` where the report is not one of a ledger.
pub fn rollback(report: &[u8], target: &str) -> Result<Rollback, Option<Failure>> {
    let ledger = read(report).ok_or(None)?;
    let rollback = ledger::after(&ledger, &Revision::new(target));
    let operation = Operation::DownTo.as_str();
    rollback.map_err(|fault| Some(fault.redacted(Some(operation), &Redactor::default())))
}

/// The versions of the ledger in that report, in the order of the rows; `None` where the
/// report is not one of a ledger.
#[must_use]
pub fn versions(report: &[u8]) -> Option<Vec<String>> {
    let ledger = read(report)?;
    Some(ledger.rows.into_iter().map(|row| row.version).collect())
}

/// The ledger in the report; an empty one where there is no such table.
fn read(report: &[u8]) -> Option<Ledger> {
    let report: Report = serde_json::from_slice(report).ok()?;
    report.ledger().ok()
}
