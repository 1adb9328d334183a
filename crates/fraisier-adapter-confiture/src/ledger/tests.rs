use serde_json::json;

use super::*;

pub(crate) fn row(version: &str, rank: i64) -> Row {
    Row {
        version: version.into(),
        name: Some(format!("m{version}")),
        applied_at: Some(format!("time {rank}")),
        rank,
        is_timed: true,
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

fn rows(value: &serde_json::Value) -> Answer {
    serde_json::from_value(json!({ "rows": value })).expect("rows")
}

#[test]
fn the_ledger_is_read_in_the_order_of_its_rows() {
    let table = rows(&json!([["tb_confiture", true]]));
    let found = rows(&json!([
        [1, "001", "a", "2026-11-28 20:16:53+00", true, 2, "ab"],
        [5, "002", "b", "infinity", false, 3, null],
        [6, "003", null, null, null, 4, "cd"],
    ]));
    let ledger = Ledger::read(&[table, found])
        .expect("read")
        .expect("a ledger");
    assert_eq!(ledger.last().map(|row| row.version.as_str()), Some("003"));
    let timed: Vec<bool> = ledger.rows.iter().map(|row| row.is_timed).collect();
    assert_eq!(timed, [true, false, false]);
    assert_eq!(ledger.rows[0].name.as_deref(), Some("a"));
    assert_eq!(ledger.rows[0].checksum.as_deref(), Some("ab"));
    assert_eq!(ledger.rows[0].rank, 2);
    assert!(ledger.is_locked);
}

#[test]
fn a_database_without_the_table_has_no_ledger() {
    let table = rows(&json!([[null, false]]));
    let error = SqlError {
        sqlstate: Some("42P01".into()),
        message: "relation does not exist".into(),
    };
    assert_eq!(Ledger::read(&[table, Answer::Error(error)]), Ok(None));
}

#[test]
fn another_table_is_no_ledger() {
    let table = || rows(&json!([["tb_confiture", false]]));
    for broken in [
        json!([[null, "001", null, null, null, 1, null]]),
        json!([[1, null, null, null, null, 1, null]]),
        json!([[1, "001", null, null, null, null, null]]),
        json!([[1, "001"]]),
        json!([
            [1, "001", null, null, null, 1, null],
            [2, "001", null, null, null, 2, null]
        ]),
    ] {
        let read = Ledger::read(&[table(), rows(&broken)]);
        assert_eq!(read, Err(Unread::NoLedger), "{broken}");
    }
    assert_eq!(Ledger::read(&[table()]), Err(Unread::NoLedger));
    let error = SqlError {
        sqlstate: Some("42703".into()),
        message: "column \"pk_confiture\" does not exist".into(),
    };
    let read = Ledger::read(&[table(), Answer::Error(error.clone())]);
    assert_eq!(read, Err(Unread::Refused(error)));
}
