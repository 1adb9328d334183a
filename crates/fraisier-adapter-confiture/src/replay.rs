//! What finished commands mean, without running any.
//!
//! These are the functions through which every outcome goes before it becomes an answer. They
//! start nothing and read nothing beside their arguments, so a recording can be judged by them as
//! a live command is.
//!
//! ```
//! use fraisier_adapter_confiture::process::{Exit, Output};
//! use fraisier_adapter_confiture::{Redactor, replay};
//!
//! let report = br#"{"revision": "002", "name": "add_email"}"#;
//! let output = Output::new(Exit::Code(0), Some(report.to_vec()));
//! let revision = replay::current(&output, &Redactor::default())?;
//! assert_eq!(revision.expect("one is applied").as_str(), "002");
//! # Ok::<(), fraisier_adapter_api::AdapterError>(())
//! ```

use fraisier_adapter_api::{
    AdapterError, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

pub use crate::guard::{Source, WINDOW_SAFE_UNPROVEN};
use crate::operation;
use crate::operation::Operation;
pub use crate::operation::preflight::{NOT_ALL_CHECKED, PreflightRequest};
pub use crate::operation::up::Up;
use crate::process::Output;
use crate::redact::Redactor;
use crate::release::{self, ConfitureVersion};
pub use crate::request::environment::PLAIN_OUTPUT;
pub use crate::request::project::VerifyFiles;

/// The release, from what `--version` left.
///
/// # Errors
///
/// `InvalidConfig` when the program is not confiture: it printed nothing, something else, two
/// versions, failed, or did not answer in time.
pub fn version(output: &Output, redactor: &Redactor) -> Result<ConfitureVersion, AdapterError> {
    release::probe::read(Operation::Describe, output, redactor)
}

/// The revision, from what `migrate current` left: `None` without a ledger, and when it is empty.
///
/// # Errors
///
/// `DbUnreachable` for `CONFIG_006`, and so on by symbolic code and exit status; `InternalError`
/// when there is no report or it is none, such as one without `revision`.
pub fn current(output: &Output, redactor: &Redactor) -> Result<Option<Revision>, AdapterError> {
    operation::current::read(Operation::CurrentRevision, output, redactor)
}

/// The outcome, from what `migrate up` left, with the target that was asked for.
///
/// # Errors
///
/// `Execution` when a migration failed, also where the report says `"ok": true`, or when one needs
/// a superuser; `LockContention` for `LOCK_1300`; `InternalError` when the report, the exit status
/// and the target do not agree.
pub fn up(
    target: Option<&Revision>,
    output: &Output,
    redactor: &Redactor,
) -> Result<Up, AdapterError> {
    operation::up::read(target, output, redactor)
}

/// The outcome of an `up` that left [`Up::NoReport`], with the release and the revision that
/// `migrate current` gives afterwards.
///
/// # Errors
///
/// `InternalError` when the release is 0.48.0 or later, which always reports, when it printed
/// something, and not that there was nothing to apply, and when the target comes after `current`.
pub fn up_without_report(
    target: Option<&Revision>,
    output: &Output,
    redactor: &Redactor,
    version: &ConfitureVersion,
    current: Option<Revision>,
) -> Result<MigrationOutcome, AdapterError> {
    operation::up::without_report(target, output, redactor, version, current)
}

/// The outcome, from what `migrate down-to` left, with the revision that was asked for.
///
/// # Errors
///
/// `PreconditionFailed` for an unknown revision, `IrreversibleRollback` for a missing
/// `.down.sql`, `Execution` when a rollback failed.
pub fn down_to(
    target: &Revision,
    output: &Output,
    redactor: &Redactor,
) -> Result<MigrationOutcome, AdapterError> {
    operation::down_to::read(target, output, redactor)
}

/// The verdict, from what `migrate verify` left, with the files it was about. Failed checks are a verdict and no error.
///
/// # Errors
///
/// `DbUnreachable` and the like by symbolic code and exit status; `InternalError` when there is no
/// report, and for a missing ledger before 0.37.0 (see [`verify_may_lack_ledger`]).
pub fn verify(
    files: &VerifyFiles,
    output: &Output,
    redactor: &Redactor,
) -> Result<VerifyReport, AdapterError> {
    operation::verify::read(files, output, redactor)
}

/// Whether the failure of a `verify` may come from a missing ledger, which a release before 0.37.0
/// does not tell from other surprises. When `migrate current` then finds nothing applied, the
/// answer is [`verify_without_ledger`].
#[must_use]
pub fn verify_may_lack_ledger(output: &Output) -> bool {
    operation::verify::may_lack_ledger(output)
}

/// The verdict on a database without a ledger: skipped, and not ok.
#[must_use]
pub fn verify_without_ledger() -> VerifyReport {
    operation::verify::nothing_to_examine("the database has no migration ledger")
}

/// The report, from what `migrate preflight` left. Findings are a report and no error.
///
/// # Errors
///
/// `DbUnreachable` when the database of `AGAINST_DATABASE_URL` cannot be reached, and the like by
/// symbolic code and exit status; `InternalError` when there is no report or it is none, such as
/// one without `issues`.
pub fn preflight(
    request: &PreflightRequest,
    output: &Output,
    redactor: &Redactor,
) -> Result<PreflightReport, AdapterError> {
    operation::preflight::read(request, output, redactor)
}
