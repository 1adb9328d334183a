use serde_json::{Value, json};

use super::*;

pub(crate) fn row(version: &str, rank: i64) -> Row {
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

pub(crate) fn ledger(rows: &[(&str, i64)]) -> Ledger {
    Ledger {
        rows: rows
            .iter()
            .map(|(version, rank)| row(version, *rank))
            .collect(),
        ..Ledger::default()
    }
}

/// The ledger in the rows of the two statements, or the error of the second.
fn read(table: &Value, rows: &Value) -> Result<Option<Ledger>, Unread> {
    let rows = match rows {
        Value::Array(_) => json!({ "rows": rows }),
        error => json!({ "error": error }),
    };
    let report = json!({ "answers": [{ "rows": table }, rows] });
    let report: Report = serde_json::from_value(report).expect("a report");
    report.read()
}

#[test]
fn the_ledger_is_read_in_the_order_of_its_rows() {
    let found = json!([
        [1, "001", "a", "2026-11-28 20:16:53+00", true, 2, "ab"],
        [5, "002", "b", "infinity", false, 3, null],
        [6, "003", null, null, null, 4, "cd"],
    ]);
    let ledger = read(&json!([["tb_confiture", true]]), &found);
    let ledger = ledger.expect("read").expect("a ledger");
    assert_eq!(ledger.last().map(|row| row.version.as_str()), Some("003"));
    let timed: Vec<bool> = ledger.rows.iter().map(Row::is_timed).collect();
    assert_eq!(timed, [true, false, false]);
    assert_eq!(ledger.rows[0].name.as_deref(), Some("a"));
    assert_eq!(ledger.rows[0].checksum.as_deref(), Some("ab"));
    assert_eq!(ledger.rows[0].rank, 2);
    assert!(ledger.is_locked);
}

#[test]
fn a_database_without_the_table_has_no_ledger() {
    let error = json!({"sqlstate": "42P01", "message": "relation does not exist"});
    assert_eq!(read(&json!([[null, false]]), &error), Ok(None));
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
        serde_json::from_value::<Report>(report).expect("a report")
    };
    let overview = answers(4).overview().expect("an overview");
    assert_eq!(overview.ledger.rows.len(), 1);
    assert_eq!(overview.others, ["old", "shop"]);
    assert_eq!(overview.digests["001_a.up.sql"], "ab");
    for count in 0..4 {
        assert_eq!(answers(count).overview(), Err(no_ledger()), "{count}");
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
    let one: Report =
        serde_json::from_value(json!({ "answers": [{ "rows": table }] })).expect("one");
    assert_eq!(one.read(), Err(no_ledger()));
    let message = "column \"pk_confiture\" does not exist";
    let error = json!({"sqlstate": "42703", "message": message});
    assert_eq!(read(&table, &error), Err(Unread::Refused(message.into())));
    let locked = json!({"sqlstate": "55P03", "message": "locked"});
    assert_eq!(read(&table, &locked), Err(Unread::Locked("locked".into())));
}
