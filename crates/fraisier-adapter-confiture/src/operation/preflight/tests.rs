use fraisier_adapter_api::{AdapterError, AdapterErrorKind as Kind, RiskTier};
use serde_json::{Value, json};

use super::*;
use crate::failure::Fault;
use crate::guard::WINDOW_SAFE_UNPROVEN;
use crate::ledger::tests::row;
use crate::ledger::{Ledger, Row};
use crate::operation::Operation;
use crate::operation::outcome::Ended;
use crate::process::Output;
use crate::redact::Redactor;
use crate::testing::{PASSWORD, argv, by_release, ctx, envelope, output, request};
use crate::tools::replay::{self, Command};

/// As 1.29.0 writes it.
fn report(change: impl FnOnce(&mut Value)) -> String {
    let mut report = json!({"ok": true, "window_safe": true,
        "summary": {"errors": 0, "warnings": 0, "info": 0, "migrations_checked": 1},
        "issues": [],
        "change_set": {"contract_version": 1, "changes": [
            {"kind": "create_table", "object": "public.a", "migration": "001",
             "tier": "additive", "detail": "CREATE TABLE"}]},
        "command": "migrate preflight"});
    change(&mut report);
    report.to_string()
}

/// The result of this release about these migrations.
fn judged(
    version: &str,
    preflight: &Preflight,
    redactor: &Redactor,
    left: &Output,
) -> Result<PreflightReport, AdapterError> {
    Ok(replay::preflight(
        preflight,
        redactor,
        by_release(version, left),
    )?)
}

/// The same about one migration.
fn preflight_by(version: &str, sql: &str, left: &Output) -> Result<PreflightReport, AdapterError> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("001_a.up.sql"), sql).expect("written");
    let preflight = Preflight::of_directory(directory.path(), false).expect("listed");
    judged(version, &preflight, &Redactor::default(), left)
}

fn about(migrations: Option<Vec<Migration>>) -> Preflight {
    Preflight {
        migrations,
        against: false,
        selection: None,
    }
}

fn newest(output: &Output) -> PreflightReport {
    preflight_by("1.29.0", "", output).expect("a report")
}

/// What a ledger that was read selects of 001 and 002.
fn selecting(judged: &[&str], in_ledger: usize) -> Preflight {
    let migration = |version: &str| Migration {
        version: version.into(),
        path: format!("db/migrations/{version}_a.up.sql").into(),
    };
    let mut about = about(Some(["001", "002"].map(migration).into()));
    about.selection = Some(Ok(Selection {
        judged: judged.iter().map(|it| migration(it)).collect(),
        in_ledger,
        rows: 2,
        other_ledgers: Vec::new(),
        changed: judged[..in_ledger]
            .iter()
            .map(ToString::to_string)
            .collect(),
    }));
    about
}

#[test]
fn the_judged_files_depend_on_ledger_and_release() {
    let project = tempfile::tempdir().expect("a directory");
    let migrations = project.path().join("db/migrations");
    std::fs::create_dir_all(&migrations).expect("created");
    for name in ["001_a.up.sql", "001_a.down.sql", "002_a.up.sql", "_lib.py"] {
        std::fs::write(migrations.join(name), "").expect("written");
    }
    let whole = "--migrations-dir db/migrations";
    let scoped = "--migrations-dir db/migrations --scope pending";
    let links = "--migrations-dir <private>/project/db/links";
    let mut unread = about(Some(Vec::new()));
    unread.selection = Some(Err("why".into()));
    for (about, old, new) in [
        (selecting(&["001", "002"], 0), whole, scoped),
        (selecting(&["001", "002"], 1), whole, whole),
        (selecting(&["002"], 0), links, scoped),
        (selecting(&["002"], 1), links, links),
        (selecting(&[], 0), links, scoped),
        (unread, whole, scoped),
        (about(None), whole, scoped),
    ] {
        for (version, expected) in [
            ("0.22.0", old),
            ("1.34.9", old),
            ("1.35.0", new),
            ("2.0.0", new),
        ] {
            let request = request(&ctx(project.path()));
            let planned = about.command(&request, &ConfitureVersion::parse(version));
            let (invocation, _) = planned.expect("planned");
            let base = "migrate preflight --no-config --format json --output <report>";
            let found = argv(&invocation).join(" ");
            assert_eq!(found, format!("{base} {expected}"), "{version} {about:?}");
            if let Some(links) = invocation.links() {
                let inside = links.targets.keys();
                let inside =
                    inside.filter_map(|it| it.strip_prefix(&links.directory).ok()?.to_str());
                let names: Vec<&str> = inside.collect();
                let judged = about.selected().expect("selected").judged.len();
                let expected = ["001_a.down.sql", "002_a.up.sql", "_lib.py"];
                let expected = expected
                    .iter()
                    .filter(|name| judged > 0 || !name.ends_with(".up.sql"));
                assert!(names.iter().eq(expected), "{links:?}");
            }
        }
    }
    let mut config = crate::testing::config();
    config.pending_only = false;
    let (mut request, version) = (
        request(&ctx(project.path())),
        ConfitureVersion::parse("1.35.0"),
    );
    request.config = config;
    let (_, scoped) = about(None).command(&request, &version).expect("planned");
    assert!(!scoped, "everything was asked for");
}

#[test]
fn an_empty_directory_beside_a_ledger_with_rows_is_an_error() {
    for (rows, ok) in [(0, true), (2, false)] {
        let mut about = about(Some(Vec::new()));
        about.selection = Some(Ok(Selection {
            rows,
            ..Selection::default()
        }));
        let report = report(|it| it["summary"]["migrations_checked"] = json!(0));
        let (operation, output) = (Operation::Preflight, output(0, Some(&report)));
        let outcome = Outcome::of(Ended { operation, output });
        let version = ConfitureVersion::parse("1.29.0");
        let found = interpret(&outcome, &about, &version, false).expect("a report");
        assert_eq!(found.ok, ok, "{found:?}");
        let is_named = found.issues.iter().any(|it| it.code == NOT_ALL_CHECKED);
        assert_eq!(is_named, !ok, "{found:?}");
    }
}

#[test]
fn a_report_must_cover_exactly_the_pending_migrations() {
    for (against, judged, in_ledger, checked, agree) in [
        (false, &["002"][..], 0, 1, true),
        (false, &["002"], 0, 0, false),
        (false, &["002"], 0, 2, false),
        (false, &["001", "002"], 1, 2, true),
        (false, &["001", "002"], 1, 1, false),
        (true, &["001", "002"], 1, 1, true),
        (true, &["001", "002"], 1, 2, false),
        (false, &[], 0, 0, true),
    ] {
        let mut about = selecting(judged, in_ledger);
        about.against = against;
        let report = report(|it| it["summary"]["migrations_checked"] = json!(checked));
        let (operation, output) = (Operation::Preflight, output(0, Some(&report)));
        let outcome = Outcome::of(Ended { operation, output });
        let version = ConfitureVersion::parse("1.29.0");
        let found = interpret(&outcome, &about, &version, false).expect("a report");
        assert_eq!(found.ok, agree, "{about:?} {checked}");
        let shown = |code: &str| found.issues.iter().filter(|it| it.code == code).count();
        assert_eq!(shown(NOT_ALL_CHECKED), usize::from(!agree), "{found:?}");
        assert_eq!(shown(APPLIED_FILE_CHANGED), in_ledger, "{found:?}");
    }
}

#[test]
fn a_ledger_of_another_schema_is_a_warning_while_nothing_seems_to_be_applied() {
    for (rows, others, warned) in [
        (0, &["shop", "old"][..], true),
        (2, &["shop", "old"], false),
        (0, &[], false),
    ] {
        let mut about = selecting(&["002"], 0);
        if let Some(Ok(selection)) = &mut about.selection {
            selection.rows = rows;
            selection.other_ledgers = others.iter().map(ToString::to_string).collect();
        }
        let report = report(|it| it["summary"]["migrations_checked"] = json!(1));
        let (operation, output) = (Operation::Preflight, output(0, Some(&report)));
        let outcome = Outcome::of(Ended { operation, output });
        let version = ConfitureVersion::parse("1.29.0");
        let found = interpret(&outcome, &about, &version, false).expect("a report");
        let issue = found.issues.iter().find(|it| it.code == LEDGER_ELSEWHERE);
        assert_eq!(issue.is_some(), warned, "{found:?}");
        assert!(
            issue.is_none_or(|it| it.message.contains("shop, old")),
            "{issue:?}"
        );
        assert!(found.ok, "{found:?}");
    }
}

#[test]
fn an_unread_ledger_is_a_warning_and_everything_is_judged() {
    let mut about = about(Some(Vec::new()));
    about.selection = Some(Err("no connection".into()));
    let left = output(
        0,
        Some(&report(|it| it["summary"]["migrations_checked"] = json!(0))),
    );
    for (version, warned) in [("1.34.0", true), ("1.35.0", false)] {
        let found = judged(version, &about, &Redactor::default(), &left).expect("a report");
        let issue = found
            .issues
            .iter()
            .find(|it| it.code == APPLIED_ALSO_JUDGED);
        assert_eq!(issue.is_some(), warned, "{found:?}");
        assert!(issue.is_none_or(|it| it.message.ends_with("no connection")));
        assert!(found.ok);
    }
}

#[test]
fn a_release_without_preflight_is_not_run() {
    let preflight = about(Some(Vec::new()));
    for version in ["0.20.0", "0.21.9", "1.30.0rc1", "unknown"] {
        let mut asked = Vec::new();
        let answer = replay::preflight(&preflight, &Redactor::default(), |command| {
            asked.push(command);
            Output {
                stdout: format!("confiture version {version}\n").into_bytes().into(),
                ..output(0, None)
            }
        });
        let error = answer.expect_err("refused");
        assert_eq!(error.kind(), Kind::MethodNotSupported);
        assert!(
            error.what().contains("0.22.0") && error.what().contains(version),
            "{error}"
        );
        assert_eq!(asked, [Command::Version]);
    }
}

#[test]
fn the_password_of_the_other_database_is_no_argument() {
    let against = |dsn: &str| {
        let ctx = ctx(".".as_ref()).with_resolved_secret("AGAINST_DATABASE_URL", dsn);
        about(None).command(&request(&ctx), &ConfitureVersion::parse("1.0.0"))
    };
    let planned = against("postgresql://app:p%40ss-w0rd@h/copy?port=1");
    let (invocation, _) = planned.expect("planned");
    let argv = argv(&invocation);
    assert_eq!(
        argv.last().map(String::as_str),
        Some("--against=postgresql://app@h/copy?port=1")
    );
    let password = invocation.env.get("PGPASSWORD");
    assert_eq!(password.map(|value| value == "p@ss-w0rd"), Some(true));
    assert!(!argv.join(" ").contains(PASSWORD));
    // The variable would be the password of the main connection too.
    let mut alone = ctx(".".as_ref());
    alone.env_secrets.clear();
    for (main, against, refused) in [
        (
            "postgresql://app@h/shop",
            "postgresql://app:hunter2@h/copy",
            true,
        ),
        ("postgresql://app@h/shop", "postgresql://app@h/copy", false),
        (
            "host=h password=main-pw",
            "postgresql://app:hunter2@h/copy",
            false,
        ),
    ] {
        let ctx = alone.clone().with_resolved_secret("DATABASE_URL", main);
        let ctx = ctx.with_resolved_secret("AGAINST_DATABASE_URL", against);
        let version = ConfitureVersion::parse("1.0.0");
        let planned = about(None).command(&request(&ctx), &version);
        assert_eq!(planned.is_err(), refused, "{main} {against}");
        let error = planned.err().map(Fault::worded);
        let shown = error
            .is_none_or(|it| it.message.contains("`PGPASSWORD`") && it.kind == Kind::InvalidConfig);
        assert!(shown, "{main} {against}");
    }
    for dsn in [
        "",
        "mysql://u:hunter2@h",
        "host=h password=hunter2",
        "postgresql://u:hunt@er2@h/db",
        "postgresql://u:p@h/db?oauth_client_secret=hunter2",
    ] {
        let error = against(dsn).expect_err("refused");
        let error = error.worded();
        assert_eq!(error.kind, Kind::InvalidConfig);
        assert!(error.message.contains("AGAINST_DATABASE_URL"), "{error}");
        assert!(!error.message.contains("hunt"), "{error}");
    }
}

#[test]
fn findings_are_a_report() {
    let report = report(|report| {
        report["ok"] = json!(false);
        report["window_safe"] = json!(false);
        report["summary"]["errors"] = json!(1);
        report["issues"] = json!([{"severity": "error", "code": "PFLIGHT_MISSING_DOWN",
            "message": "not reversible", "migration": "001", "file": "001_a.up.sql",
            "line": null, "actionable": "Add a .down.sql", "details": {}}]);
    });
    let found = newest(&output(7, Some(&report)));
    assert!(!found.ok);
    assert_eq!(found.window_safe, Some(false));
    assert!(found.issues[0].message.contains("Add a .down.sql"));
    let tiers = found.change_set.expect("a change set");
    assert_eq!(tiers.worst_tier(), Some(RiskTier::Additive));
}

#[test]
fn ok_needs_every_source_to_agree() {
    type Change = fn(&mut Value);
    assert!(newest(&output(0, Some(&report(|_| ())))).ok);
    let changes: [Change; 3] = [
        |report| report["ok"] = json!(false),
        |report| report["summary"]["errors"] = json!(1),
        |report| {
            report["issues"] =
                json!([{"severity": "error", "code": "C", "message": "m", "migration": null}]);
        },
    ];
    for change in changes {
        assert!(!newest(&output(0, Some(&report(change)))).ok);
    }
    for status in [1, 3, 7, 130] {
        assert!(
            !newest(&output(status, Some(&report(|_| ())))).ok,
            "{status}"
        );
    }
    let killed = Output {
        exit: Exit::Signal(9),
        ..output(0, Some(&report(|_| ())))
    };
    assert!(preflight_by("1.29.0", "", &killed).is_err());
}

#[test]
fn window_safe_counts_from_its_minimum_version() {
    let safe = report(|_| ());
    for (status, counts) in [
        (0, Some(true)),
        (7, Some(true)),
        (1, None),
        (3, None),
        (130, None),
    ] {
        assert_eq!(
            newest(&output(status, Some(&safe))).window_safe,
            counts,
            "{status}"
        );
    }
    let unsafe_ = report(|report| report["window_safe"] = json!(false));
    for status in [0, 1, 7] {
        assert_eq!(
            newest(&output(status, Some(&unsafe_))).window_safe,
            Some(false)
        );
    }
    let denied = report(|report| {
        report["issues"] = json!([{"severity": "warning", "code": "PFLIGHT_REPLICA_TRUNCATE",
            "message": "m", "migration": null}]);
    });
    assert_eq!(newest(&output(0, Some(&denied))).window_safe, Some(false));
    let below = preflight_by("0.22.0", "", &output(0, Some(&safe))).expect("a report");
    assert_eq!(below.window_safe, None);
    let absent = report(|report| {
        report
            .as_object_mut()
            .expect("an object")
            .remove("window_safe");
    });
    assert_eq!(newest(&output(0, Some(&absent))).window_safe, None);
}

#[test]
fn window_safe_of_0_23_to_0_43_is_guarded() {
    let safe = output(0, Some(&report(|_| ())));
    for version in ["0.23.0", "0.43.9"] {
        let found = preflight_by(version, "drop table a", &safe).expect("a report");
        assert_eq!(found.window_safe, None, "{version}");
        assert_eq!(found.issues[0].code, WINDOW_SAFE_UNPROVEN);
        assert!(found.ok, "the guard takes away a verdict, and adds none");
        let found = preflight_by(version, "create table a (id int)", &safe).expect("a report");
        assert_eq!(found.window_safe, Some(true), "{version}");
    }
    let found = preflight_by("0.44.0", "drop table a", &safe).expect("a report");
    assert_eq!(
        found.window_safe,
        Some(true),
        "from 0.44.0 on, confiture's word stands"
    );
}

#[test]
fn a_report_over_a_part_of_the_files_is_not_ok() {
    let checking =
        |count: u64| report(|report| report["summary"]["migrations_checked"] = json!(count));
    for (version, count, proven) in [
        ("1.29.0", 0, false),
        ("1.29.0", 1, true),
        ("1.29.0", 2, false),
        ("1.35.0", 0, true),
        ("1.35.0", 1, true),
        ("1.35.0", 2, false),
    ] {
        let found =
            preflight_by(version, "", &output(0, Some(&checking(count)))).expect("a report");
        assert_eq!(
            found.window_safe,
            proven.then_some(true),
            "{version}: {count}"
        );
        assert_eq!(
            (found.ok, found.change_set.is_some()),
            (proven, proven),
            "{version}: {count}"
        );
        let issues = found
            .issues
            .iter()
            .filter(|issue| issue.code == NOT_ALL_CHECKED);
        assert_eq!(issues.count(), usize::from(!proven));
    }
    let empty = tempfile::tempdir().expect("a directory");
    for version in ["1.29.0", "1.35.0"] {
        let preflight = Preflight::of_directory(empty.path(), false).expect("listed");
        let left = output(0, Some(&checking(0)));
        let found = judged(version, &preflight, &Redactor::default(), &left);
        // A directory that is there and holds nothing holds nothing unsafe.
        assert_eq!(found.expect("a report").window_safe, Some(true));
    }
}

#[test]
fn without_local_files_there_is_no_window_verdict() {
    let clean = report(|report| report["summary"]["migrations_checked"] = json!(0));
    let preflight = about(None);
    for version in ["0.23.0", "1.29.0"] {
        let left = output(0, Some(&clean));
        let found = judged(version, &preflight, &Redactor::default(), &left).expect("a report");
        assert!(found.ok);
        assert_eq!(
            (found.window_safe, found.change_set.is_some()),
            (None, false)
        );
        assert_eq!(found.issues[0].code, NO_MIGRATIONS_AT_HAND);
        let why = why_withheld(&found).expect("a reason");
        assert!(
            why.contains("does not exist") && !why.contains('\n'),
            "{why}"
        );
    }
    assert_eq!(
        why_withheld(&newest(&output(0, Some(&report(|_| ()))))),
        None
    );
}

#[test]
fn failures_are_errors() {
    let unreachable = envelope("CONFIG_006", "Connection to --against URL failed", "");
    for (status, report) in [
        (3, Some(unreachable.as_str())),
        (2, None),
        (0, None),
        (0, Some("{}")),
    ] {
        assert!(
            preflight_by("1.29.0", "", &output(status, report)).is_err(),
            "{status} {report:?}"
        );
    }
}

#[test]
fn quoted_sql_is_redacted() {
    let report = report(|report| {
        report["issues"] = json!([{"severity": "info", "code": "C",
            "message": "hunter2-hunter2", "migration": "hunter2-hunter2"}]);
        report["change_set"]["changes"] = json!([{"kind": "k", "object": "hunter2-hunter2",
            "migration": "hunter2-hunter2", "detail": "hunter2-hunter2"}]);
    });
    let redactor = Redactor::new([], ["hunter2-hunter2"]);
    let preflight = about(Some(Vec::new()));
    let found = judged("1.29.0", &preflight, &redactor, &output(0, Some(&report)));
    let found = found.expect("a report");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
}

/// What is judged of these files, each of whose digest is its name.
fn selected(files: &[&str], rows: &[(&str, Option<&str>)]) -> (Vec<String>, usize, Vec<String>) {
    let migrations: Vec<Migration> = files
        .iter()
        .map(|name| Migration {
            version: name.split('_').next().unwrap_or_default().into(),
            path: format!("db/{name}").into(),
        })
        .collect();
    let rows = rows.iter().map(|(version, checksum)| Row {
        checksum: checksum.map(str::to_owned),
        ..row(version, 0)
    });
    let ledger = Ledger {
        rows: rows.collect(),
        ..Ledger::default()
    };
    let pairs = files.iter().filter(|name| !name.contains("fifo"));
    let digests = pairs.map(|&name| (name.into(), name.into())).collect();
    let found = Overview {
        ledger,
        digests,
        ..Overview::default()
    };
    let selection = select(&migrations, found);
    let names = selection.judged.iter().filter_map(|it| it.path.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    (names.collect(), selection.in_ledger, selection.changed)
}

#[test]
fn only_unchanged_applied_files_are_skipped() {
    let same = Some("1_a.up.sql");
    for (files, rows, judged_files, in_ledger, changed) in [
        (
            &["1_a.up.sql", "2_b.py"][..],
            &[][..],
            &["1_a.up.sql", "2_b.py"][..],
            0,
            &[][..],
        ),
        (
            &["1_a.up.sql", "2_b.py"],
            &[("1", same)],
            &["2_b.py"],
            0,
            &[],
        ),
        (&["1_a.up.sql"], &[("1", same), ("0", None)], &[], 0, &[]),
        (
            &["1_a.up.sql"],
            &[("1", Some("edited"))],
            &["1_a.up.sql"],
            1,
            &["1"],
        ),
        (&["1_a.up.sql"], &[("1", None)], &["1_a.up.sql"], 1, &["1"]),
        (
            &["1_fifo.up.sql"],
            &[("1", Some("1_fifo.up.sql"))],
            &["1_fifo.up.sql"],
            1,
            &["1"],
        ),
        (
            &["1_fifo.up.sql"],
            &[("1", None)],
            &["1_fifo.up.sql"],
            1,
            &["1"],
        ),
        (
            &["1_a.py", "1_a.up.sql"],
            &[("1", same)],
            &["1_a.py", "1_a.up.sql"],
            2,
            &[],
        ),
    ] {
        let found = selected(files, rows);
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = (owned(judged_files), in_ledger, owned(changed));
        assert_eq!(found, expected, "{files:?} {rows:?}");
    }
}
