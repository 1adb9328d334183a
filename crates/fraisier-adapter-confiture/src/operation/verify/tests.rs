use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
use serde_json::{Value, json};

use super::*;
use crate::process::Output;
use crate::redact::Redactor;
use crate::testing::{argv, ctx, envelope, only, output, request};
use crate::tools::replay::{self, Command};

/// As 1.29.0 writes it.
fn report(change: impl FnOnce(&mut Value)) -> String {
    let mut report = json!({"ok": true, "was_skipped": false, "verified_count": 1,
        "failed_count": 0, "skipped_count": 1, "total_applied": 2, "ledger_present": true,
        "results": [
            {"version": "001", "name": "001", "status": "no_file", "actual_value": null,
             "verify_file": null, "error": null},
            {"version": "002", "name": "b", "status": "verified", "actual_value": true,
             "verify_file": "m/002_b.verify.sql", "error": null},
        ], "command": "migrate verify"});
    change(&mut report);
    report.to_string()
}

fn verify(output: &Output) -> Result<VerifyReport, AdapterError> {
    let files = Some(VerifyFiles::default());
    Ok(replay::verify(
        files.as_ref(),
        &Redactor::default(),
        only(output),
    )?)
}

#[test]
fn a_verify_file_that_was_not_run_is_not_a_pass() {
    let base = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(base.path().join(name), text).expect("written");
    };
    for name in ["001_a.up.sql", "002_b.up.sql", "003_c.up.sql"] {
        write(name, "");
    }
    write("001_a.verify.sql", "SELEC broken;");
    write("002_b.verify.sql", "-- nothing yet");
    let files = VerifyFiles::in_directory(base.path()).expect("read");
    let report = json!({"ok": true, "was_skipped": false, "verified_count": 0,
        "failed_count": 0, "skipped_count": 3, "total_applied": 3, "ledger_present": true,
        "command": "migrate verify", "results": [
            {"version": "001", "name": "a", "status": "skipped", "error": null},
            {"version": "002", "name": "b", "status": "skipped", "error": null},
            {"version": "003", "name": "003", "status": "no_file", "error": null}]});
    let output = output(0, Some(&report.to_string()));
    let files = Some(files);
    let verdict =
        replay::verify(files.as_ref(), &Redactor::default(), only(&output)).expect("a verdict");
    assert!(!verdict.ok && !verdict.was_skipped);
    let checks: Vec<_> = verdict
        .checks
        .iter()
        .map(|it| (it.name.as_str(), it.ok))
        .collect();
    assert_eq!(checks, [("001_a", false), ("002_b", true), ("003_c", true)]);
    let detail = verdict.checks[0].detail.as_deref();
    assert!(
        detail.is_some_and(|text| text.contains("did not run")),
        "{detail:?}"
    );
}

#[test]
fn without_local_files_the_checks_are_those_of_confiture() {
    let without = |report: &str| {
        let output = output(0, Some(report));
        replay::verify(None, &Redactor::default(), only(&output)).expect("a verdict")
    };
    let verdict = without(&report(|_| ()));
    assert!(verdict.ok);
    let detail = verdict.checks[0].detail.as_deref();
    assert!(detail.is_some_and(|text| text.contains("no migration files were at hand")));
    let skipped = report(|report| report["results"][0]["status"] = json!("skipped"));
    assert!(
        !without(&skipped).ok,
        "what was skipped may have a statement"
    );
}

#[test]
fn the_command_names_the_migrations_directory() {
    let expected = "migrate verify --no-config --format json --output <report> \
                    --migrations-dir db/migrations";
    assert_eq!(
        argv(&command(&request(&ctx(".".as_ref())))).join(" "),
        expected
    );
}

#[test]
fn a_passing_report_of_every_release_is_ok() {
    let oldest = report(|report| {
        for later in ["ok", "was_skipped", "ledger_present", "command"] {
            report.as_object_mut().expect("an object").remove(later);
        }
    });
    for report in [oldest, report(|_| ())] {
        let verdict = verify(&output(0, Some(&report))).expect("a verdict");
        assert!(verdict.ok && !verdict.was_skipped);
        let names: Vec<_> = verdict
            .checks
            .iter()
            .map(|check| check.name.as_str())
            .collect();
        assert_eq!(names, ["001", "002_b"]);
        let detail = verdict.checks[0].detail.as_deref();
        assert_eq!(detail, Some("it has no .verify.sql"));
    }
}

#[test]
fn failed_checks_are_a_verdict() {
    let failed = report(|report| {
        report["ok"] = json!(false);
        report["failed_count"] = json!(1);
        report["verified_count"] = json!(0);
        report["results"][1]["status"] = json!("failed");
        report["results"][1]["error"] = json!("syntax error at or near \"here\"");
    });
    let verdict = verify(&output(1, Some(&failed))).expect("a verdict");
    assert!(!verdict.ok && !verdict.was_skipped && !verdict.checks[1].ok);
    let detail = verdict.checks[1].detail.as_deref();
    assert_eq!(detail, Some("syntax error at or near \"here\""));
    let untrue = report(|report| report["results"][1]["status"] = json!("failed"));
    let verdict = verify(&output(1, Some(&untrue))).expect("a verdict");
    let detail = verdict.checks[1].detail.as_deref();
    assert_eq!(detail, Some("its query did not answer true"));
}

#[test]
fn nothing_examined_is_skipped_and_not_ok() {
    let no_ledger = envelope("PRECON_1001", "No migration ledger found", "");
    let without = report(|report| {
        report["ledger_present"] = json!(false);
    });
    let empty = report(|report| {
        report["results"] = json!([]);
        report["total_applied"] = json!(0);
        report["verified_count"] = json!(0);
    });
    let skipped = report(|report| report["was_skipped"] = json!(true));
    // As a release before 0.37.0, which says nothing of a ledger.
    let silent = json!({"verified_count": 0, "failed_count": 0, "skipped_count": 0,
        "total_applied": 0, "results": []})
    .to_string();
    for (status, report) in [
        (2, &no_ledger),
        (0, &without),
        (0, &empty),
        (0, &skipped),
        (0, &silent),
    ] {
        let verdict = verify(&output(status, Some(report))).expect("a verdict");
        assert!(!verdict.ok && verdict.was_skipped, "{report}");
        assert_eq!(verdict.checks[0].name, "ledger", "{report}");
    }
}

#[test]
fn before_0_37_a_missing_ledger_is_an_internal_error() {
    let report = envelope(
        "INTERNAL_ERROR",
        "relation \"tb_confiture\" does not exist",
        "",
    );
    let old = output(1, Some(&report));
    assert_eq!(
        verify(&old).expect_err("an error").kind,
        AdapterErrorKind::InternalError
    );
    let asked = |output: &Output| {
        let mut asked = Vec::new();
        let _ = replay::verify(None, &Redactor::default(), |command| {
            asked.push(command);
            output.clone()
        });
        asked
    };
    assert_eq!(asked(&old), [Command::Operation, Command::Current]);
    for other in [
        output(1, None),
        output(3, Some(&report)),
        output(1, Some("{}")),
    ] {
        assert_eq!(asked(&other), [Command::Operation]);
    }
    let none = envelope("PRECON_1001", "Database not initialized", "");
    let verdict = replay::verify(None, &Redactor::default(), |command| match command {
        Command::Current => output(2, Some(&none)),
        _ => old.clone(),
    });
    assert!(verdict.expect("a verdict").was_skipped);
}

#[test]
fn the_verified_are_counted() {
    let both = |count: u64| {
        report(|report| {
            report["results"][0]["status"] = json!("verified");
            report["verified_count"] = json!(count);
            report["skipped_count"] = json!(0);
        })
    };
    for (count, ok) in [(2, true), (0, false), (1, false)] {
        let verdict = verify(&output(0, Some(&both(count)))).expect("a verdict");
        assert_eq!(verdict.ok, ok, "{count}");
    }
}

#[test]
fn one_contradicting_source_is_an_error() {
    type Change = fn(&mut Value);
    let changes: [Change; 9] = [
        |report| report["ok"] = json!(false),
        |report| report["failed_count"] = json!(1),
        |report| report["verified_count"] = json!(2),
        |report| report["total_applied"] = json!(3),
        |report| report["results"][1]["status"] = json!("failed"),
        |report| report["results"][1]["status"] = json!("superseded"),
        |report| report["results"][1]["error"] = json!("it failed"),
        |report| report["results"][0]["error"] = json!("it failed"),
        |report| report["results"] = json!([]),
    ];
    for change in changes {
        let report = report(change);
        let verdict = verify(&output(0, Some(&report))).expect("a verdict");
        assert!(
            !verdict.ok && verdict.checks.iter().any(|check| !check.ok),
            "{report}"
        );
    }
    let verdict = verify(&output(1, Some(&report(|_| ())))).expect("a verdict");
    assert!(!verdict.ok && verdict.checks.iter().any(|check| !check.ok));
    for status in [2, 3, 7, 130] {
        assert!(
            verify(&output(status, Some(&report(|_| ())))).is_err(),
            "{status}"
        );
    }
}

#[test]
fn required_fields_must_be_present_with_their_type() {
    for field in [
        "verified_count",
        "failed_count",
        "skipped_count",
        "total_applied",
        "results",
    ] {
        for value in [None, Some(json!("0")), Some(Value::Null), Some(json!(-1))] {
            let broken = report(|report| {
                report.as_object_mut().expect("an object").remove(field);
                if let Some(value) = value {
                    report[field] = value;
                }
            });
            assert!(verify(&output(0, Some(&broken))).is_err(), "{broken}");
        }
    }
    for field in ["ok", "ledger_present", "was_skipped"] {
        let broken = report(|report| report[field] = json!("false"));
        assert!(verify(&output(0, Some(&broken))).is_err(), "{field}");
    }
}

#[test]
fn no_evidence_is_left_out_of_a_verdict() {
    type Change = fn(&mut Value);
    let changes: [Change; 8] = [
        |report| report["results"][1]["actual_value"] = json!(false),
        |report| report["results"][1]["version"] = json!("001"),
        |report| report["results"][1]["version"] = json!("b'002'"),
        |report| report["results"][1]["version"] = json!(""),
        |report| report["skipped_count"] = json!(0),
        |report| report["skipped_count"] = json!(2),
        |report| report["verified_count"] = json!(0),
        |report| report["total_applied"] = json!(1),
    ];
    assert!(
        verify(&output(0, Some(&report(|_| ()))))
            .expect("a verdict")
            .ok
    );
    for change in changes {
        let report = report(change);
        let verdict = verify(&output(0, Some(&report))).expect("a verdict");
        assert!(!verdict.ok, "{report}");
        assert!(verdict.checks.iter().any(|check| !check.ok), "{report}");
    }
    for field in ["ok", "was_skipped", "ledger_present"] {
        let null = report(|report| report[field] = Value::Null);
        assert!(verify(&output(0, Some(&null))).is_err(), "{field}");
    }
}

#[test]
fn a_verify_file_that_confiture_did_not_run_is_a_failed_check() {
    let directory = tempfile::tempdir().expect("a directory");
    let verdict = |files: &[(&str, &str)]| {
        for (name, sql) in files {
            std::fs::write(directory.path().join(name), sql).expect("written");
        }
        let files = VerifyFiles::in_directory(directory.path()).expect("listed");
        let left = output(0, Some(&report(|_| ())));
        replay::verify(Some(&files), &Redactor::default(), only(&left)).expect("a verdict")
    };
    assert!(verdict(&[("001_a.up.sql", ""), ("001_a.verify.sql", "-- nothing")]).ok);
    let not_found = verdict(&[("001_a.verify.sql", "SELECT false")]);
    assert!(!not_found.ok && !not_found.checks[0].ok, "{not_found:?}");
    let two = verdict(&[
        ("001_a.verify.sql", ""),
        ("002_b.verify.sql", "SELECT true"),
        ("002_c.verify.sql", "SELECT false"),
    ]);
    assert!(two.checks[0].ok && !two.checks[1].ok && !two.ok, "{two:?}");
}
