//! `migrate up`.

use fraisier_adapter_api::AdapterErrorKind::{
    Execution, InternalError, InvalidConfig, LockContention, PreconditionFailed,
};
use serde_json::json;

use super::projects::{python, shop, single};
use super::{RESULT, error, refused};
use crate::announced::MOVED_CODES;
use crate::call::Call;
use crate::case::{Case, Circumstance, case};
use crate::expectation::Fact::{
    Code, Exit, NoReport, NoTable, Prints, Report, ReportHas, ReportLacks, Revision, Table,
    Untouched,
};
use crate::project::Project;
use crate::release::Release;

/// The first release that writes a report when there is nothing to apply.
const REPORTS_NO_OP: Release = Release::new(0, 48, 0);
/// The first release that refuses a missing directory and a modified applied file.
const REFUSES_MORE: Release = Release::new(0, 48, 0);

/// The first release that writes a report when a migration needs a superuser; before, it writes none.
const REPORTS_A_HALT: Release = Release::new(0, 48, 0);

/// The first release that refuses a migration marked as losing data.
const GATES: Release = Release::new(1, 2, 0);

/// The first release that applies what cannot run in a transaction.
const CONCURRENT: Release = Release::new(0, 33, 0);

fn target(version: &str) -> Call {
    Call::Up(Some(version.to_owned()))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = succeeding();
    cases.extend(unusual());
    cases.extend(failing());
    cases.extend(deceptive());
    cases
}

/// The requested work is done.
fn succeeding() -> Vec<Case> {
    vec![
        case(
            "up/all",
            "Three migrations on a fresh database.",
            Call::Up(None),
        )
        .project(shop())
        .expect([
            Exit(0),
            Report("/success", json!(true)),
            Report("/applied/0/version", json!("001")),
            Report("/applied/1/version", json!("002")),
            Report("/applied/2/version", json!("003")),
            ReportLacks("/applied/3"),
            Report("/errors", json!([])),
            Revision(Some("003")),
            Table("public.orders"),
            RESULT,
        ]),
        case(
            "up/target",
            "Only up to the second of three.",
            target("002"),
        )
        .project(shop())
        .expect([
            Exit(0),
            Report("/applied/1/version", json!("002")),
            Revision(Some("002")),
            RESULT,
        ]),
        case(
            "up/rest",
            "The third migration, on a database at the second.",
            Call::Up(None),
        )
        .applied(
            &shop()
                .without("003_email.up.sql")
                .without("003_email.down.sql"),
        )
        .project(shop())
        .expect([
            Exit(0),
            Report("/applied/0/version", json!("003")),
            Revision(Some("003")),
            RESULT,
        ]),
        case("up/no-op", "Everything is applied already.", Call::Up(None))
            .applied(&shop())
            .then(Call::Current)
            .expect([Exit(0), Untouched, RESULT])
            .expect_below(REPORTS_NO_OP, [NoReport])
            .expect_from(REPORTS_NO_OP, [Report("/applied", json!([]))]),
        case(
            "up/target-applied",
            "The target is the revision the database is at.",
            target("003"),
        )
        .applied(&shop())
        .then(Call::Current)
        .expect([Exit(0), Untouched, RESULT]),
    ]
}

/// The directory contains something other than plain SQL migrations.
fn unusual() -> Vec<Case> {
    vec![
        case(
            "up/empty-directory",
            "There is no migration at all.",
            Call::Up(None),
        )
        .then(Call::Current)
        .expect([Exit(0), RESULT]),
        case(
            "up/python-migration",
            "The second migration is written in Python.",
            Call::Up(None),
        )
        .project(single("CREATE TABLE one ();", "DROP TABLE one;").with(
            "002_two.py",
            &python(
                "002",
                "two",
                "transactional = True",
                "CREATE TABLE two ()",
                "DROP TABLE two",
            ),
        ))
        .expect([
            Exit(0),
            Report("/applied/1/version", json!("002")),
            Table("public.two"),
            RESULT,
        ]),
        case(
            "up/concurrent-index",
            "The second migration cannot run in a transaction.",
            Call::Up(None),
        )
        .project(
            single("CREATE TABLE one (id bigint);", "DROP TABLE one;").migration(
                "002_index",
                "CREATE INDEX CONCURRENTLY one_id ON one (id);",
                "DROP INDEX CONCURRENTLY one_id;",
            ),
        )
        .expect_below(
            CONCURRENT,
            [Exit(3), Revision(Some("001")), error(Execution)],
        )
        .expect_from(CONCURRENT, [Exit(0), Revision(Some("002")), RESULT]),
    ]
}

/// The requested work is not done, and confiture says so.
fn failing() -> Vec<Case> {
    vec![
        case(
            "up/second-of-three-fails",
            "The second of three migrations fails; what came before it stays applied.",
            Call::Up(None),
        )
        .project(shop().with(
            "002_orders.up.sql",
            "CREATE TABLE orders (id no_such_type);",
        ))
        .expect([
            Report("/success", json!(false)),
            ReportHas("/errors/0"),
            Revision(Some("001")),
            NoTable("public.orders"),
            error(Execution),
        ])
        .expect_below(MOVED_CODES, [Exit(3)])
        .expect_from(MOVED_CODES, [Exit(1)]),
        case(
            "up/duplicate-version",
            "Two migrations carry the same version.",
            Call::Up(None),
        )
        .project(shop().migration("002_again", "CREATE TABLE again ();", "DROP TABLE again;"))
        .expect([Code("MIGR_106"), Untouched, error(Execution)])
        .expect_below(MOVED_CODES, [Exit(3)])
        .expect_from(MOVED_CODES, [Exit(1)]),
        case(
            "up/modified-applied-file",
            "A migration was edited after it was applied.",
            Call::Up(None),
        )
        .applied(&shop())
        .project(shop().with(
            "002_orders.up.sql",
            "CREATE TABLE orders (id bigint PRIMARY KEY);",
        ))
        .then(Call::Current)
        .expect([Untouched])
        .expect_below(REFUSES_MORE, [Exit(0), RESULT])
        .expect_from(REFUSES_MORE, [Exit(1), error(InternalError)]),
        case(
            "up/superuser-migration",
            "The second of three migrations asks for a superuser; confiture stops before it.",
            Call::Up(None),
        )
        .project(
            Project::empty()
                .migration("001_one", "CREATE TABLE one ();", "DROP TABLE one;")
                .with(
                    "002_two.py",
                    &python(
                        "002",
                        "two",
                        "requires_superuser = True",
                        "CREATE TABLE two ()",
                        "DROP TABLE two",
                    ),
                )
                .migration("003_three", "CREATE TABLE three ();", "DROP TABLE three;"),
        )
        .expect([Exit(1), Revision(Some("001"))])
        .expect_below(REPORTS_A_HALT, [NoReport, error(InternalError)])
        .expect_from(
            REPORTS_A_HALT,
            [
                Report("/skipped_superuser/0/version", json!("002")),
                error(Execution),
            ],
        ),
        case(
            "up/destructive-gate",
            "A migration is marked as losing data.",
            Call::Up(None),
        )
        .project(single("CREATE TABLE one ();", "DROP TABLE one;").migration(
            "002_drop",
            "-- confiture:destructive\nDROP TABLE one;",
            "CREATE TABLE one ();",
        ))
        .expect_below(GATES, [Exit(0), NoTable("public.one"), RESULT])
        .expect_from(
            GATES,
            [
                Exit(5),
                Code("VALID_002"),
                Revision(None),
                error(InvalidConfig),
            ],
        ),
        case(
            "up/lock-held",
            "Another deploy holds the migration lock.",
            Call::Up(None),
        )
        .project(shop())
        .while_(Circumstance::LockHeld)
        .expect([Exit(6), Code("LOCK_1300"), Untouched, error(LockContention)]),
    ]
}

/// The exit status or the report omits or misstates what happened.
fn deceptive() -> Vec<Case> {
    vec![
        case(
            "up/unknown-target",
            "No migration has the target's version: everything that sorts below it is applied.",
            target("999"),
        )
        .project(shop())
        .expect([Exit(0), Revision(Some("003")), refused(PreconditionFailed)]),
        case(
            "up/unknown-target-at-head",
            "No migration has the target's version, and everything is applied already.",
            target("999"),
        )
        .applied(&shop())
        .expect([Exit(0), Untouched, refused(PreconditionFailed)])
        .expect_below(REPORTS_NO_OP, [NoReport]),
        case(
            "up/missing-directory",
            "The migrations directory does not exist.",
            Call::Up(None),
        )
        .project(shop())
        .migrations_dir("db/nowhere")
        .expect([Untouched, refused(InvalidConfig)])
        .expect_below(REFUSES_MORE, [Exit(0), Prints("No pending")])
        .expect_from(REFUSES_MORE, [Code("MIGR_001")])
        .expect_from(MOVED_CODES, [Exit(1)]),
        case(
            "up/unwritable-report",
            "The report cannot be written: the work is done and committed all the same.",
            Call::Up(None),
        )
        .project(shop())
        .while_(Circumstance::UnwritableReport)
        .expect([
            Exit(1),
            NoReport,
            Revision(Some("003")),
            error(InternalError),
        ]),
    ]
}
