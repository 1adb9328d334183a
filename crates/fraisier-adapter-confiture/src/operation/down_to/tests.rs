use fraisier_adapter_api::AdapterError;
use serde_json::{Value, json};

use super::*;
use crate::ledger::tests::ledger;
use crate::operation::outcome::Ended;
use crate::process::Output;
use crate::redact::Redactor;
use crate::testing::{argv, ctx, envelope, interrupted, only, output, request};
use crate::tools::replay;

fn report(change: impl FnOnce(&mut Value)) -> String {
    let mut report = json!({"from": "003", "to": "001", "rolled_back": ["003", "002"],
        "skipped": [], "errors": [], "ok": true, "command": "migrate down-to"});
    change(&mut report);
    report.to_string()
}

fn rollback(target: &str, versions: &[&str], kept: &[&str]) -> Rollback {
    let owned = |versions: &[&str]| versions.iter().map(ToString::to_string).collect();
    Rollback {
        target: Revision::new(target),
        versions: owned(versions),
        kept: owned(kept),
        ordered_by: OrderedBy::Row,
    }
}

fn down_to(output: &Output) -> Result<MigrationOutcome, AdapterError> {
    planned(&["003", "002"], output)
}

fn planned(versions: &[&str], output: &Output) -> Result<MigrationOutcome, AdapterError> {
    let rollback = rollback("001", versions, &["000", "001"]);
    Ok(replay::roll_back(
        &rollback,
        &Redactor::default(),
        only(output),
    )?)
}

#[test]
fn the_revision_is_no_option_and_only_planned_files_are_linked() {
    let project = tempfile::tempdir().expect("a directory");
    let migrations = project.path().join("db/migrations");
    std::fs::create_dir_all(migrations.join("shared")).expect("created");
    for name in [
        "001_a.up.sql",
        "001_a.down.sql",
        "002_b.py",
        "_helper.py",
        "003_c.up.sql",
        "003_c.down.sql",
        "003_c.verify.sql",
        "README.md",
    ] {
        std::fs::write(migrations.join(name), "").expect("written");
    }
    let request = request(&ctx(project.path()));
    for revision in ["001", "-x", "--no-lock", "--force"] {
        let rollback = rollback(revision, &["003"], &[]);
        let links = request.project.links(&rollback.versions);
        let invocation = command(&request, &rollback.target, links.expect("listed"));
        let expected = format!(
            "migrate down-to --no-config --format json --output <report> \
             --migrations-dir <private>/project/db/links -- {revision}"
        );
        assert_eq!(argv(&invocation).join(" "), expected);
        let links = invocation.links().expect("links");
        let names: Vec<&str> = links
            .targets
            .values()
            .filter_map(|path| path.strip_prefix(&migrations).ok()?.to_str())
            .filter(|name| !name.is_empty())
            .collect();
        let expected = [
            "001_a.down.sql",
            "003_c.down.sql",
            "003_c.up.sql",
            "003_c.verify.sql",
            "README.md",
            "_helper.py",
            "shared",
        ];
        assert_eq!(names, expected);
    }
    let failure = check(&Revision::new(" ")).expect_err("refused");
    assert_eq!(failure.kind(), Kind::PreconditionFailed);
}

#[test]
fn a_planned_version_with_two_migrations_is_refused() {
    let migration = |version: &str, path: &str| Migration {
        version: version.into(),
        path: path.into(),
    };
    let migrations = [
        migration("003", "m/003_c.up.sql"),
        migration("004", "m/004_dup.up.sql"),
        migration("004", "m/004_m004.py"),
    ];
    let check = |versions: &[&str]| {
        check_files(
            &migrations,
            &Ledger::default(),
            &rollback("001", versions, &[]),
        )
    };
    assert!(check(&["003"]).is_ok());
    let fault = check(&["004", "003"]).expect_err("refused");
    assert_eq!(fault.kind(), Kind::PreconditionFailed);
    let shown = fault.summary();
    for part in ["004", "004_dup.up.sql", "004_m004.py"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_file_with_another_name_than_the_ledger_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let class = |name: &str| format!("class It(Migration):\n    version = \"003\"\n    {name}\n");
    for (file, text, refused) in [
        ("003_m003.up.sql", "", false),
        ("003_other.up.sql", "", true),
        ("003_renamed.py", &class("name = \"m003\""), false),
        ("003_other.py", &class("name: str = 'other'"), true),
        ("003_other.py", &class("name = prefix + 'other'"), false),
        ("003_other.py", &class("name = 'a'\n    name = 'b'"), false),
    ] {
        let path = directory.path().join(file);
        fs::write(&path, text).expect("written");
        let migrations = [Migration {
            version: "003".into(),
            path,
        }];
        let planned = rollback("001", &["003"], &[]);
        let applied = ledger(&[("001", 1), ("003", 2)]);
        let result = check_files(&migrations, &applied, &planned);
        assert_eq!(result.is_err(), refused, "{file}: {text}");
        if let Err(fault) = result {
            let message = fault.to_string();
            assert!(message.contains("applied as `m003`"), "{message}");
            assert!(message.contains("was not changed"), "{message}");
        }
    }
}

#[test]
fn a_ledger_that_grows_during_a_rollback_is_an_error() {
    let planned = rollback("001", &["002"], &["001"]);
    let after = |rows| compare(Ok(ledger(rows)), &planned);
    assert_eq!(after(&[("001", 1)]), Ok(()));
    let fault = after(&[("001", 1), ("003", 2)]).expect_err("an error");
    assert_eq!(fault.kind(), Kind::Execution);
    for part in [
        "it applied 003, and 001, 003 are applied now",
        "002 was rolled back",
    ] {
        assert!(fault.to_string().contains(part), "{fault}");
    }
    let unread = compare(Err(fault), &planned).expect_err("an error");
    assert!(
        unread.to_string().contains("002 was rolled back"),
        "{unread}"
    );
}

#[test]
fn a_missing_file_that_was_not_planned_is_a_changed_ledger() {
    let refused = |versions: &str| {
        let said = format!(
            "Cannot roll back to 001: missing .down.sql for {versions}. Aborting without \
             applying anything."
        );
        let envelope = envelope("ROLLBACK_600", &said, "Add the missing .down.sql file(s)");
        down_to(&output(8, Some(&envelope))).expect_err("refused")
    };
    for (versions, kind, says) in [
        (
            "005",
            Kind::PreconditionFailed,
            "the ledger has changed since the rollback was planned: 005 is there",
        ),
        (
            "005, 003",
            Kind::PreconditionFailed,
            "planned: 005 is there",
        ),
        (
            "000",
            Kind::PreconditionFailed,
            "it would also roll back 000",
        ),
        (
            "003",
            Kind::IrreversibleRollback,
            "missing .down.sql for 003",
        ),
        (
            "003, 002",
            Kind::IrreversibleRollback,
            "missing .down.sql for 003, 002",
        ),
    ] {
        let error = refused(versions);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(error.message.contains("was not changed"), "{error}");
    }
}

#[test]
fn a_missing_planned_file_is_no_changed_ledger() {
    let said = "Cannot roll back to 001: missing .down.sql for 005. Aborting without applying \
                anything.";
    let ended = Ended {
        operation: crate::operation::Operation::DownTo,
        output: output(8, Some(&envelope("ROLLBACK_600", said, "x"))),
    };
    let planned = Rollback {
        ordered_by: OrderedBy::Version,
        ..rollback("001", &["002"], &["001"])
    };
    let fault = interpret(&Outcome::of(ended), &planned).expect_err("refused");
    assert_eq!(fault.kind(), Kind::PreconditionFailed);
    let message = fault.to_string();
    assert!(message.contains("contains no file of it"), "{message}");
    assert!(!message.contains("has changed"), "{message}");
}

#[test]
fn a_result_that_differs_from_the_plan_is_an_error() {
    let done = output(0, Some(&report(|_| ())));
    assert!(planned(&["003", "002"], &done).is_ok());
    for versions in [&["003"][..], &["002", "003"], &["004", "003", "002"], &[]] {
        let error = planned(versions, &done).expect_err("an error");
        assert!(error.message.contains("was planned"), "{error}");
        assert!(error.message.contains("003, 002"), "{error}");
    }
}

#[test]
fn a_rollback_lists_its_migrations() {
    let outcome = down_to(&output(0, Some(&report(|_| ())))).expect("a success");
    assert_eq!(outcome.from, Some(Revision::new("003")));
    assert_eq!(outcome.to, Some(Revision::new("001")));
    assert_eq!(outcome.applied, ["003", "002"].map(Revision::new));
    let nothing = report(|report| {
        report["from"] = json!("001");
        report["rolled_back"] = json!([]);
    });
    let outcome = planned(&[], &output(0, Some(&nothing))).expect("a success");
    assert!(outcome.applied.is_empty() && outcome.log.contains("nothing to roll back"));
    assert!(
        planned(&[], &interrupted(0, Some(&nothing)))
            .expect("a success")
            .log
            .contains("stopped")
    );
}

#[test]
fn every_failure_has_a_kind_and_a_state() {
    for (status, code, kind, state) in [
        (3, "MIGR_100", Kind::PreconditionFailed, "was not changed"),
        (
            8,
            "ROLLBACK_600",
            Kind::IrreversibleRollback,
            "was not changed",
        ),
        (3, "MIGR_001", Kind::Execution, "-ipc current`"),
        (6, "LOCK_1300", Kind::LockContention, "was not changed"),
        (0, "MIGR_100", Kind::Execution, "-ipc current`"),
    ] {
        let error = down_to(&output(status, Some(&envelope(code, "m", "a")))).expect_err("one");
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(state), "{error}");
    }
}

#[test]
fn after_a_refused_statement_what_was_rolled_back_is_exact() {
    let state = |migration: &str, said: &str| {
        let begin = format!("Failed to rollback migration {migration} (x)");
        let message = format!("{begin}: SQL execution failed | SQL: DROP TABLE x | Error: {said}");
        let report = json!({"ok": false, "error": {
            "code": "MIGR_001", "message": message, "migration": migration}});
        let failed = output(3, Some(&report.to_string()));
        let rollback = rollback("001", &["004", "003", "002"], &["001"]);
        let failure = replay::roll_back(&rollback, &Redactor::default(), only(&failed));
        failure.expect_err("an error").state().clone()
    };
    let exactly = |versions: &[&str]| {
        let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
        DatabaseState::exactly(Change::RolledBack, &versions)
    };
    let refused = "table \"x\" does not exist";
    assert_eq!(state("002", refused), exactly(&["004", "003"]));
    assert_eq!(state("004", refused), exactly(&[]));
    assert_eq!(state("005", refused), DatabaseState::Unknown);
    assert_eq!(
        state("002", "the connection is lost"),
        DatabaseState::Unknown
    );
}

#[test]
fn report_exit_and_request_must_agree() {
    for (status, report) in [
        (0, report(|report| report["errors"] = json!(["003 failed"]))),
        (0, report(|report| report["skipped"] = json!(["002"]))),
        (0, report(|report| report["to"] = json!("002"))),
        (0, report(|report| report["from"] = Value::Null)),
        (0, report(|report| report["rolled_back"] = json!([]))),
        (
            0,
            report(|report| report["rolled_back"] = json!(["003", "001"])),
        ),
        (0, report(|report| report["rolled_back"] = json!(["002"]))),
        (0, report(|report| report["from"] = json!("001"))),
        (0, report(|report| report["error"] = json!({}))),
        (1, report(|_| ())),
        (3, report(|_| ())),
        (130, report(|_| ())),
        (0, "{}".into()),
    ] {
        assert!(
            down_to(&output(status, Some(&report))).is_err(),
            "{status} {report}"
        );
    }
    for field in ["to", "rolled_back", "skipped", "errors"] {
        let broken = report(|report| {
            report.as_object_mut().expect("an object").remove(field);
        });
        assert!(down_to(&output(0, Some(&broken))).is_err(), "{field}");
    }
    assert!(down_to(&output(0, None)).is_err());
    let error = down_to(&output(
        3,
        Some(&report(|report| {
            report["errors"] = json!(["002 failed"]);
            report["rolled_back"] = json!(["003"]);
        })),
    ))
    .expect_err("an error");
    assert_eq!(error.kind, Kind::Execution);
    assert!(
        error.message.contains("at least 003 was rolled back"),
        "{error}"
    );
}

fn two() -> Vec<Revision> {
    vec!["002".into(), "003".into()]
}

/// An `up` that applied 002 and 003 and then failed; before it, 001 was the last.
fn halfway() -> Fault {
    let state = DatabaseState::exactly(Change::Applied, &["002".into(), "003".into()]);
    let kind = Kind::Execution;
    Fault::new(kind, "a migration failed", state, Advice::none())
        .with_errors(["004 failed".to_owned()])
}

fn rolled_back(versions: &[&str]) -> MigrationOutcome {
    MigrationOutcome {
        from: None,
        to: Some(Revision::new("001")),
        applied: versions.iter().copied().map(Revision::new).collect(),
        log: String::new(),
    }
}

fn refused(state: DatabaseState) -> Fault {
    let kind = Kind::Execution;
    Fault::new(kind, "003 has no way back", state, Advice::none()).with_evidence("printed")
}

#[test]
fn only_what_is_certain_is_undone() {
    assert_eq!(applied_by(&halfway()), Some(two()));
    let timeout = crate::process::Interruption::Timeout(std::time::Duration::from_secs(1));
    let stopped = halfway().caused_by(Cause::Stopped(timeout));
    assert_eq!(applied_by(&stopped), None);
    let state = halfway().state().clone();
    let kind = Kind::Execution;
    let waits = Fault::new(kind, "004 needs a superuser", state, Advice::none());
    assert_eq!(applied_by(&waits), None);
}

#[test]
fn an_up_is_undone_when_all_that_it_applied_is_rolled_back() {
    let down = Ok(rolled_back(&["003", "002"]));
    let fault = undone(halfway(), &two(), &"001".into(), down);
    assert_eq!(fault.kind(), Kind::Execution);
    let state = DatabaseState::UndoneTo {
        applied: two(),
        revision: "001".into(),
    };
    assert_eq!(*fault.state(), state);
}

#[test]
fn an_undo_beside_another_deploy_says_what_is_applied_now() {
    let all = DatabaseState::exactly(Change::RolledBack, &["003".into(), "002".into()]);
    let kind = Kind::Execution;
    let grown = Fault::new(kind, "another deploy applied 005", all, Advice::none());
    let fault = undone(halfway(), &two(), &"001".into(), Err(grown));
    assert_eq!(fault.kind(), Kind::Execution);
    for part in ["002, 003 rolled back again", "another deploy applied 005"] {
        assert!(fault.to_string().contains(part), "{fault}");
    }
}

#[test]
fn an_up_that_cannot_be_undone_says_why_and_what_remains() {
    let to = Revision::new("001");
    let all = || halfway().state().clone();
    let third = DatabaseState::exactly(Change::RolledBack, &["003".into()]);
    let second = DatabaseState::exactly(Change::Applied, &["002".into()]);
    for (fault, why, state) in [
        (
            undone(
                halfway(),
                &two(),
                &to,
                Err(refused(DatabaseState::Unchanged)),
            ),
            "rolling 002, 003 back to 001 failed (003 has no way back)",
            all(),
        ),
        (
            undone(halfway(), &two(), &to, Err(refused(third))),
            "rolling 002, 003 back to 001 failed (003 has no way back)",
            second,
        ),
        (
            undone(halfway(), &two(), &to, Err(refused(DatabaseState::Unknown))),
            "rolling 002, 003 back to 001 failed (003 has no way back)",
            DatabaseState::Unknown,
        ),
    ] {
        assert_eq!(fault.kind(), Kind::IrreversibleRollback);
        assert_eq!(*fault.state(), state);
        let error = fault.worded();
        assert!(error.message.contains(why), "{error}");
        let next = Advice::continue_or_remove().to_string();
        assert!(error.message.contains(&next), "{error}");
        let evidence = error.stderr.unwrap_or_default();
        assert!(evidence.contains("[rolling back]\nprinted"), "{evidence}");
    }
}
