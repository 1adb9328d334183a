//! Work that is not what is said of it.

use serde_json::{Value, json};

use super::injection::Injection;
use crate::wrapper::tamper::Act;

/// The report of an `up` that did everything.
fn applied() -> Value {
    let one = |version: &str| json!({"version": version, "name": "x", "duration_ms": 0, "rows_affected": 0});
    json!({
        "success": true, "applied": [one("001"), one("002"), one("003")], "skipped": [],
        "skipped_superuser": [], "pending": [], "errors": [], "total_duration_ms": 0,
        "checksums_verified": true, "dry_run": false, "dry_run_execute": false, "warnings": [],
        "ok": true, "command": "migrate up", "parser": {"pglast": "8.8", "pg_major": 18}
    })
}

/// The report of an `up` that failed at once.
fn failed() -> Value {
    let mut report = applied();
    report["success"] = json!(false);
    report["applied"] = json!([]);
    report["errors"] = json!(["Failed to apply migration 001"]);
    report
}

fn rolled_back() -> Value {
    json!({
        "from": "003", "to": "001", "rolled_back": ["003", "002"], "skipped": [], "errors": [],
        "ok": true, "command": "migrate down-to", "parser": {"pglast": "8.8", "pg_major": 18}
    })
}

fn held() -> Value {
    json!({
        "ok": false,
        "error": {"code": "LOCK_1300", "message": "held", "severity": "error"},
        "command": "migrate up"
    })
}

pub(super) fn injections() -> Vec<Injection> {
    let all = &["up/all"];
    let mut found = vec![
        // Does not, and says it did.
        Injection::harmful("up", Act::Skip(applied(), 0), "").only(all),
        Injection::harmful("up", Act::Skip(applied(), 0), "").only(&["up/second-of-three-fails"]),
        Injection::harmful("down-to", Act::Skip(rolled_back(), 0), "").only(&["down-to/first"]),
        // Does, and says it did not.
        Injection::harmful("up", Act::Report(failed(), 3), "").only(all),
        Injection::harmful("up", Act::Report(held(), 6), "").only(all),
        Injection::harmful("down-to", Act::Report(held(), 6), "").only(&["down-to/first"]),
        Injection::harmful("up", Act::Hang, "hangs").only(all),
        Injection::harmful("preflight", Act::Hang, "hangs").only(&["preflight/add-column"]),
        Injection::harmful("up", Act::NoStartOptions, "database:sessions")
            .only(&["up/cancelled"])
            .live(),
    ];
    for injection in &mut found {
        injection.name = format!("{} ({})", injection.name, injection.only.join(", "));
    }
    found
}
