//! Reads an `up` that exited with 0 and left no report.

use fraisier_adapter_api::{MigrationOutcome, Revision};

use super::OPERATION;
use crate::failure::{DatabaseState, Failure, Reader, add_line};
use crate::operation::reading::{Outputs, Unread};
use crate::release::capability::Need;

/// What every release that leaves no report prints when there is nothing to apply; no other does.
pub(super) const NOTHING_TO_DO: &str = "✅ No pending migrations. Database is up to date.";

/// Before 0.48.0, `up` ends so when there is nothing to apply, and prints [`NOTHING_TO_DO`]. A `.py`
/// migration can also end the process with 0 halfway; then confiture had printed that it began with it.
pub(super) fn read(
    reader: &Reader<'_>,
    target: Option<&Revision>,
    outputs: &Outputs,
) -> Result<MigrationOutcome, Unread> {
    let says_so = reader.printed(NOTHING_TO_DO);
    if !says_so && reader.printed_anything() {
        return Err(reader.no_report().into());
    }
    let found = || {
        // Where it printed nothing, only the release tells whether this is such an end.
        if !says_so {
            let version = outputs.version()?;
            if !version.is_release() || Need::NoOpReport.is_met_by(&version) {
                return Err(reader.no_report().into());
            }
        }
        outputs.current(OPERATION)
    };
    let current = match found() {
        Ok(current) => current,
        Err(Unread::Failed(why)) => return Err(unexplained(reader, &why).into()),
        Err(needs) => return Err(needs),
    };
    // The target is a migration of the directory, and none of these is pending. Where it stands in
    // sort order says nothing: `current` is what was applied last in time.
    if let (Some(target), None) = (target, &current) {
        let what = format!(
            "confiture found nothing to apply, and the target {target} is not applied: nothing is"
        );
        return Err(reader.contradiction(&what, DatabaseState::Unknown).into());
    }
    let mut log = reader.log();
    add_line(&mut log, "nothing to apply");
    Ok(MigrationOutcome {
        from: current.clone(),
        to: current,
        applied: Vec::new(),
        log,
    })
}

/// The failure when the follow-up failed, so that the missing report is not explained.
fn unexplained(reader: &Reader<'_>, why: &Failure) -> Failure {
    // The state of the follow-up's failure is about the follow-up, so only its words are evidence.
    let mut failure = reader.no_report();
    let line = format!("[asking what that means] [{}] {why}", why.kind);
    add_line(&mut failure.evidence, &line);
    failure
}
