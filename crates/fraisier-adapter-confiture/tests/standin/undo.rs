//! An `up` that failed halfway is rolled back where that is asked and certain, and nowhere else.

use fraisier_adapter_api::AdapterErrorKind;
use fraisier_adapter_confiture::Failure;

use crate::{DSN, Stage};

/// What the server refused.
const REFUSED: &str = "Failed to apply migration 003 (c): SQL execution failed | SQL: SELECT x | \
                       Error: column \\\"x\\\" does not exist";

/// A project at 001 whose `up` applies 002 and fails at 003.
struct Halfway {
    applied: &'static str,
    error: &'static str,
    /// What is applied after the `up`.
    ledger: &'static [&'static str],
    down_to: &'static str,
}

const HALFWAY: Halfway = Halfway {
    applied: r#"{"version": "002"}"#,
    error: REFUSED,
    ledger: &["001", "002"],
    down_to: r#"echo '{"from": "002", "to": "001", "rolled_back": ["002"], "skipped": [],
                "errors": []}' > "$report""#,
};

impl Halfway {
    async fn up(self, undo: bool) -> (Failure, Vec<String>) {
        let Self {
            applied,
            error,
            ledger,
            down_to,
        } = self;
        let rows = ledger.iter().enumerate().map(|(second, version)| {
            format!(
                r#"{{"version": "{version}", "status": "applied",
                    "applied_at": "2026-11-28T20:00:0{second}+00:00"}}"#
            )
        });
        let rows: Vec<String> = rows.collect();
        let (remains, rows) = (rows[..1].join(", "), rows.join(", "));
        let stage = Stage::new(&format!(
            r#"case "$2" in
              current) echo '{{"revision": "002", "name": "b"}}' > "$report" ;;
              status) if grep -q down-to "$(dirname "$0")/calls"; then
                  echo '{{"migrations": [{remains}]}}' > "$report"
                else
                  echo '{{"migrations": [{rows}]}}' > "$report"
                fi ;;
              up) cat > "$report" <<'REPORT'
{{"success": false, "applied": [{applied}], "skipped": ["001"], "skipped_superuser": [],
  "pending": [], "errors": ["{error}"], "dry_run": false, "dry_run_execute": false}}
REPORT
                exit 3 ;;
              down-to) {down_to} ;;
            esac"#
        ));
        let adapter = stage.built(|it| it.undo_failed_up(undo));
        let outcome = adapter.up(&stage.ctx(DSN), None).await;
        (outcome.expect_err("an error"), stage.calls())
    }
}

fn says(error: &Failure, parts: &[&str]) {
    for part in parts {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn an_undo_rolls_back_and_the_error_reports_both() {
    let (error, calls) = HALFWAY.up(true).await;
    assert_eq!(
        calls,
        [
            "upmigrate",
            "currentmigrate",
            "statusmigrate",
            "down-tomigrate",
            "statusmigrate"
        ]
    );
    assert_eq!(error.kind(), AdapterErrorKind::Execution);
    says(
        &error,
        &[
            "003 (c) failed",
            "002 was applied and rolled back again",
            "the last applied migration is 001",
            "deploy again",
        ],
    );
    assert!(!error.to_string().contains("remains"), "{error}");
}

#[tokio::test]
async fn by_default_nothing_is_undone() {
    let (error, calls) = HALFWAY.up(false).await;
    assert_eq!(calls, ["upmigrate"]);
    says(&error, &["002 remains applied"]);
}

#[tokio::test]
async fn a_failed_or_missing_rollback_is_reported_in_full() {
    let envelope = r#"echo '{"ok": false, "error": {"code": "ROLLBACK_600",
        "message": "no .down.sql for 002"}}' > "$report"; exit 8"#;
    let other = r#"echo '{"from": "003", "to": "001", "rolled_back": ["003", "002"],
        "skipped": [], "errors": []}' > "$report""#;
    for (down_to, shown) in [
        (envelope, "no .down.sql for 002"),
        (other, "rolling 002 back to 001 failed (confiture's repo"),
        ("exit 1", "rolling 002 back to 001 failed (confiture wrote"),
    ] {
        let (error, _) = Halfway { down_to, ..HALFWAY }.up(true).await;
        assert_eq!(
            error.kind(),
            AdapterErrorKind::IrreversibleRollback,
            "{error}"
        );
        says(&error, &["003 (c) failed", shown]);
    }
    let fresh = Halfway {
        ledger: &["002"],
        ..HALFWAY
    };
    let (error, _) = fresh.up(true).await;
    assert_eq!(error.kind(), AdapterErrorKind::IrreversibleRollback);
    says(
        &error,
        &["002 remains applied", "no revision to go back to"],
    );
    let another = Halfway {
        ledger: &["001", "002", "005"],
        ..HALFWAY
    };
    let (error, calls) = another.up(true).await;
    assert_eq!(error.kind(), AdapterErrorKind::IrreversibleRollback);
    says(
        &error,
        &["002 remains applied", "another deploy has applied 005"],
    );
    assert!(!calls.contains(&"down-tomigrate".to_owned()), "{calls:?}");
}

#[tokio::test]
async fn an_uncertain_up_is_not_undone() {
    for uncertain in [
        // The connection was lost: 003 may have been committed.
        Halfway {
            error: "the connection is lost",
            ..HALFWAY
        },
        // Nothing was applied.
        Halfway {
            applied: "",
            ..HALFWAY
        },
    ] {
        let (error, calls) = uncertain.up(true).await;
        assert_eq!(calls, ["upmigrate"]);
        assert_eq!(error.kind(), AdapterErrorKind::Execution, "{error}");
        assert!(!error.to_string().contains("rolled back again"), "{error}");
    }
}
