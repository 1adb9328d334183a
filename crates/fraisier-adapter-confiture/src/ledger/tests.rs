use serde_json::{Value, json};

use super::*;
use crate::operation::Operation;
use crate::operation::outcome::Ended;
use crate::testing::{argv, ctx, output, request};

pub(crate) fn row(version: &str, rank: usize) -> Row {
    Row {
        _number: 0,
        version: version.into(),
        name: Some(format!("m{version}")),
        applied_at: Some(format!("time {rank}")),
        rank,
        is_finite: Some(true),
        checksum: None,
    }
}

pub(crate) fn ledger(rows: &[(&str, usize)]) -> Ledger {
    Ledger {
        rows: rows
            .iter()
            .map(|(version, rank)| row(version, *rank))
            .collect(),
        ..Ledger::default()
    }
}

/// The ledger in the rows of the two statements, or the error of the second.
fn read(table: &Value, rows: &Value) -> Result<Ledger, Unread> {
    let rows = match rows {
        Value::Array(_) => json!({ "rows": rows }),
        error => json!({ "error": error }),
    };
    let report = json!({ "answers": [{ "rows": table }, rows] });
    Ledger::of(answers(report.to_string().as_bytes())?)
}

#[test]
fn the_ledger_is_read_in_the_order_of_its_rows() {
    let found = json!([
        [1, "001", "a", "2026-11-28 20:16:53+00", true, 2, "ab"],
        [5, "002", "b", "infinity", false, 3, null],
        [6, "003", null, null, null, 4, "cd"],
    ]);
    let ledger = read(&json!([["tb_confiture", true]]), &found);
    let ledger = ledger.expect("a ledger");
    assert_eq!(ledger.last(), Some("003".into()));
    let finite: Vec<Option<bool>> = ledger.rows.iter().map(|row| row.is_finite).collect();
    assert_eq!(finite, [Some(true), Some(false), None]);
    assert_eq!(ledger.rows[0].name.as_deref(), Some("a"));
    assert_eq!(ledger.rows[0].checksum.as_deref(), Some("ab"));
    assert_eq!(ledger.rows[0].rank, 2);
    assert!(ledger.is_locked);
}

#[test]
fn a_database_without_the_table_has_an_empty_ledger() {
    let error = json!({"sqlstate": "42P01", "message": "relation does not exist"});
    assert_eq!(read(&json!([[null, false]]), &error), Ok(Ledger::default()));
}

#[test]
fn an_overview_has_the_ledger_the_others_and_the_digests() {
    let answers = |count: usize| {
        let answers = [
            json!({"rows": [["tb_confiture", false]]}),
            json!({"rows": [[1, "001", "a", "2026-11-28 20:16:53+00", true, 1, "ab"]]}),
            json!({"rows": [["old"], ["shop"]]}),
            json!({"rows": [["001_a.up.sql", "ab"]]}),
        ];
        let report = json!({ "answers": answers[..count] });
        Overview::of(report.to_string().as_bytes())
    };
    let overview = answers(4).expect("an overview");
    assert_eq!(overview.ledger.rows.len(), 1);
    assert_eq!(overview.others, ["old", "shop"]);
    assert_eq!(overview.digests["001_a.up.sql"], "ab");
    for count in 0..4 {
        assert_eq!(answers(count), Err(no_ledger()), "{count}");
    }
}

#[test]
fn another_table_is_no_ledger() {
    let table = json!([["tb_confiture", false]]);
    for broken in [
        json!([[null, "001", null, null, null, 1, null]]),
        json!([[1, null, null, null, null, 1, null]]),
        json!([[1, "001", null, null, null, null, null]]),
        json!([[1, "001"]]),
        json!([[1, "001", null, null, null, 1, null, null]]),
        json!([
            [1, "001", null, null, null, 1, null],
            [2, "001", null, null, null, 2, null]
        ]),
    ] {
        assert_eq!(read(&table, &broken), Err(no_ledger()), "{broken}");
    }
    let one = json!({ "answers": [{ "rows": table }] }).to_string();
    let read_one = answers(one.as_bytes()).and_then(Ledger::of);
    assert_eq!(read_one, Err(no_ledger()));
    let message = "column \"pk_confiture\" does not exist";
    let error = json!({"sqlstate": "42703", "message": message});
    assert_eq!(read(&table, &error), Err(Unread::Other(message.into())));
    let locked = json!({"sqlstate": "55P03", "message": "locked"});
    assert_eq!(read(&table, &locked), Err(Unread::Locked("locked".into())));
}

fn listing(status: i32, migrations: &Value) -> Result<Ledger, Fault> {
    let report = json!({ "migrations": migrations }).to_string();
    let output = output(status, Some(&report));
    let operation = Operation::CurrentRevision;
    listed(&Outcome::of(Ended { operation, output }))
}

#[test]
fn status_is_read_with_times_in_utc() {
    let invocation = status(&request(&ctx(".".as_ref())));
    let expected = "migrate status --no-config --format json --output <report> \
                    --migrations-dir db/migrations";
    assert_eq!(argv(&invocation).join(" "), expected);
    assert_eq!(invocation.env.get("PGTZ"), Some("UTC".as_ref()));
}

#[test]
fn applied_migrations_are_listed_by_version_and_ranked_by_time() {
    let migrations = json!([
        {"version": "001", "status": "applied", "applied_at": "2026-11-28T20:16:53+00:00"},
        {"version": "002", "status": "applied", "applied_at": "2026-11-28T20:16:53.000100+00:00"},
        {"version": "003", "status": "applied", "applied_at": "2026-11-28T20:16:52.9+00:00"},
        {"version": "004", "status": "applied", "applied_at": "2026-11-28T20:16:53.0001+00:00"},
        {"version": "005", "status": "applied", "applied_at": "2026-11-28T22:16:53+02:00"},
        {"version": "006", "status": "applied", "applied_at": null},
        {"version": "007", "status": "pending", "applied_at": null},
    ]);
    let ledger = listing(1, &migrations).expect("a list");
    let ranks: Vec<(&str, usize, bool)> = ledger
        .rows
        .iter()
        .map(|row| (row.version.as_str(), row.rank, row.is_finite.is_some()))
        .collect();
    let expected = [
        ("001", 1, true),
        ("002", 2, true),
        ("003", 0, true),
        ("004", 2, true),
        ("005", 3, false),
        ("006", 3, false),
    ];
    assert_eq!(ranks, expected);
    assert_eq!(ledger.ordered_by, OrderedBy::Version);
}

#[test]
fn a_list_that_cannot_be_relied_on_is_refused() {
    let unknown = json!([{"version": "001", "status": "skipped", "applied_at": null}]);
    for (status, migrations) in [(3, json!([])), (0, unknown)] {
        let failure = listing(status, &migrations).expect_err("refused");
        assert_eq!(*failure.state(), DatabaseState::Unchanged);
    }
}

fn versions(rollback: &Rollback) -> Vec<&str> {
    rollback.versions.iter().map(String::as_str).collect()
}

fn refusal(ledger: &Ledger, target: &str) -> Fault {
    let failure = after(ledger, &Revision::new(target)).expect_err("refused");
    assert_eq!(failure.kind(), Kind::PreconditionFailed);
    assert_eq!(*failure.state(), DatabaseState::Unchanged);
    failure
}

#[test]
fn a_rollback_contains_the_rows_after_the_target() {
    // 002 was merged late: times and rows agree, and the versions do not.
    let merged_late = ledger(&[("001", 1), ("003", 2), ("002", 3)]);
    let rollback = after(&merged_late, &Revision::new("003")).expect("planned");
    assert_eq!(versions(&rollback), ["002"]);
    assert_eq!(rollback.kept, ["001", "003"]);
    let rollback = after(&merged_late, &Revision::new("001")).expect("planned");
    assert_eq!(versions(&rollback), ["002", "003"]);
    let rollback = after(&merged_late, &Revision::new("002")).expect("planned");
    assert_eq!(versions(&rollback), [""; 0]);
}

#[test]
fn times_that_tie_or_run_backwards_at_or_above_the_target_are_refused() {
    for (rows, target, named) in [
        // `reinit` wrote one time.
        (
            vec![("001", 1), ("002", 1), ("003", 1), ("004", 2)],
            "001",
            ["001", "002"],
        ),
        (
            vec![("001", 1), ("002", 1), ("003", 1), ("004", 2)],
            "002",
            ["002", "003"],
        ),
        // The clock was set back.
        (
            vec![("001", 2), ("002", 3), ("003", 1)],
            "002",
            ["002", "003"],
        ),
        (
            vec![("001", 2), ("002", 3), ("003", 1)],
            "001",
            ["002", "003"],
        ),
        // The target is the last row, but not the last in time.
        (
            vec![("001", 2), ("002", 3), ("003", 1)],
            "003",
            ["001", "003"],
        ),
    ] {
        let failure = refusal(&ledger(&rows), target);
        for version in named {
            assert!(
                failure.to_string().contains(&format!("{version} (")),
                "{failure}"
            );
        }
        assert!(
            failure.to_string().contains("UPDATE tb_confiture"),
            "{failure}"
        );
    }
}

#[test]
fn rows_without_a_time_at_or_above_the_target_are_refused() {
    for place in [1, 2] {
        let mut rows = vec![row("001", 1), row("002", 2), row("003", 3)];
        rows[place].is_finite = None;
        rows[place].applied_at = None;
        let failure = refusal(
            &Ledger {
                rows,
                ..Ledger::default()
            },
            "002",
        );
        assert!(failure.to_string().contains("(no time)"), "{failure}");
    }
}

#[test]
fn ties_before_the_target_do_not_matter() {
    let reinitialised = ledger(&[("001", 1), ("002", 1), ("003", 1), ("004", 2)]);
    let rollback = after(&reinitialised, &Revision::new("003")).expect("planned");
    assert_eq!(versions(&rollback), ["004"]);
}

#[test]
fn a_target_that_is_not_applied_is_refused() {
    let failure = refusal(&ledger(&[("001", 1)]), "002");
    assert!(
        failure
            .to_string()
            .contains("the last applied migration is 001"),
        "{failure}"
    );
    let failure = refusal(&Ledger::default(), "001");
    assert!(failure.to_string().contains("no migration is"), "{failure}");
}

#[test]
fn without_rows_the_advice_is_to_look_at_them_first() {
    let listed = Ledger {
        ordered_by: OrderedBy::Version,
        ..ledger(&[("001", 1), ("002", 1)])
    };
    let failure = refusal(&listed, "001");
    assert!(!failure.to_string().contains("UPDATE"), "{failure}");
    assert!(failure.to_string().contains("by version"), "{failure}");
}

#[test]
fn an_undo_rolls_back_what_one_up_applied_and_nothing_else() {
    let applied = ["003", "004"].map(str::to_owned);
    let rows = [("001", 1), ("002", 2), ("003", 3), ("004", 4)];
    let rollback = of_applied(&ledger(&rows), &applied).expect("planned");
    assert_eq!(versions(&rollback), ["004", "003"]);
    assert_eq!(rollback.target.as_str(), "002");
    for (rows, why) in [
        (
            vec![("001", 1), ("003", 2), ("004", 3), ("005", 4)],
            "another deploy has applied 005 in the meantime",
        ),
        (
            vec![("001", 1), ("003", 2), ("005", 3), ("004", 4)],
            "another deploy has applied 005 in the meantime",
        ),
        (
            vec![("001", 1), ("003", 2)],
            "the ledger no longer contains what was applied",
        ),
        (vec![], "the ledger no longer contains what was applied"),
        (
            vec![("003", 1), ("004", 2)],
            "there is no revision to go back to: nothing had been applied before",
        ),
    ] {
        assert_eq!(of_applied(&ledger(&rows), &applied), Err(why.to_owned()));
    }
    let tied = of_applied(&ledger(&[("002", 1), ("003", 1), ("004", 2)]), &applied);
    let why = tied.expect_err("refused");
    assert!(why.contains("does not prove the order"), "{why}");
}
