use fraisier_adapter_api::RiskTier;
use serde_json::{Value, json};

use super::*;

fn payload(bytes: &[u8]) -> Payload<Current> {
    decode(Some(Report::from(bytes.to_vec())))
}

#[test]
fn bytes_are_decoded_as_report_envelope_or_neither() {
    let report = br#"{"revision": "002", "name": "b"}"#;
    assert!(matches!(payload(report), Payload::Report(_)));
    let without_error = br#"{"error": null, "revision": "002", "name": "b"}"#;
    assert!(matches!(payload(without_error), Payload::Report(_)));
    let envelope = br#"{"ok": false, "error": {"code": "LOCK_1300", "message": "held"}}"#;
    assert!(matches!(payload(envelope), Payload::Envelope(_)));
    let both = br#"{"revision": "002", "name": "b", "ok": false,
                    "error": {"code": "X_1", "message": "m"}}"#;
    assert!(matches!(payload(both), Payload::Envelope(_)));
    for neither in [
        &b""[..],
        b"{}",
        b"null",
        b"[]",
        b"{\"revision\": \"002\", \"name\": \"b\"} trailing",
        b"{\"revision\": \"002\", \"name\": \"b\"}{}",
        b"{\"revision\": \"002\", \"revision\": null, \"name\": \"b\"}",
        b"{\"revision\": \"002\", \"name\": \"b\", \"error\": \"broken\"}",
        b"\xff\xfe",
        b"{\"revision\": \"002\", \"name\": \"b\", \"more\": \"\xff\"}",
    ] {
        assert!(
            matches!(payload(neither), Payload::Unreadable(_)),
            "{neither:?}"
        );
    }
    assert!(matches!(decode::<Current>(None), Payload::Nothing));
}

#[test]
fn an_array_is_never_read_as_an_object() {
    fn refuse<T: Decode>(text: &str) {
        let report = Report::from(text.as_bytes().to_vec());
        let payload = decode::<T>(Some(report));
        assert!(matches!(payload, Payload::Unreadable(_)), "{text}");
    }
    refuse::<Current>(r#"["002", "b"]"#);
    refuse::<Current>(r#"{"error": ["LOCK_1300", "held"]}"#);
    refuse::<Current>(r#"[{"code": "LOCK_1300"}]"#);
    refuse::<DownTo>(r#"["003", "001", [], [], []]"#);
    refuse::<MigrationList>(r#"[[{"version": "001", "status": "applied", "applied_at": null}]]"#);
    refuse::<MigrationList>(r#"{"migrations": [["001", "applied", null]]}"#);
    let up = |applied: &str, superuser: &str| {
        format!(
            r#"{{"success": true, "applied": [{applied}], "skipped": [],
            "skipped_superuser": [{superuser}], "pending": [], "errors": [],
            "dry_run": false, "dry_run_execute": false}}"#
        )
    };
    let read = decode::<Up>(Some(Report::from(up("", "").into_bytes())));
    assert!(matches!(read, Payload::Report(_)));
    refuse::<Up>(&up(r#"["001", "a"]"#, ""));
    refuse::<Up>(&up("", r#"["004", "it says so"]"#));
    refuse::<Up>(r#"[["Irreversible"], ["001"]]"#);
    let verify = |result: &str| {
        format!(
            r#"{{"verified_count": 1, "failed_count": 0, "skipped_count": 0,
            "total_applied": 1, "results": [{result}]}}"#
        )
    };
    refuse::<Verify>(&verify(r#"["001", "a", "verified", null]"#));
    let preflight = |summary: &str, issue: &str| {
        format!(r#"{{"ok": true, "summary": {summary}, "issues": [{issue}]}}"#)
    };
    refuse::<Preflight>(&preflight("[0, 1]", ""));
    let summary = r#"{"errors": 0, "migrations_checked": 1}"#;
    refuse::<Preflight>(&preflight(summary, r#"["info", "C", "m"]"#));
}

#[test]
fn a_success_with_the_key_of_a_refusal_is_a_success() {
    let text = br#"{"success": true, "applied": [{"version": "001"}], "skipped": [],
        "skipped_superuser": [], "pending": [], "errors": [], "dry_run": false,
        "dry_run_execute": false, "irreversible_versions": ["001"]}"#;
    let Payload::Report(report) = decode::<Up>(Some(Report::from(text.to_vec()))) else {
        panic!("a report");
    };
    assert!(report.success && report.applied.len() == 1);
}

#[test]
fn an_error_envelope_contains_the_diagnosis() {
    let wire: Wire = serde_json::from_str(
        r#"{"ok": false, "error": {"code": "ROLLBACK_600", "message": "Cannot roll back",
            "severity": "error", "details": {}, "migration": "003", "file": null, "line": null,
            "actionable": "Add the missing .down.sql"}, "command": "migrate down-to"}"#,
    )
    .expect("an envelope");
    let envelope = wire.error.expect("an envelope");
    assert_eq!(envelope.code.as_deref(), Some("ROLLBACK_600"));
    assert_eq!(envelope.message, "Cannot roll back");
    assert_eq!(
        envelope.actionable.as_deref(),
        Some("Add the missing .down.sql")
    );
    assert_eq!(envelope.migration.as_deref(), Some("003"));
    assert_eq!(envelope.file, None);
}

#[test]
fn an_incomplete_error_envelope_is_recognised() {
    let wire: Wire =
        serde_json::from_str(r#"{"error": {"code": 7, "message": ["m"]}}"#).expect("one");
    let envelope = wire.error.expect("an envelope");
    assert_eq!(envelope.code, None);
    assert_eq!(envelope.message, "");
    let wire: Wire = serde_json::from_str(r#"{"ok": false}"#).expect("none");
    assert!(wire.error.is_none());
}

#[test]
fn a_null_revision_differs_from_a_missing_one() {
    let read = |text| serde_json::from_str::<Current>(text);
    let head = read(r#"{"revision": "002", "name": "b", "applied_at": "…", "ok": true}"#);
    assert_eq!(head.expect("a report").revision.as_deref(), Some("002"));
    let empty = read(r#"{"revision": null, "name": null, "applied_at": null}"#);
    assert_eq!(empty.expect("a report").revision, None);
    for text in [
        r#"{"name": null}"#,
        r#"{"revision": "002"}"#,
        r#"{"revision": 2, "name": "b"}"#,
        r#"{"revision": "", "name": "b"}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

/// A preflight report with this value.
fn with(key: &str, value: Value) -> Result<Preflight, serde_json::Error> {
    let mut report = json!({
        "ok": true, "window_safe": true, "issues": [],
        "summary": {"errors": 0, "warnings": 0, "info": 0, "migrations_checked": 2},
    });
    report[key] = value;
    serde_json::from_str(&report.to_string())
}

#[test]
fn an_issue_contains_the_whole_diagnosis() {
    let report = with(
        "issues",
        json!([{
            "severity": "error", "code": "PFLIGHT_REPLAY_FAILED",
            "message": "Migration 004 (z) failed to replay.", "migration": "004",
            "file": "004_z.up.sql", "line": null, "actionable": "Fix the SQL.",
            "details": {"error": "relation \"a\" does not exist"},
        }]),
    )
    .expect("a report");
    assert_eq!(
        report.issues[0].0.message,
        "Migration 004 (z) failed to replay. (004_z.up.sql) — relation \"a\" does not exist — \
         Fix the SQL."
    );
    assert_eq!(report.issues[0].0.migration.as_deref(), Some("004"));
}

#[test]
fn an_issue_gets_its_migration_from_the_file() {
    let read = |migration: Value, file: Value| {
        let issue = json!({
            "severity": "warning", "code": "PFLIGHT_REPLICA_DROP_TABLE", "message": "gone",
            "migration": migration, "file": file,
        });
        let mut report = with("issues", json!([issue])).expect("a report");
        let Issue(issue) = report.issues.remove(0);
        (issue.migration, issue.message)
    };
    for (migration, file, expected, message) in [
        (
            json!("orders"),
            json!("001_x.up.sql"),
            Some("001"),
            "gone (001_x.up.sql, orders)",
        ),
        (
            json!("001"),
            json!("001_x.up.sql"),
            Some("001"),
            "gone (001_x.up.sql)",
        ),
        (
            Value::Null,
            json!("001_x.py"),
            Some("001"),
            "gone (001_x.py)",
        ),
        (json!("001"), Value::Null, Some("001"), "gone"),
        (
            json!("orders"),
            json!("notes.md"),
            Some("orders"),
            "gone (notes.md)",
        ),
        (Value::Null, Value::Null, None, "gone"),
    ] {
        let found = read(migration, file);
        assert_eq!((found.0.as_deref(), &*found.1), (expected, message));
    }
}

#[test]
fn required_fields_must_be_present_with_their_type() {
    for (key, value) in [
        ("ok", json!("true")),
        ("ok", Value::Null),
        ("window_safe", json!("true")),
        ("window_safe", json!(1)),
        ("issues", Value::Null),
        ("issues", json!({})),
        (
            "issues",
            json!([{"severity": "fatal", "code": "C", "message": "m"}]),
        ),
        ("issues", json!([{"code": "C", "message": "m"}])),
        ("issues", json!(["error"])),
        ("summary", json!({"errors": 0})),
        ("summary", json!({"errors": "0", "migrations_checked": 1})),
    ] {
        assert!(with(key, value.clone()).is_err(), "{key}: {value}");
    }
    for missing in ["ok", "issues", "summary"] {
        let mut report = json!({
            "ok": true, "issues": [], "summary": {"errors": 0, "migrations_checked": 0},
        });
        report.as_object_mut().expect("an object").remove(missing);
        assert!(
            serde_json::from_str::<Preflight>(&report.to_string()).is_err(),
            "{missing}"
        );
    }
    let twice = r#"{"ok": true, "ok": false, "issues": [],
                    "summary": {"errors": 0, "migrations_checked": 0}}"#;
    assert!(serde_json::from_str::<Preflight>(twice).is_err());
}

#[test]
fn a_message_does_not_repeat_itself() {
    let issue = r#"{"severity": "info", "code": "C", "message": "a (f)", "file": "f",
        "actionable": "b", "details": {"error": "e"}}"#;
    let Issue(issue) = serde_json::from_str(issue).expect("one");
    assert_eq!(issue.message, "a (f) — e — b");
}

#[test]
fn a_damaged_change_set_is_none() {
    for broken in [
        json!(7),
        json!(-7),
        json!(0.5),
        json!(true),
        json!("x"),
        json!([1]),
        // The fields in order: an array is no object.
        json!([1, []]),
        Value::Null,
        json!({}),
        json!({"changes": []}),
        json!({"contract_version": 0, "changes": []}),
        json!({"contract_version": "1", "changes": []}),
        json!({"contract_version": {"a": 1}, "changes": []}),
        json!({"contract_version": [1], "changes": []}),
        json!({"contract_version": 1}),
        json!({"contract_version": 1, "changes": null}),
        json!({"contract_version": 1, "changes": {"a": 1}}),
        json!({"contract_version": 1, "changes": "none"}),
    ] {
        let report = with("change_set", broken.clone()).expect("a report");
        assert_eq!(report.change_set, None, "{broken}");
    }
}

#[test]
fn a_damaged_entry_becomes_a_placeholder() {
    let report = with(
        "change_set",
        json!({"contract_version": 3, "changes": [
            {"kind": "drop_table", "object": "a", "migration": "004", "tier": "irreversible",
             "detail": "DROP TABLE"},
            {"kind": "python_migration", "object": "005_p.py"},
            {"kind": "new", "object": "a", "tier": "cosmic"},
            {"kind": "drop_table", "tier": "additive", "detail": "d"},
            {"kind": 1, "object": 2, "tier": "additive"},
            "text", 7, null, [], true,
            ["drop_table", "a", "004", "additive", "d"],
        ]}),
    )
    .expect("a report");
    let set = report.change_set.expect("a change set").0;
    assert_eq!(set.contract_version, 3);
    assert_eq!(set.changes.len(), 11);
    assert_eq!(set.changes[0].tier, Some(RiskTier::Irreversible));
    assert_eq!(set.changes[0].detail.as_deref(), Some("DROP TABLE"));
    assert_eq!(set.unclassified().count(), 10);
    assert_eq!(
        (&*set.changes[3].kind, &*set.changes[3].object),
        ("drop_table", "unreadable")
    );
    assert_eq!(set.changes[9].kind, "unreadable");
    let twice = r#"{"ok": true, "issues": [], "summary": {"errors": 0, "migrations_checked": 0},
        "change_set": {"contract_version": 1, "changes": [
            {"kind": "k", "object": "o", "tier": "irreversible", "tier": "additive"}]}}"#;
    let report: Preflight = serde_json::from_str(twice).expect("a report");
    assert_eq!(
        report.change_set.expect("a change set").0.changes[0].tier,
        None
    );
}
