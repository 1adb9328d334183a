//! `migrate down-to`.

use fraisier_adapter_api::AdapterErrorKind::{
    Execution, IrreversibleRollback, LockContention, PreconditionFailed,
};
use serde_json::json;

use super::projects::shop;
use super::{RESULT, error, refused};
use crate::announced::MOVED_CODES;
use crate::call::Call;
use crate::case::{Case, Circumstance, case};
use crate::expectation::Fact::{Code, Exit, Report, Revision, Table, Untouched};

pub(super) fn down_to(revision: &str) -> Call {
    Call::DownTo(revision.to_owned())
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "down-to/first",
            "From the third to the first.",
            down_to("001"),
        )
        .applied(&shop())
        .expect([
            Exit(0),
            Report("/from", json!("003")),
            Report("/to", json!("001")),
            Report("/rolled_back", json!(["003", "002"])),
            Report("/errors", json!([])),
            Revision(Some("001")),
            RESULT,
        ]),
        case(
            "down-to/current",
            "The database is there already.",
            down_to("003"),
        )
        .applied(&shop())
        .expect([
            Exit(0),
            Report("/rolled_back", json!([])),
            Untouched,
            RESULT,
        ]),
        case(
            "down-to/unknown",
            "No migration has that version.",
            down_to("999"),
        )
        .applied(&shop())
        .expect([Code("MIGR_100"), Untouched, refused(PreconditionFailed)])
        .expect_below(MOVED_CODES, [Exit(3)])
        .expect_from(MOVED_CODES, [Exit(1)]),
        case(
            "down-to/missing-down",
            "A migration on the way has no down script: nothing is rolled back.",
            down_to("001"),
        )
        .applied(&shop())
        .project(shop().without("002_orders.down.sql"))
        .expect([
            Exit(8),
            Code("ROLLBACK_600"),
            Untouched,
            error(IrreversibleRollback),
        ]),
        case(
            "down-to/failing-down",
            "The down script of the second migration fails, after the third was rolled back.",
            down_to("001"),
        )
        .applied(&shop())
        .project(shop().with("002_orders.down.sql", "DROP TABLE no_such_table;"))
        .expect([Table("public.orders"), error(Execution)]),
        case(
            "down-to/lock-held",
            "Another deploy holds the migration lock.",
            down_to("001"),
        )
        .applied(&shop())
        .while_(Circumstance::LockHeld)
        .expect([Exit(6), Code("LOCK_1300"), Untouched, error(LockContention)]),
    ]
}
