//! How the ledger is read, for a tool that records it, and what is planned with it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use fraisier_adapter_api::Revision;

use crate::database;
use crate::failure::Failure;
use crate::ledger::{self, Ledger};
pub use crate::ledger::{Rollback, STATEMENTS};
use crate::operation::Operation;
use crate::process::{Exit, Output};
use crate::redact::Redactor;
use crate::request::project::without_others;

/// The arguments with which the Python of a confiture installation writes the ledger to `report`. The
/// connection string is in the environment.
#[must_use]
pub fn arguments(report: &Path) -> Vec<OsString> {
    database::arguments(report, ledger::LIMITS, &ledger::STATEMENTS)
}

/// What a rollback to `target` is planned to be, from the report of that Python.
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

/// The versions of the ledger in the report of that Python, in the order of the rows; `None` where the
/// report is not one of a ledger.
#[must_use]
pub fn versions(report: &[u8]) -> Option<Vec<String>> {
    let ledger = read(report)?;
    Some(ledger.rows.into_iter().map(|row| row.version).collect())
}

/// The ledger in the report; an empty one where there is no such table.
fn read(report: &[u8]) -> Option<Ledger> {
    let output = Output::new(Exit::Code(0), Some(report.to_vec()));
    let answers = database::read(output, ledger::STATEMENTS.len()).ok()?;
    Some(Ledger::read(&answers).ok()?.unwrap_or_default())
}

/// What of the migrations directory confiture may see for this rollback.
///
/// # Errors
///
/// Those of reading the directory.
pub fn files(directory: &Path, rollback: &Rollback) -> io::Result<Vec<PathBuf>> {
    without_others(directory, &rollback.versions)
}
