//! The fields that the adapter reads: dropped, renamed, of another type, there twice.

use serde_json::{Value, json};

use super::injection::Injection;
use crate::wrapper::tamper::Act;

/// Each field that an answer rests on, and a second value for it.
fn read() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("current", "revision", json!("001")),
        ("current", "name", json!("other")),
        ("up", "success", json!(true)),
        ("up", "applied", json!([])),
        ("up", "applied[].version", json!("001")),
        ("up", "skipped", json!([])),
        ("up", "skipped_superuser", json!([])),
        ("up", "pending", json!([])),
        ("up", "errors", json!([])),
        ("up", "dry_run", json!(false)),
        ("up", "dry_run_execute", json!(false)),
        ("down-to", "from", json!("002")),
        ("down-to", "to", json!("001")),
        ("down-to", "rolled_back", json!([])),
        ("down-to", "skipped", json!([])),
        ("down-to", "errors", json!([])),
        ("verify", "verified_count", json!(1)),
        ("verify", "failed_count", json!(0)),
        ("verify", "skipped_count", json!(0)),
        ("verify", "total_applied", json!(3)),
        ("verify", "results", json!([])),
        ("verify", "results[].version", json!("001")),
        ("verify", "results[].name", json!("other")),
        ("verify", "results[].status", json!("verified")),
        ("preflight", "ok", json!(true)),
        ("preflight", "window_safe", json!(true)),
        ("preflight", "summary", json!({})),
        ("preflight", "summary.errors", json!(0)),
        ("preflight", "summary.migrations_checked", json!(1)),
        ("preflight", "issues", json!([])),
        ("preflight", "issues[].severity", json!("info")),
        ("preflight", "issues[].code", json!("PFLIGHT_OTHER")),
        ("preflight", "issues[].message", json!("other")),
        ("preflight", "change_set", json!({})),
        ("preflight", "change_set.contract_version", json!(1)),
        ("preflight", "change_set.changes", json!([])),
        ("preflight", "change_set.changes[].kind", json!("other")),
        ("preflight", "change_set.changes[].object", json!("other")),
        ("preflight", "change_set.changes[].tier", json!("additive")),
    ]
}

pub(super) fn injections() -> Vec<Injection> {
    let mut all = Vec::new();
    for (call, field, second) in read() {
        let path = field.to_owned();
        let name = field.rsplit('.').next().unwrap_or(field);
        let to = format!("{name}_v2");
        let at = |kind: &str| format!("field-{kind}:{field}");
        all.extend([
            Injection::harmful(call, Act::Drop(path.clone()), at("gone")),
            Injection::harmful(call, Act::Rename(path.clone(), to), at("renamed")),
            Injection::harmful(call, Act::Retype(path.clone()), at("retyped")),
            Injection::harmful(call, Act::Double(path, second), at("doubled")),
        ]);
    }
    // The adapter can do without it, and the catalogue expects it where it is false.
    let without = Act::Drop("ok".to_owned());
    all.push(Injection::harmful("verify", without, "field-gone:ok"));
    // What may be missing may not be of another type.
    for field in ["ok", "was_skipped", "ledger_present"] {
        let act = Act::Retype(field.to_owned());
        all.push(Injection::harmful(
            "verify",
            act,
            format!("field-retyped:{field}"),
        ));
    }
    all
}
