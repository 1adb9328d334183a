//! `migrate verify`.

use serde_json::json;

use super::RESULT;
use super::projects::shop;
use crate::call::Call;
use crate::case::{Case, case};
use crate::expectation::Fact::{Code, Exit, Report, ReportHas, Untouched};
use crate::project::Project;
use crate::release::Release;

/// The first release that distinguishes a missing ledger from an internal error.
const SEES_THE_LEDGER: Release = Release::new(0, 37, 0);

/// The first release that skips an empty check instead of failing it.
const SKIPS_EMPTY: Release = Release::new(1, 12, 0);

/// The first release whose report says whether everything holds.
const STATES_OK: Release = Release::new(1, 12, 0);

/// The shop, with this check beside its first migration.
fn sidecar(check: &str) -> Project {
    shop().with("001_customers.verify.sql", check)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "verify/nothing",
            "No migration has a check beside it.",
            Call::Verify,
        )
        .applied(&shop())
        .expect([
            Exit(0),
            Report("/failed_count", json!(0)),
            Report("/verified_count", json!(0)),
            Untouched,
            RESULT,
        ]),
        case(
            "verify/no-ledger",
            "A database that confiture has never touched.",
            Call::Verify,
        )
        .project(sidecar("SELECT true;"))
        .then(Call::Current)
        .expect_below(SEES_THE_LEDGER, [Exit(1), Code("INTERNAL_ERROR")])
        .expect_from(SEES_THE_LEDGER, [Exit(2), Code("PRECON_1001")])
        .expect([RESULT]),
        case(
            "verify/empty-ledger",
            "The ledger is there and holds nothing.",
            Call::Verify,
        )
        .applied_then(&shop(), "TRUNCATE tb_confiture CASCADE")
        .project(sidecar("SELECT true;"))
        .expect([Exit(0), Report("/total_applied", json!(0)), RESULT]),
        case("verify/true", "The check holds.", Call::Verify)
            .applied(&shop())
            .project(sidecar("SELECT count(*) = 0 FROM customers;"))
            .expect([
                Exit(0),
                Report("/verified_count", json!(1)),
                Report("/failed_count", json!(0)),
                ReportHas("/results/0/version"),
                ReportHas("/results/0/name"),
                Report("/results/0/status", json!("verified")),
                ReportHas("/results/0/error"),
                RESULT,
            ]),
        case("verify/false", "The check does not hold.", Call::Verify)
            .applied(&shop())
            .project(sidecar("SELECT count(*) > 0 FROM customers;"))
            .expect([
                Exit(1),
                Report("/failed_count", json!(1)),
                Report("/results/0/status", json!("failed")),
                RESULT,
            ])
            .expect_from(STATES_OK, [Report("/ok", json!(false))]),
        case("verify/broken", "The check is not valid SQL.", Call::Verify)
            .applied(&shop())
            .project(sidecar("SELECT no_such_column FROM customers;"))
            .expect([Exit(1), Report("/failed_count", json!(1)), RESULT]),
        case("verify/empty", "The check is an empty file.", Call::Verify)
            .applied(&shop())
            .project(sidecar(""))
            .expect_below(SKIPS_EMPTY, [Exit(1), Report("/failed_count", json!(1))])
            .expect_from(
                SKIPS_EMPTY,
                [Exit(0), Report("/results/0/status", json!("skipped"))],
            )
            .expect([RESULT]),
        case("verify/no-row", "The check returns no row.", Call::Verify)
            .applied(&shop())
            .project(sidecar("SELECT true FROM customers;"))
            .expect([Exit(1), Report("/failed_count", json!(1)), RESULT]),
        case(
            "verify/one-of-two-false",
            "One check holds and another does not.",
            Call::Verify,
        )
        .applied(&shop())
        .project(sidecar("SELECT true;").with("003_email.verify.sql", "SELECT false;"))
        .expect([
            Exit(1),
            Report("/verified_count", json!(1)),
            Report("/failed_count", json!(1)),
            RESULT,
        ]),
    ]
}
