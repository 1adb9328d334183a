//! What is injected: one change at a time, and the cause that the gate has to name.

use serde_json::{Value, json};

use super::mutation::{Act, Mutation};

/// One change, and what the gate has to say of it.
#[derive(Debug, Clone)]
pub struct Injection {
    /// The change, in words.
    pub name: String,
    /// The change.
    pub mutation: Mutation,
    /// How the id of the cause begins; none for a change that harms nobody.
    pub cause: Option<String>,
    /// The cases to judge; without any, all that it changes.
    pub only: &'static [&'static str],
}

impl Injection {
    fn new(call: &'static str, acts: Vec<Act>, cause: Option<String>) -> Self {
        let words: Vec<String> = acts.iter().map(Act::words).collect();
        Self {
            name: format!("{call}: {}", words.join(", ")),
            mutation: Mutation { call, acts },
            cause,
            only: &[],
        }
    }

    fn harmful(call: &'static str, act: Act, cause: impl Into<String>) -> Self {
        Self::new(call, vec![act], Some(cause.into()))
    }

    fn harmless(call: &'static str, act: Act) -> Self {
        Self::new(call, vec![act], None)
    }

    fn only(mut self, cases: &'static [&'static str]) -> Self {
        self.name = format!("{} ({})", self.name, cases.join(", "));
        self.only = cases;
        self
    }

    /// Whether it has to be reported as a false safe.
    pub fn is_false_safe(&self) -> bool {
        self.cause.as_deref() == Some(FALSE_SAFE)
    }
}

/// How the id of a false safe begins.
const FALSE_SAFE: &str = "false-safe";

const OPERATIONS: [&str; 5] = ["current", "up", "down-to", "verify", "preflight"];

/// Everything that is injected.
pub fn injections() -> Vec<Injection> {
    let mut all = false_safes();
    all.extend(fields());
    all.extend(values());
    all.extend(statuses());
    all.extend(codes());
    all.extend(calls());
    all.extend(harmless());
    all
}

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

/// Answers that permit more than they may, without a contradiction in them.
fn false_safes() -> Vec<Injection> {
    let set = |path: &str, value: Value| Act::Set(path.to_owned(), value);
    let rolled_back = json!({
        "from": "003", "to": "001", "rolled_back": ["003", "002"], "skipped": [], "errors": [],
        "ok": true, "command": "migrate down-to", "parser": {"pglast": "8.8", "pg_major": 18}
    });
    let safe = |call, acts: Vec<Act>, only| {
        Injection::new(call, acts, Some(FALSE_SAFE.to_owned())).only(only)
    };
    vec![
        safe("up", vec![Act::Skip(applied())], &["up/all"]),
        safe(
            "up",
            vec![Act::Skip(applied())],
            &["up/second-of-three-fails"],
        ),
        safe("down-to", vec![Act::Skip(rolled_back)], &["down-to/first"]),
        safe(
            "current",
            vec![set("revision", json!("002"))],
            &["current/at-head"],
        ),
        safe(
            "preflight",
            vec![set("window_safe", json!(true)), set("issues", json!([]))],
            &["preflight/drop-table"],
        ),
        safe(
            "preflight",
            vec![set("change_set.changes[].tier", json!("additive"))],
            &["preflight/five-tiers"],
        ),
        safe(
            "preflight",
            vec![set("change_set.changes", json!([]))],
            &["preflight/drop-column"],
        ),
        safe(
            "preflight",
            vec![
                set("ok", json!(true)),
                set("issues", json!([])),
                set("summary.errors", json!(0)),
                Act::Exit(7, 0),
            ],
            &["preflight/duplicate-version"],
        ),
        safe(
            "verify",
            vec![
                set("ok", json!(true)),
                set("failed_count", json!(0)),
                set("verified_count", json!(3)),
                set("skipped_count", json!(0)),
                set("results[].status", json!("verified")),
                set("results[].actual_value", json!(true)),
                Act::Exit(1, 0),
            ],
            &["verify/false"],
        ),
    ]
}

/// The fields that the adapter reads, each with a second value for it: dropped, renamed, of another
/// type, there twice.
fn fields() -> Vec<Injection> {
    let read = [
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
    ];
    let mut all = Vec::new();
    for (call, field, second) in read {
        let path = || field.to_owned();
        let to = format!("{}_v2", field.rsplit('.').next().unwrap_or(field));
        let at = |kind: &str| format!("field-{kind}:{field}");
        all.extend([
            Injection::harmful(call, Act::Drop(path()), at("gone")),
            Injection::harmful(call, Act::Rename(path(), to), at("renamed")),
            Injection::harmful(call, Act::Retype(path()), at("retyped")),
            Injection::harmful(call, Act::Double(path(), second), at("doubled")),
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

/// Fields with another value.
fn values() -> Vec<Injection> {
    [
        ("preflight", "window_safe", json!(true), "value"),
        ("preflight", "window_safe", json!(false), "value"),
        ("preflight", "ok", json!(true), "value"),
        ("preflight", "ok", json!(false), "value"),
        ("preflight", "summary.errors", json!(1), "value"),
        ("preflight", "issues[].severity", json!("error"), "value"),
        (
            "preflight",
            "change_set.changes[].tier",
            json!("additive"),
            "value",
        ),
        (
            "preflight",
            "change_set.changes[].tier",
            json!("irreversible"),
            "value",
        ),
        ("preflight", "change_set.changes", json!([]), "elements"),
        (
            "preflight",
            "change_set.contract_version",
            json!(2),
            "value",
        ),
        ("verify", "ok", json!(true), "value"),
        ("verify", "ok", json!(false), "value"),
        ("verify", "failed_count", json!(1), "value"),
        ("verify", "results[].status", json!("failed"), "value"),
        ("verify", "was_skipped", json!(true), "value"),
        ("current", "revision", json!("002"), "value"),
        ("up", "success", json!(false), "value"),
        ("up", "applied", json!([]), "elements"),
        ("up", "errors", json!(["something"]), "elements"),
        ("up", "dry_run", json!(true), "value"),
        ("down-to", "to", json!("002"), "value"),
        ("down-to", "rolled_back", json!([]), "elements"),
        ("down-to", "errors", json!(["something"]), "elements"),
    ]
    .into_iter()
    .map(|(call, field, value, kind)| {
        let act = Act::Set(field.to_owned(), value);
        Injection::harmful(call, act, format!("field-{kind}:{field}"))
    })
    .collect()
}

fn statuses() -> Vec<Injection> {
    [
        ("current", &[(0, 1), (2, 0), (3, 2)][..]),
        ("up", &[(0, 1), (0, 3), (3, 0), (6, 0), (6, 3), (5, 0)]),
        ("down-to", &[(0, 1), (3, 0), (8, 0)]),
        ("verify", &[(0, 1), (1, 0), (2, 1)]),
        ("preflight", &[(0, 7), (7, 0), (0, 1)]),
        ("--version", &[(0, 1)]),
        ("--exit-codes-json", &[(0, 1)]),
    ]
    .into_iter()
    .flat_map(|(call, pairs)| {
        pairs.iter().map(move |(from, to)| {
            Injection::harmful(call, Act::Exit(*from, *to), format!("exit:{from}:{to}"))
        })
    })
    .collect()
}

fn codes() -> Vec<Injection> {
    let errors = [
        ("current", "PRECON_1001", "NO_LEDGER"),
        ("current", "CONFIG_006", "CONFIG_016"),
        ("up", "LOCK_1300", "BUSY_1300"),
        ("up", "LOCK_1300", "LOCK_1399"),
        ("up", "CONFIG_006", "DB_006"),
        ("down-to", "LOCK_1300", "MIGR_130"),
        ("down-to", "MIGR_100", "MIGR_199"),
        ("down-to", "ROLLBACK_600", "DOWN_600"),
        ("verify", "PRECON_1001", "INTERNAL_ERROR"),
    ];
    let errors = errors.map(|(call, from, to)| {
        let act = Act::Code(from.to_owned(), to.to_owned());
        Injection::harmful(call, act, format!("code:{from}:{to}"))
    });
    let issues = ["DROP_COLUMN", "DROP_TABLE", "UNCLASSIFIED", "TRUNCATE"].map(|code| {
        let from = format!("PFLIGHT_REPLICA_{code}");
        let cause = format!("issue-gone:{from}");
        Injection::harmful(
            "preflight",
            Act::Code(from, format!("PFLIGHT_WINDOW_{code}")),
            cause,
        )
    });
    errors.into_iter().chain(issues).collect()
}

/// Calls that are refused, crash, write no report, or do what they do not report.
fn calls() -> Vec<Injection> {
    let mut all = Vec::new();
    for call in OPERATIONS {
        all.extend([
            Injection::harmful(call, Act::NoReport, "no-report"),
            Injection::harmful(call, Act::HalfReport, "broken-report"),
            Injection::harmful(call, Act::EmptyReport, "broken-report"),
            Injection::harmful(call, Act::Crash(11), "signal:11"),
        ]);
        let more: &[&str] = match call {
            "current" => &[],
            "up" => &["--migrations-dir", "--target"],
            "preflight" => &["--migrations-dir", "--against"],
            _ => &["--migrations-dir"],
        };
        for option in ["--no-config", "--format", "--output"].iter().chain(more) {
            let cause = format!("refused:{option}");
            all.push(Injection::harmful(call, Act::Refuse(option), cause));
        }
    }
    let held = json!({
        "ok": false, "command": "migrate up",
        "error": {"code": "LOCK_1300", "message": "held", "severity": "error"}
    });
    let mut failed = applied();
    failed["success"] = json!(false);
    failed["applied"] = json!([]);
    failed["errors"] = json!(["Failed to apply migration 001"]);
    let contended = "code:none:LOCK_1300";
    let replaced =
        |call, from, to, cause: &str| Injection::harmful(call, Act::Replace(from, to), cause);
    all.extend([
        Injection::harmful("up", Act::Report(failed, 3), "field-elements:errors").only(&["up/all"]),
        Injection::harmful("up", Act::Report(held.clone(), 6), contended).only(&["up/all"]),
        Injection::harmful("down-to", Act::Report(held, 6), contended).only(&["down-to/first"]),
        replaced("--version", "confiture version ", "", "version-text"),
        replaced(
            "--version",
            "confiture version ",
            "confiture v",
            "version-text",
        ),
        replaced(
            "--version",
            "confiture version ",
            "fraiseql-confiture ",
            "version-text",
        ),
        replaced(
            "--version",
            "confiture version ",
            "confiture version 0.19.0 of ",
            "version-text",
        ),
        replaced(
            "--exit-codes-json",
            "PRECON_1001",
            "NO_LEDGER",
            "field-value",
        ),
        replaced("--exit-codes-json", "LOCK_1300", "BUSY_1300", "field-value"),
        replaced(
            "--help",
            "--no-config",
            "--no-configs",
            "option-gone:--no-config",
        ),
        replaced(
            "--help",
            "--allow-destructive",
            "--destructive",
            "option-gone:--allow-destructive",
        ),
        replaced("--help", "--against", "--copy", "option-gone:--against"),
    ]);
    all
}

/// Controls: what changes from release to release and harms nobody.
fn harmless() -> Vec<Injection> {
    let mut all = Vec::new();
    let add = |call, path: &str| {
        Injection::harmless(call, Act::Add(path.to_owned(), "note", json!("new")))
    };
    for call in OPERATIONS {
        all.extend([
            add(call, ""),
            Injection::harmless(call, Act::ReverseKeys),
            Injection::harmless(call, Act::Prepend("confiture says hello")),
            Injection::harmless(call, Act::Warn("DeprecationWarning: soon")),
        ]);
    }
    let places = [
        ("up", "applied[]"),
        ("verify", "results[]"),
        ("preflight", "summary"),
        ("preflight", "issues[]"),
        ("preflight", "change_set"),
        ("preflight", "change_set.changes[]"),
    ];
    all.extend(places.map(|(call, path)| add(call, path)));
    let lists = [
        ("preflight", "issues"),
        ("preflight", "change_set.changes"),
        ("verify", "results"),
    ];
    all.extend(lists.map(|(call, path)| Injection::harmless(call, Act::Reverse(path.to_owned()))));
    let dropped = [
        ("preflight", "change_set.changes[].detail"),
        ("preflight", "issues[].actionable"),
        ("preflight", "issues[].line"),
        ("preflight", "command"),
        ("verify", "parser"),
        ("up", "total_duration_ms"),
        ("up", "ok"),
        ("current", "checksum"),
        ("current", "applied_at"),
    ];
    all.extend(dropped.map(|(call, path)| Injection::harmless(call, Act::Drop(path.to_owned()))));
    let issue = json!({
        "severity": "info", "code": "PFLIGHT_NEWS", "message": "new", "migration": null,
        "file": null, "line": null, "actionable": null, "details": {}
    });
    all.extend([
        Injection::harmless("preflight", Act::Push("issues".to_owned(), issue)),
        Injection::harmless("up", Act::Push("warnings".to_owned(), json!("be careful"))),
    ]);
    let replaced = [
        (
            "--exit-codes-json",
            "\"LOCK_1300\"",
            "\"LOCK_1300\", \"LOCK_1399\"",
        ),
        ("current", "Output written to", "Report is in"),
        ("--version", "native extension: yes", "native extension: no"),
        ("--version", "parser: pglast", "parser: other"),
        ("--help", "--dry-run", "--rehearse"),
    ];
    all.extend(replaced.map(|(call, from, to)| Injection::harmless(call, Act::Replace(from, to))));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_injection_is_there_twice_and_each_harmful_one_names_a_cause() {
        let all = injections();
        let names: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        // Nothing is injected by accident, or gets lost.
        assert_eq!(all.len(), 323);
        for injection in &all {
            assert_ne!(injection.cause.as_deref(), Some(""), "{}", injection.name);
        }
    }
}
