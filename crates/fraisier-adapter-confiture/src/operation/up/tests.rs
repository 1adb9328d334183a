use std::fs;
use std::sync::Arc;

use fraisier_adapter_api::AdapterError;
use serde_json::{Value, json};

use super::*;
use crate::ledger::tests::row;
use crate::observe::Call;
use crate::observe::announcer::Announcer;
use crate::operation::Operation;
use crate::operation::outcome::Ended;
use crate::process::{Activity, Exit, Output, Stream};
use crate::testing::{Heard, PASSWORD, argv, ctx, envelope, interrupted, only, output, request};
use crate::tools::replay::{self, Command};

fn report(change: impl FnOnce(&mut Value)) -> String {
    let mut report = json!({
        "success": true,
        "applied": [
            {"version": "002", "name": "b", "duration_ms": 1, "rows_affected": 0},
            {"version": "003", "name": "c", "duration_ms": 1, "rows_affected": 0},
        ],
        "skipped": ["001"], "skipped_superuser": [], "pending": [], "errors": [],
        "total_duration_ms": 2, "checksums_verified": true, "dry_run": false,
        "dry_run_execute": false, "warnings": [], "ok": true, "command": "migrate up",
    });
    change(&mut report);
    report.to_string()
}

fn up(target: Option<&str>, output: &Output) -> Result<MigrationOutcome, AdapterError> {
    let target = target.map(Revision::new);
    Ok(replay::up(
        target.as_ref(),
        &Redactor::default(),
        only(output),
    )?)
}

fn done(target: Option<&str>, output: &Output) -> MigrationOutcome {
    up(target, output).expect("a success")
}

fn revisions(outcome: &MigrationOutcome) -> (Option<&str>, Option<&str>, Vec<&str>) {
    (
        outcome.from.as_ref().map(Revision::as_str),
        outcome.to.as_ref().map(Revision::as_str),
        outcome.applied.iter().map(Revision::as_str).collect(),
    )
}

#[test]
fn a_target_without_a_file_starts_nothing() {
    let base = tempfile::tempdir().expect("a directory");
    let migrations = base.path().join("db/migrations");
    fs::create_dir_all(&migrations).expect("created");
    for name in [
        "001_a.up.sql",
        "-x_b.up.sql",
        "--force_c.py",
        "002_d.down.sql",
    ] {
        fs::write(migrations.join(name), "").expect("written");
    }
    let mut ctx = ctx(base.path());
    ctx.settings.insert("lock_timeout_ms".into(), json!(5000));
    ctx.settings
        .insert("require_reversible".into(), json!(true));
    let request = request(&ctx);
    let found = request.project.migrations().expect("listed");
    for target in ["999", "", "002", "00", "001_a", "--no-lock"] {
        let error = command(&request, Some(&Revision::new(target)), &found)
            .expect_err("refused")
            .worded();
        assert_eq!(error.kind, Kind::PreconditionFailed, "{target}");
        assert!(error.message.contains("nothing was started"), "{error}");
    }
    for target in ["001", "-x", "--force"] {
        let invocation = command(&request, Some(&Revision::new(target)), &found).expect("planned");
        let expected = format!(
            "migrate up --no-config --format json --output <report> \
             --migrations-dir db/migrations --target={target} --lock-timeout=400 \
             --require-reversible"
        );
        assert_eq!(argv(&invocation).join(" "), expected);
    }
}

#[test]
fn only_the_setting_allows_destructive_migrations() {
    for allowed in [false, true] {
        let mut ctx = ctx(".".as_ref());
        ctx.settings
            .insert("allow_destructive".into(), json!(allowed));
        let invocation = command(&request(&ctx), None, &[]).expect("planned");
        let flag = "--allow-destructive".to_owned();
        assert_eq!(argv(&invocation).contains(&flag), allowed);
    }
}

#[test]
fn environment_and_arguments_contain_no_other_secret() {
    let request = request(&ctx(".".as_ref()));
    let invocation = command(&request, None, &[]).expect("planned");
    for name in ["DATABASE_URL", "SHOP_DSN", "SHOP_API_TOKEN", "FORCE_COLOR"] {
        assert_eq!(invocation.env.get(name), None, "{name}");
    }
    let dsn = invocation.env.get("CONFITURE_DATABASE_URL");
    assert!(dsn.is_some_and(|dsn| dsn.to_string_lossy().contains(PASSWORD)));
    for name in ["PYTHONUNBUFFERED", "NO_COLOR", "TYPER_STANDARD_TRACEBACK"] {
        let value = invocation.env.get(name);
        assert_eq!(value.map(|value| value == "1"), Some(true), "{name}");
    }
    assert!(!argv(&invocation).join(" ").contains(PASSWORD));
    assert!(!format!("{invocation:?} {request:?}").contains(PASSWORD));
}

#[test]
fn success_has_the_revisions_before_and_after() {
    let outcome = done(None, &output(0, Some(&report(|_| ()))));
    assert_eq!(
        revisions(&outcome),
        (Some("001"), Some("003"), vec!["002", "003"])
    );
    let first = report(|report| report["skipped"] = json!([]));
    let outcome = done(Some("003"), &output(0, Some(&first)));
    assert_eq!(revisions(&outcome), (None, Some("003"), vec!["002", "003"]));
    let nothing = report(|report| {
        report["applied"] = json!([]);
        report["skipped"] = json!(["001", "002"]);
    });
    for target in [None, Some("001"), Some("002")] {
        let outcome = done(target, &output(0, Some(&nothing)));
        assert_eq!(revisions(&outcome), (Some("002"), Some("002"), vec![]));
        assert!(outcome.log.contains("nothing to apply"), "{}", outcome.log);
    }
}

/// A directory without what is applied: 003 is applied, and the report knows of 001 at most.
#[test]
fn an_up_without_anything_to_apply_is_at_the_last_row_of_the_ledger() {
    let migration = Migration {
        version: "001".into(),
        path: "001_a.up.sql".into(),
    };
    let rows = [row("001", 1), row("003", 2)];
    for (skipped, migrations, warns) in [
        (json!([]), &[][..], true),
        (json!(["001"]), &[migration], false),
    ] {
        let nothing = report(|report| {
            report["applied"] = json!([]);
            report["skipped"] = skipped;
        });
        let mut outcome = done(None, &output(0, Some(&nothing)));
        show_last_row(&mut outcome, &rows, migrations);
        assert_eq!(revisions(&outcome), (Some("003"), Some("003"), vec![]));
        assert_eq!(
            outcome.log.contains("no migration, and 2 are applied"),
            warns
        );
    }
    let mut fresh = MigrationOutcome::default();
    show_last_row(&mut fresh, &[], &[]);
    assert_eq!(fresh, MigrationOutcome::default());
}

#[test]
fn a_failed_status_with_ok_true_is_a_failure() {
    let failed = report(|report| {
        report["success"] = json!(false);
        report["errors"] = json!(["Failed to apply migration 004 (d): column \"nope\""]);
    });
    let error = up(None, &output(3, Some(&failed))).expect_err("an error");
    assert_eq!(error.kind, Kind::Execution);
    for part in [
        "004 (d)",
        "at least 002, 003 were applied",
        "-ipc current`",
        "deploy again",
    ] {
        assert!(error.message.contains(part), "{error}");
    }
    for status in [0, 1, 3, 6, 8] {
        assert_eq!(
            up(None, &output(status, Some(&failed)))
                .expect_err("one")
                .kind,
            Kind::Execution
        );
    }
    assert_eq!(
        up(None, &output(137, Some(&failed))).expect_err("one").kind,
        Kind::InternalError
    );
}

/// As 0.22.0 wrote it.
#[test]
fn a_refused_irreversible_migration_is_recognised() {
    let old = json!({
        "success": false,
        "errors": [
            "Irreversible migrations detected (missing .down.sql): 001, 002. Remove \
             --require-reversible or add .down.sql files."
        ],
        "irreversible_versions": ["001", "002"],
    });
    // From 0.48.0 on.
    let new = report(|report| {
        report["success"] = json!(false);
        report["applied"] = json!([]);
        report["errors"] = json!([
            "Irreversible migrations detected (missing .down.sql): 001, 002. Use \
             require_reversible=False or add .down.sql files."
        ]);
    });
    for (status, report) in [(1, old.to_string()), (3, new)] {
        let error = up(None, &output(status, Some(&report))).expect_err("an error");
        assert_eq!(error.kind, Kind::Execution);
        for part in [
            "cannot be rolled back: 001, 002; no migration was applied",
            "`.down.sql` of 001, 002",
        ] {
            assert!(error.message.contains(part), "{error}");
        }
    }
}

#[test]
fn a_long_target_is_shortened_in_messages() {
    let request = request(&ctx(".".as_ref()));
    let refused = |target: &str| {
        let target = Revision::new(target);
        command(&request, Some(&target), &[])
            .expect_err("refused")
            .worded()
            .message
    };
    assert!(refused("").contains("the target \"\" is not"));
    assert!(refused("002 ").contains("the target \"002 \" is not"));
    assert!(refused("0\u{1b}[2J").contains("the target \"0\\u{1b}[2J\" is not"));
    assert!(refused(&"9".repeat(10_000)).len() < 1000);
}

#[test]
fn a_migration_that_needs_a_superuser_is_named() {
    for errors in [
        json!([]),
        json!(["Halted at 004_s: it declares requires_superuser=True."]),
    ] {
        let stopped = report(|report| {
            report["success"] = json!(false);
            report["skipped_superuser"] = json!([{"version": "004", "name": "s",
                "reason": "requires_superuser=True"}]);
            report["pending"] = json!(["005"]);
            report["errors"] = errors;
        });
        for status in [0, 1] {
            let error = up(None, &output(status, Some(&stopped))).expect_err("an error");
            assert_eq!(error.kind, Kind::Execution);
            for part in ["004 was not started", "apply-as", "002, 003", "1 after it"] {
                assert!(error.message.contains(part), "{error}");
            }
        }
    }
}

#[test]
fn an_old_release_reports_the_superuser_stop_only_as_text() {
    let mut stopped = output(1, None);
    stopped.stdout = b"\xe2\x9a\xa1 Applying 001_a... \n\nSkipping migration 002_s:\n  requires_superuser=True.\n".to_vec().into();
    stopped.stderr = b"Error releasing lock: the connection is closed\n"
        .to_vec()
        .into();
    let error = up(None, &stopped).expect_err("an error");
    for part in [
        "Skipping migration 002_s",
        "requires_superuser",
        "connection is closed",
    ] {
        assert!(error.message.contains(part), "{error}");
    }
    assert!(error.message.contains("-ipc current`"), "{error}");
    assert!(
        error
            .stderr
            .expect("evidence")
            .contains("Skipping migration 002_s")
    );
}

#[test]
fn an_error_envelope_does_not_prove_that_nothing_was_applied() {
    let missing = envelope(
        "MIGR_001",
        "005_y.up.sql has no matching .down.sql file.",
        "Create",
    );
    let error = up(None, &output(3, Some(&missing))).expect_err("an error");
    assert_eq!(error.kind, Kind::Execution);
    assert!(error.message.contains("-ipc current`"), "{error}");
    let lock = envelope(
        "LOCK_1300",
        "Could not acquire migration lock within 30.0s. Use --no-lock to bypass (dangerous).",
        "Wait for the current migration to finish, then retry.",
    );
    let error = up(None, &output(6, Some(&lock))).expect_err("an error");
    assert_eq!(error.kind, Kind::LockContention);
    assert!(error.message.contains("was not changed"), "{error}");
    assert!(
        error
            .message
            .contains("wait until the deploy that holds the lock"),
        "{error}"
    );
    assert!(!error.message.contains("--no-lock"), "{error}");
    assert!(error.message.contains("may be long gone"), "{error}");
}

#[test]
fn report_exit_and_request_must_agree() {
    let plain = report(|_| ());
    for (target, status, report) in [
        (Some("004"), 0, plain.clone()),
        (Some("002"), 0, plain.clone()),
        (None, 1, plain.clone()),
        (None, 3, plain.clone()),
        (None, 130, plain.clone()),
        (None, 0, report(|report| report["success"] = json!(false))),
        (None, 0, report(|report| report["pending"] = json!(["004"]))),
        (None, 0, report(|report| report["dry_run"] = json!(true))),
        (
            None,
            0,
            report(|report| report["dry_run_execute"] = json!(true)),
        ),
        (
            None,
            0,
            report(|report| report["error"] = json!({"code": "MIGR_001"})),
        ),
        (None, 0, envelope("MIGR_001", "failed", "")),
        (None, 0, "{}".into()),
        (None, 0, "[]".into()),
        (
            None,
            0,
            plain.replace("\"success\":true", "\"success\":\"true\""),
        ),
        (None, 0, format!("{plain}{plain}")),
        (None, 0, plain[..plain.len() - 1].to_owned()),
        (None, 0, format!("{{\"success\":true,{}", &plain[1..])),
    ] {
        let outcome = up(target, &output(status, Some(&report)));
        assert!(
            outcome.is_err(),
            "{target:?} {status} {report}: {outcome:?}"
        );
    }
    for field in [
        "success",
        "applied",
        "skipped",
        "skipped_superuser",
        "pending",
        "errors",
        "dry_run",
        "dry_run_execute",
    ] {
        for value in [None, Some(Value::Null), Some(json!(7)), Some(json!("x"))] {
            let broken = report(|report| {
                report.as_object_mut().expect("an object").remove(field);
                if let Some(value) = value {
                    report[field] = value;
                }
            });
            let outcome = up(None, &output(0, Some(&broken)));
            assert!(outcome.is_err(), "{broken}: {outcome:?}");
        }
    }
}

/// The answer to an `up` that left `up` and no report, and which commands it took.
fn without(
    target: Option<&str>,
    up: &Output,
    version: &str,
    current: Option<&str>,
) -> (Result<MigrationOutcome, AdapterError>, Vec<Command>) {
    let target = target.map(Revision::new);
    let report = json!({"revision": current, "name": current}).to_string();
    let mut asked = Vec::new();
    let result = replay::up(target.as_ref(), &Redactor::default(), |command| {
        asked.push(command);
        match command {
            Command::Version => Output {
                stdout: format!("confiture version {version}\n").into_bytes().into(),
                ..output(0, None)
            },
            Command::Current => output(0, Some(&report)),
            Command::Operation => up.clone(),
        }
    });
    (result.map_err(AdapterError::from), asked)
}

fn printing(stdout: &str) -> Output {
    Output {
        stdout: stdout.as_bytes().to_vec().into(),
        ..output(0, None)
    }
}

#[test]
fn nothing_to_do_without_a_report_needs_one_current() {
    let said = printing(&format!(
        "Checksum verification passed\n\n{NOTHING_TO_DO}\n"
    ));
    for (target, current) in [
        (None, Some("002")),
        (None, None),
        (Some("002"), Some("002")),
        (Some("001"), Some("002")),
        // 002 was added late: it was applied last, and 003 before it.
        (Some("003"), Some("002")),
    ] {
        let (answer, asked) = without(target, &said, "0.22.0", current);
        let outcome = answer.expect("nothing to do");
        assert_eq!(revisions(&outcome), (current, current, vec![]));
        assert!(outcome.log.contains("nothing to apply"));
        assert_eq!(
            asked,
            [Command::Operation, Command::Version, Command::Current]
        );
    }
    let (answer, _) = without(Some("001"), &said, "0.22.0", None);
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn a_missing_report_is_nothing_to_do_only_below_0_48() {
    let (answer, _) = without(None, &printing(" \n"), "0.22.0", Some("002"));
    let outcome = answer.expect("nothing to do");
    assert_eq!(revisions(&outcome), (Some("002"), Some("002"), vec![]));
    let line = format!("{NOTHING_TO_DO}\n");
    for version in ["0.48.0", "1.29.0", "0.47.0rc1", "nonsense"] {
        // A `.py` migration can print the line and end the process.
        for said in ["", line.as_str()] {
            let (answer, _) = without(None, &printing(said), version, Some("002"));
            assert!(answer.is_err(), "{version}: {answer:?}");
        }
    }
    for status in [1, 2, 3, 130] {
        let error = up(None, &output(status, None)).expect_err("an error");
        assert!(error.message.contains("-ipc current`"), "{error}");
    }
}

/// What 0.22.0 left when its second migration called `sys.exit(0)`.
#[test]
fn an_interrupted_run_is_not_nothing_to_do() {
    let halfway =
        "📦 Found 2 pending migration(s)\n\n⚡ Applying 001_one... ✅\n⚡ Applying 002_two... ";
    for said in [halfway, "No pending migrations"] {
        let (answer, asked) = without(None, &printing(said), "0.22.0", Some("001"));
        let error = answer.expect_err("an error");
        assert_eq!(error.kind, Kind::InternalError);
        assert!(error.message.contains("-ipc current`"), "{error}");
        assert!(
            error
                .message
                .contains(said.lines().last().unwrap_or_default().trim())
        );
        assert_eq!(asked, [Command::Operation]);
    }
}

#[test]
fn a_success_before_the_stop_is_a_success() {
    let outcome = done(None, &interrupted(0, Some(&report(|_| ()))));
    assert_eq!(outcome.applied.len(), 2);
    assert!(
        outcome.log.contains("3s") && outcome.log.contains("stopped"),
        "{}",
        outcome.log
    );
    let killed = Output {
        exit: Exit::Signal(9),
        ..interrupted(0, None)
    };
    let error = up(None, &killed).expect_err("an error");
    for part in ["timeout of 3s", "signal 9", "-ipc current`"] {
        assert!(error.message.contains(part), "{error}");
    }
}

#[test]
fn migration_events_come_from_the_report() {
    let heard = Arc::new(Heard::default());
    let call = Arc::new(Call::next("up", None));
    let announcer = Announcer::new(call, Arc::default(), Some(heard.clone()));
    let printed = "⚡ Applying 009_x... ✅\n".as_bytes();
    announcer.listener()(Activity::Printed(Stream::Stdout, printed));
    let report = report(|report| {
        let refused = "Failed to apply migration 004 (d): boom";
        report["errors"] = json!([refused, "and that was all"]);
    });
    replay::emit_migrations(&output(1, Some(&report)), &announcer);
    let of = |revision: &str, name: &str| (Revision::new(revision), name.to_owned());
    let applied = |(revision, name)| Event::MigrationApplied { revision, name };
    let (revision, name) = of("004", "d");
    let failed = Event::MigrationFailed { revision, name };
    let shown = [applied(of("002", "b")), applied(of("003", "c")), failed];
    assert_eq!(heard.events()[1..], shown, "after the line");
}

/// What is known of the database after an `up` that wrote this report.
fn state(report: &str) -> DatabaseState {
    let output = output(1, Some(report));
    let failure = replay::up(None, &Redactor::default(), only(&output)).expect_err("a failure");
    failure.state().clone()
}

#[test]
fn the_state_is_exact_after_a_refused_statement() {
    let refused = |applied: Value| {
        report(|report| {
            report["applied"] = applied;
            let said = "SQL execution failed | SQL: x | Error: y";
            report["errors"] = json!([format!("Failed to apply migration 003 (c): {said}")]);
        })
    };
    let none = DatabaseState::exactly(Change::Applied, &[]);
    assert_eq!(state(&refused(json!([]))), none);
    let halfway = DatabaseState::exactly(Change::Applied, &["002".into()]);
    assert_eq!(state(&refused(json!([{"version": "002"}]))), halfway);
}

fn ended(status: i32, report: &str) -> Outcome<report::Up> {
    Outcome::of(Ended {
        operation: Operation::Up,
        output: output(status, Some(report)),
    })
}

fn migration(version: &str) -> Migration {
    Migration {
        version: version.into(),
        path: format!("m/{version}_m.up.sql").into(),
    }
}

#[test]
fn a_migration_of_another_deploy_is_contention_only_at_the_start() {
    let all = ["001", "002", "003"].map(migration);
    let stopped = |applied: Value, version: &str| {
        let report = report(|report| {
            report["applied"] = applied;
            report["errors"] = json!([format!("Migration {version} (c) has already been applied")]);
        });
        let result = interpret(&ended(1, &report), None, &all);
        result.expect_err("it failed").kind()
    };
    assert_eq!(stopped(json!([]), "003"), Kind::LockContention);
    assert_eq!(stopped(json!([{"version": "002"}]), "003"), Kind::Execution);
    // What the class of a `.py` migration claims: one that was skipped, and one without a file.
    for claimed in ["001", "000"] {
        assert_eq!(stopped(json!([]), claimed), Kind::Execution, "{claimed}");
    }
}

#[test]
fn a_success_without_a_target_is_compared_with_the_directory() {
    let done = || ended(0, &report(|_| ()));
    let all = ["001", "002", "003"].map(migration);
    assert!(interpret(&done(), None, &all).is_ok());
    let more = ["001", "002", "003", "004"].map(migration);
    assert!(interpret(&done(), Some(&"003".into()), &more).is_ok());
    let fault = interpret(&done(), None, &more).expect_err("an error");
    for part in ["004 of the directory", "at least 002, 003"] {
        assert!(fault.to_string().contains(part), "{fault}");
    }
}

#[test]
fn an_up_that_cannot_use_the_ledger_changed_nothing() {
    let ledger = "Failed to initialize migrations table: SQL execution failed | SQL: ALTER TABLE x | \
                  Error: must be owner of table tb_confiture";
    for (status, code, message) in [
        (3, "MIGR_001", ledger),
        (
            1,
            "INTERNAL_ERROR",
            "permission denied for table tb_confiture",
        ),
    ] {
        let error = up(None, &output(status, Some(&envelope(code, message, "x")))).unwrap_err();
        for part in ["was not changed by this call", "make the role the owner"] {
            assert!(error.message.contains(part), "{error}");
        }
    }
}

#[test]
fn a_full_disk_has_no_advice_to_correct_the_migration() {
    let error = "Failed to apply migration 002 (b): SQL execution failed | SQL: INSERT | Error: could \
                 not extend file \"base/5/1\": No space left on device";
    let failed = report(|report| {
        report["success"] = json!(false);
        report["applied"] = json!([]);
        report["errors"] = json!([error]);
    });
    let error = up(None, &output(3, Some(&failed))).unwrap_err();
    assert!(error.message.contains("Next: free space"), "{error}");
}
