//! What announced releases change: `preflight --scope pending`, and the exit status of some codes.

use serde_json::{Value, json};

use crate::call::Call;
use crate::recording::RecordedCall;
use crate::release::Release;

/// The first release that accepts `preflight --scope pending`.
pub const PENDING_SCOPE: Release = Release::new(1, 35, 0);

/// The first release in which `GEN_001` and the `MIGR_` codes exit with 1 instead of 3.
pub const MOVED_CODES: Release = Release::new(1, 36, 0);

/// Adds `--scope pending` to a recorded preflight, and changes its report to that of a database at this
/// revision. Returns whether the call is a preflight.
pub fn judge_pending(call: &mut RecordedCall, revision: Option<&str>) -> bool {
    let place = call.argv.iter().position(|it| it == "--migrations-dir");
    let Some(place) = place.filter(|_| call.argv.get(1).is_some_and(|it| it == "preflight")) else {
        return false;
    };
    let scope = ["--scope", "pending"].map(str::to_owned);
    call.argv.splice(place + 2..place + 2, scope);
    let Some(mut report) = call.report_value().filter(|it| it["summary"].is_object()) else {
        return true;
    };
    let against = call.argv.iter().any(|it| it.starts_with("--against"));
    if revision.is_some() && !against {
        report["summary"]["migrations_checked"] = json!(0);
    }
    only_pending(&mut report, revision);
    report["scope"] = json!("pending");
    report["ledger"] = json!({"table": "tb_confiture", "exists": revision.is_some()});
    let text = serde_json::to_string_pretty(&report).expect("JSON");
    (call.report, call.report_not_json) = RecordedCall::report_fields(Some(&text));
    true
}

/// Changes the adapter's result for the whole directory to the result for what is pending.
pub fn scoped_result(call: &Call, result: &mut Value, revision: Option<&str>) {
    match call {
        Call::Version => {
            let capabilities = result["capabilities"].as_array_mut();
            capabilities.expect("a list").push("pending_scope".into());
        }
        Call::Preflight | Call::PreflightAgainst => only_pending(result, revision),
        _ => {}
    }
}

/// Removes the moved codes from the adapter's reading of the exit codes: it classifies them in the same
/// way with the old status and the new one.
pub fn without_moved_codes(exit_codes: &mut Value) {
    let statuses = exit_codes.as_object_mut().into_iter().flatten();
    for kinds in statuses.filter_map(|(status, kinds)| status.starts_with("3 ").then_some(kinds)) {
        let kinds = kinds
            .as_object_mut()
            .expect("a list of codes for each kind");
        kinds.retain(|_, codes| {
            let codes = codes.as_array_mut().expect("a list of codes");
            codes.retain(|code| code.as_str().is_none_or(|it| !is_moved(it)));
            !codes.is_empty()
        });
    }
}

/// Whether a code exits with 1 instead of 3 from [`MOVED_CODES`] on.
pub fn is_moved(code: &str) -> bool {
    code == "GEN_001" || code.starts_with("MIGR_")
}

/// Removes the changes of applied migrations, whose versions are not above the revision.
fn only_pending(document: &mut Value, revision: Option<&str>) {
    let changes = document.pointer_mut("/change_set/changes");
    if let (Some(revision), Some(changes)) = (revision, changes.and_then(Value::as_array_mut)) {
        changes.retain(|change| change["migration"].as_str().is_none_or(|it| it > revision));
    }
}
