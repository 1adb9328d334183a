//! Ledgers whose times do not prove the order of application.

use fraisier_adapter_api::AdapterErrorKind::PreconditionFailed;
use serde_json::json;

use super::down_to::down_to;
use super::projects::shop;
use super::{RESULT, refused};
use crate::call::Call;
use crate::case::{Case, case};
use crate::expectation::Fact::{Exit, Ledger, Report, Revision, Untouched};

/// Makes the last migration of the shop the one with the earliest time.
const CLOCK_SET_BACK: &str =
    "UPDATE tb_confiture SET applied_at = applied_at + interval '1 hour' WHERE version < '003'";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "current/one-time",
            "Every row of the ledger has the same time, as `migrate reinit` writes it.",
            Call::Current,
        )
        .applied_then(&shop(), "UPDATE tb_confiture SET applied_at = '2026-01-01'")
        .with_ledger()
        .expect([Exit(0), Ledger(&["001", "002", "003"]), Untouched, RESULT]),
        case(
            "current/clock-set-back",
            "The clock was set back before the last migration: confiture names the one before it.",
            Call::Current,
        )
        .applied_then(&shop(), CLOCK_SET_BACK)
        .with_ledger()
        .expect([
            Exit(0),
            Report("/revision", json!("002")),
            Ledger(&["001", "002", "003"]),
            Untouched,
            RESULT,
        ]),
        case(
            "down-to/one-time",
            "Every row of the ledger has the same time, as `migrate reinit` writes it: the times prove no \
             order.",
            down_to("001"),
        )
        .applied_then(&shop(), "UPDATE tb_confiture SET applied_at = '2026-01-01'")
        .with_ledger()
        .expect([Ledger(&["001", "002", "003"]), refused(PreconditionFailed)]),
        case(
            "down-to/clock-set-back",
            "The clock was set back before the last migration: confiture takes the target for the last.",
            down_to("002"),
        )
        .applied_then(&shop(), CLOCK_SET_BACK)
        .with_ledger()
        .expect([
            Exit(0),
            Report("/rolled_back", json!([])),
            Ledger(&["001", "002", "003"]),
            Untouched,
            refused(PreconditionFailed),
        ]),
        case(
            "down-to/tie-at-target",
            "The target has the time of the migration before it, and the one after it has a later time.",
            down_to("002"),
        )
        .applied_then(
            &shop(),
            "UPDATE tb_confiture SET applied_at = '2026-01-01' WHERE version < '003'",
        )
        .with_ledger()
        .expect([
            Exit(0),
            Report("/rolled_back", json!(["003"])),
            Ledger(&["001", "002", "003"]),
            Revision(Some("002")),
            RESULT,
        ]),
    ]
}
