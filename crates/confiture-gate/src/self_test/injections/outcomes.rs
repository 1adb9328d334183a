//! Results that are turned, exit statuses and symbolic codes that are others, reports that are
//! not what they should be.

use serde_json::{Value, json};

use super::injection::Injection;
use crate::wrapper::tamper::Act;

const OPERATIONS: [&str; 5] = ["current", "up", "down-to", "verify", "preflight"];

pub(super) fn injections() -> Vec<Injection> {
    let mut all = results();
    all.extend(statuses());
    all.extend(codes());
    all.extend(reports());
    all.extend(versions());
    all
}

fn results() -> Vec<Injection> {
    let turned: Vec<(&str, &str, Value, &str)> = vec![
        ("preflight", "window_safe", json!(true), "field-value"),
        ("preflight", "window_safe", json!(false), "field-value"),
        ("preflight", "ok", json!(true), "field-value"),
        ("preflight", "ok", json!(false), "field-value"),
        ("preflight", "summary.errors", json!(1), "field-value"),
        (
            "preflight",
            "issues[].severity",
            json!("error"),
            "field-value",
        ),
        (
            "preflight",
            "change_set.changes[].tier",
            json!("additive"),
            "field-value",
        ),
        (
            "preflight",
            "change_set.changes[].tier",
            json!("irreversible"),
            "field-value",
        ),
        (
            "preflight",
            "change_set.changes",
            json!([]),
            "field-elements",
        ),
        (
            "preflight",
            "change_set.contract_version",
            json!(2),
            "field-value",
        ),
        ("verify", "ok", json!(true), "field-value"),
        ("verify", "ok", json!(false), "field-value"),
        ("verify", "failed_count", json!(1), "field-value"),
        ("verify", "results[].status", json!("failed"), "field-value"),
        ("verify", "was_skipped", json!(true), "field-value"),
        ("current", "revision", json!("002"), "field-value"),
        ("up", "success", json!(false), "field-value"),
        ("up", "applied", json!([]), "field-elements"),
        ("up", "errors", json!(["something"]), "field-elements"),
        ("up", "dry_run", json!(true), "field-value"),
        ("down-to", "to", json!("002"), "field-value"),
        ("down-to", "rolled_back", json!([]), "field-elements"),
        ("down-to", "errors", json!(["something"]), "field-elements"),
    ];
    turned
        .into_iter()
        .map(|(call, field, value, kind)| {
            Injection::harmful(
                call,
                Act::Set(field.to_owned(), value),
                format!("{kind}:{field}"),
            )
        })
        .collect()
}

fn statuses() -> Vec<Injection> {
    [
        ("current", 0, 1),
        ("current", 2, 0),
        ("current", 3, 2),
        ("up", 0, 1),
        ("up", 0, 3),
        ("up", 3, 0),
        ("up", 6, 0),
        ("up", 6, 3),
        ("up", 5, 0),
        ("down-to", 0, 1),
        ("down-to", 3, 0),
        ("down-to", 8, 0),
        ("verify", 0, 1),
        ("verify", 1, 0),
        ("verify", 2, 1),
        ("preflight", 0, 7),
        ("preflight", 7, 0),
        ("preflight", 0, 1),
        ("--version", 0, 1),
        ("--exit-codes-json", 0, 1),
    ]
    .into_iter()
    .map(|(call, from, to)| {
        Injection::harmful(call, Act::Exit(from, to), format!("exit:{from}:{to}"))
    })
    .collect()
}

fn codes() -> Vec<Injection> {
    let mut all: Vec<Injection> = [
        ("current", "PRECON_1001", "NO_LEDGER"),
        ("current", "CONFIG_006", "CONFIG_016"),
        ("up", "LOCK_1300", "BUSY_1300"),
        ("up", "LOCK_1300", "LOCK_1399"),
        ("up", "CONFIG_006", "DB_006"),
        ("down-to", "LOCK_1300", "MIGR_130"),
        ("down-to", "MIGR_100", "MIGR_199"),
        ("down-to", "ROLLBACK_600", "DOWN_600"),
        ("verify", "PRECON_1001", "INTERNAL_ERROR"),
    ]
    .into_iter()
    .map(|(call, from, to)| {
        let act = Act::Code(from.to_owned(), to.to_owned());
        Injection::harmful(call, act, format!("code:{from}:{to}"))
    })
    .collect();
    for code in ["DROP_COLUMN", "DROP_TABLE", "UNCLASSIFIED", "TRUNCATE"] {
        let from = format!("PFLIGHT_REPLICA_{code}");
        let cause = format!("issue-gone:{from}");
        let act = Act::Code(from, format!("PFLIGHT_WINDOW_{code}"));
        all.push(Injection::harmful("preflight", act, cause));
    }
    all
}

fn reports() -> Vec<Injection> {
    let mut all = Vec::new();
    for call in OPERATIONS {
        all.extend([
            Injection::harmful(call, Act::NoReport, "no-report"),
            Injection::harmful(call, Act::HalfReport, "broken-report"),
            Injection::harmful(call, Act::EmptyReport, "broken-report"),
            Injection::harmful(call, Act::ReportElsewhere, "report-elsewhere"),
            Injection::harmful(call, Act::Crash(11), "signal:11"),
        ]);
    }
    all
}

fn versions() -> Vec<Injection> {
    let said = |to: &str| Act::Replace("confiture version ".to_owned(), to.to_owned());
    vec![
        Injection::harmful("--version", said(""), "version-text"),
        Injection::harmful("--version", said("confiture v"), "version-text"),
        Injection::harmful("--version", said("fraiseql-confiture "), "version-text"),
        Injection::harmful(
            "--version",
            said("confiture version 0.19.0 of "),
            "version-text",
        ),
        Injection::harmful(
            "--exit-codes-json",
            Act::Replace("PRECON_1001".to_owned(), "NO_LEDGER".to_owned()),
            "field",
        ),
        Injection::harmful(
            "--exit-codes-json",
            Act::Replace("LOCK_1300".to_owned(), "BUSY_1300".to_owned()),
            "field",
        ),
        Injection::harmful(
            "--help",
            Act::Replace("--no-config".to_owned(), "--no-configs".to_owned()),
            "option-gone:--no-config",
        ),
        Injection::harmful(
            "--help",
            Act::Replace("--allow-destructive".to_owned(), "--destructive".to_owned()),
            "option-gone:--allow-destructive",
        ),
        Injection::harmful(
            "--help",
            Act::Replace("--against".to_owned(), "--copy".to_owned()),
            "option-gone:--against",
        ),
    ]
}
