//! Whatever bytes are in place of a report, the answer claims no more than they do.
//!
//! An independent and simple parser decides what the bytes mean: `serde_json::Value`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use fraisier_adapter_api::Revision;
use fraisier_adapter_confiture::tools::process::Exit;
use serde_json::Value;

use crate::Libpq;
use crate::answers::{Permits, Request, may_succeed, permits};
use crate::bytes::{below, exit};
use crate::samples::{CALLS, preflight};

/// How many bytes an answer may have beyond a multiple of its report, for the adapter's own words.
const OURS: usize = 16 << 10;

static REQUESTS: LazyLock<[Request; 7]> = LazyLock::new(|| {
    [
        Request::Current,
        Request::Up(None),
        Request::Up(Some(Revision::new("002"))),
        Request::DownTo(Revision::new("001")),
        Request::Verify,
        Request::Preflight("0.23.0".into(), Box::new(preflight(2, false))),
        Request::Preflight("1.29.0".into(), Box::new(preflight(2, false))),
    ]
});

pub(crate) fn check(input: &[u8], _: Libpq) {
    let mut bytes = Unstructured::new(input);
    let request = &REQUESTS[below(&mut bytes, REQUESTS.len())];
    let exit = exit(&mut bytes).unwrap_or(Exit::Code(0));
    let report = bytes.take_rest();

    let found = permits(request, exit, report.to_vec());

    let context = format!("{exit:?}: {}\n{found:?}", String::from_utf8_lossy(report));
    assert!(found.size <= 16 * report.len() + OURS, "{context}");
    let (success, window_safe) = may_succeed(request, exit);
    assert!(!found.success || success, "{context}");
    assert!(!found.window_safe || window_safe, "{context}");
    if found
        == (Permits {
            size: found.size,
            ..Permits::default()
        })
    {
        return;
    }
    let text = std::str::from_utf8(report).unwrap_or_else(|_| panic!("{context}"));
    match serde_json::from_str(text) {
        Ok(report) => says(request, &found, &report, &context),
        Err(error) => assert!(too_much_for_a_value(&error), "{error}: {context}"),
    }
}

/// Whether this is JSON that a `Value` cannot represent: half of a surrogate pair, which Python writes
/// for a file name that is not valid text; an unbounded number; or great depth.
fn too_much_for_a_value(error: &serde_json::Error) -> bool {
    let words = error.to_string();
    let reasons = ["surrogate", "hex escape", "out of range", "recursion"];
    reasons.iter().any(|reason| words.contains(reason))
}

/// Checks that the report supports what the answer permits.
fn says(request: &Request, found: &Permits, report: &Value, context: &str) {
    let yes = |field: &str| report[field] == Value::Bool(true);
    let items = |field: &str| report[field].as_array().map_or(0, Vec::len);
    if found.success {
        let holds = match request {
            Request::Current => report.get("revision").is_some() || report.get("error").is_some(),
            Request::Up(_) => yes("success") && items("errors") == 0,
            Request::DownTo(target) => report["to"] == target.as_str() && items("errors") == 0,
            Request::Verify => report["failed_count"] == 0 && report["ok"] != Value::Bool(false),
            Request::Preflight(..) => yes("ok") && report["summary"]["errors"] == 0,
        };
        assert!(holds, "{context}");
    }
    assert!(!found.window_safe || yes("window_safe"), "{context}");
    let run = items("applied").max(items("rolled_back"));
    assert!(found.run <= run, "{context}");
    let verified = report["results"].as_array().map_or(0, |results| {
        let counts = |result: &&Value| result["status"] != "failed";
        results.iter().filter(counts).count()
    });
    // The adapter adds checks of its own, for what confiture states of the whole.
    assert!(
        !found.success || found.verified <= verified + 3,
        "{context}"
    );
    assert!(
        found.tiers.len()
            <= report["change_set"]["changes"]
                .as_array()
                .map_or(0, Vec::len),
        "{context}"
    );
}

/// Every report that was ever recorded, once.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = BTreeSet::new();
    for (_, _, call) in CALLS.iter() {
        let operation = match call.argv.get(1).map(String::as_str) {
            Some("current") => 0,
            Some("up") => 1,
            Some("down-to") => 3,
            Some("verify") => 4,
            Some("preflight") => 6,
            _ => continue,
        };
        let (Some(report), Ok(status)) = (call.report_text(), u8::try_from(call.exit)) else {
            continue;
        };
        let mut seed = match status {
            0 => vec![operation, 3],
            status => vec![operation, 5, status],
        };
        seed.extend(report.into_bytes());
        seeds.insert(seed);
    }
    seeds.into_iter().collect()
}
