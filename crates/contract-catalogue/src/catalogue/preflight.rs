//! `migrate preflight`.

use fraisier_adapter_api::AdapterErrorKind::{InvalidConfig, MethodNotSupported};
use serde_json::json;

use super::projects::{python, shop, single};
use super::{RESULT, refused};
use crate::announced::PENDING_SCOPE;
use crate::call::Call;
use crate::case::{Case, FLOOR, case};
use crate::expectation::Fact::{
    Exit, Issue, NoIssue, NoReport, Report, ReportHas, ReportLacks, Untouched,
};
use crate::project::Project;
use crate::release::Release;

/// The first release whose preflight can be called at all.
const CALLABLE: Release = Release::new(0, 22, 0);
/// The first release that states `window_safe`.
const STATES_WINDOW_SAFE: Release = Release::new(0, 23, 0);
/// The first release that emits a change set.
const EMITS_CHANGES: Release = Release::new(0, 43, 0);
/// The first release that judges statements beyond columns, constraints and indexes.
const JUDGES_MORE: Release = Release::new(0, 44, 0);

const ONE: &str = "CREATE TABLE one (id bigint PRIMARY KEY, name text, total integer);";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = safe();
    cases.extend(unsafe_from_the_start());
    cases.extend(unsafe_since_it_judges_more());
    cases.extend(directories());
    cases.extend(sets());
    cases.extend(surroundings());
    cases
}

/// A preflight of one reversible migration, without a database.
fn of_migration(name: &'static str, about: &'static str, up: &str, down: &str) -> Case {
    of_project(name, about, single(up, down))
}

fn of_project(name: &'static str, about: &'static str, project: Project) -> Case {
    case(name, about, Call::Preflight)
        .project(project)
        .without_database()
        .since(CALLABLE)
        .expect_from(CALLABLE, [RESULT])
        .expect_below(STATES_WINDOW_SAFE, [ReportLacks("/window_safe")])
        .expect_below(EMITS_CHANGES, [ReportLacks("/change_set")])
}

/// Statements before and after which both old and new code can use the database.
fn safe() -> Vec<Case> {
    let states_safe = |case: Case| {
        case.expect_from(CALLABLE, [Exit(0), Report("/ok", json!(true))])
            .expect_from(STATES_WINDOW_SAFE, [Report("/window_safe", json!(true))])
    };
    let mut add_column = of_migration(
        "preflight/add-column",
        "A nullable column is added.",
        "ALTER TABLE one ADD COLUMN note text;",
        "ALTER TABLE one DROP COLUMN note;",
    );
    // The one case that shows what happens below the minimum version.
    add_column.since = FLOOR;
    vec![
        states_safe(add_column)
            .expect_below(CALLABLE, [Exit(2), NoReport, refused(MethodNotSupported)]),
        states_safe(of_migration(
            "preflight/create-table",
            "A table is created.",
            ONE,
            "DROP TABLE one;",
        )),
        of_migration(
            "preflight/concurrent-index",
            "An index is built concurrently.",
            "CREATE INDEX CONCURRENTLY one_name ON one (name);",
            "DROP INDEX CONCURRENTLY one_name;",
        )
        .expect([Issue("PFLIGHT_NON_TRANSACTIONAL")]),
    ]
}

/// Statements that were reported from the first release on.
fn unsafe_from_the_start() -> Vec<Case> {
    let reported = |case: Case, code: &'static str| {
        case.expect([Issue(code)])
            .expect_from(STATES_WINDOW_SAFE, [Report("/window_safe", json!(false))])
    };
    vec![
        reported(
            of_migration(
                "preflight/add-column-not-null",
                "A column without a default may not be null.",
                "ALTER TABLE one ADD COLUMN note text NOT NULL;",
                "ALTER TABLE one DROP COLUMN note;",
            ),
            "PFLIGHT_REPLICA_ADD_COLUMN",
        ),
        reported(
            of_migration(
                "preflight/drop-column",
                "A column is dropped.",
                "ALTER TABLE one DROP COLUMN name;",
                "ALTER TABLE one ADD COLUMN name text;",
            ),
            "PFLIGHT_REPLICA_DROP_COLUMN",
        ),
        reported(
            of_migration(
                "preflight/rename-column",
                "A column is renamed.",
                "ALTER TABLE one RENAME COLUMN name TO label;",
                "ALTER TABLE one RENAME COLUMN label TO name;",
            ),
            "PFLIGHT_REPLICA_RENAME_COLUMN",
        ),
        reported(
            of_migration(
                "preflight/change-type",
                "A column changes its type.",
                "ALTER TABLE one ALTER COLUMN total TYPE text;",
                "ALTER TABLE one ALTER COLUMN total TYPE integer USING total::integer;",
            ),
            "PFLIGHT_REPLICA_CHANGE_TYPE",
        ),
        reported(
            of_migration(
                "preflight/add-constraint",
                "A constraint is added and validated.",
                "ALTER TABLE one ADD CONSTRAINT positive CHECK (total > 0);",
                "ALTER TABLE one DROP CONSTRAINT positive;",
            ),
            "PFLIGHT_REPLICA_ADD_CONSTRAINT",
        ),
        reported(
            of_migration(
                "preflight/create-index",
                "An index is built under a lock.",
                "CREATE INDEX one_name ON one (name);",
                "DROP INDEX one_name;",
            ),
            "PFLIGHT_REPLICA_CREATE_INDEX",
        ),
    ]
}

/// Statements that were reported as window-safe before 0.44.0.
fn unsafe_since_it_judges_more() -> Vec<Case> {
    let reported = |name, about, code: &'static str, up, down| {
        of_migration(name, about, up, down)
            .expect_below(JUDGES_MORE, [NoIssue(code)])
            .expect_from(
                JUDGES_MORE,
                [Issue(code), Report("/window_safe", json!(false))],
            )
    };
    vec![
        reported(
            "preflight/drop-table",
            "A table is dropped.",
            "PFLIGHT_REPLICA_DROP_TABLE",
            "DROP TABLE one;",
            ONE,
        ),
        reported(
            "preflight/drop-view",
            "A view is dropped.",
            "PFLIGHT_REPLICA_DROP_OBJECT",
            "DROP VIEW ones;",
            "CREATE VIEW ones AS SELECT 1 AS one;",
        ),
        reported(
            "preflight/replace-function",
            "A function is replaced.",
            "PFLIGHT_REPLICA_REPLACE_OBJECT",
            "CREATE OR REPLACE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 2';",
            "CREATE OR REPLACE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1';",
        ),
        reported(
            "preflight/rename-table",
            "A table is renamed.",
            "PFLIGHT_REPLICA_RENAME_OBJECT",
            "ALTER TABLE one RENAME TO two;",
            "ALTER TABLE two RENAME TO one;",
        ),
        reported(
            "preflight/revoke",
            "A right is revoked.",
            "PFLIGHT_REPLICA_REVOKE",
            "REVOKE SELECT ON one FROM PUBLIC;",
            "GRANT SELECT ON one TO PUBLIC;",
        ),
        reported(
            "preflight/set-not-null",
            "A column may no longer be null.",
            "PFLIGHT_REPLICA_SET_NOT_NULL",
            "ALTER TABLE one ALTER COLUMN name SET NOT NULL;",
            "ALTER TABLE one ALTER COLUMN name DROP NOT NULL;",
        ),
        reported(
            "preflight/truncate",
            "A table is emptied.",
            "PFLIGHT_REPLICA_TRUNCATE",
            "TRUNCATE one;",
            "SELECT 1;",
        ),
        of_migration(
            "preflight/unclassified",
            "A statement that no release judges.",
            "DO $$ BEGIN PERFORM 1; END $$;",
            "SELECT 1;",
        )
        .expect_from(JUDGES_MORE, [Issue("PFLIGHT_REPLICA_UNCLASSIFIED")]),
    ]
}

/// Cases about the contents of the directory, not about one statement.
fn directories() -> Vec<Case> {
    vec![
        of_project(
            "preflight/python-migration",
            "A migration is written in Python, which nobody can classify.",
            Project::empty().with(
                "001_one.py",
                &python(
                    "001",
                    "one",
                    "transactional = True",
                    "DROP TABLE one",
                    "SELECT 1",
                ),
            ),
        )
        .expect_below(
            STATES_WINDOW_SAFE,
            [NoIssue("PFLIGHT_REPLICA_UNCLASSIFIED")],
        )
        .expect_from(
            STATES_WINDOW_SAFE,
            [
                Issue("PFLIGHT_REPLICA_UNCLASSIFIED"),
                Report("/window_safe", json!(false)),
            ],
        ),
        of_project(
            "preflight/missing-down",
            "A migration has no down script.",
            single(ONE, "").without("001_change.down.sql"),
        )
        .expect([Issue("PFLIGHT_MISSING_DOWN")]),
        of_project(
            "preflight/duplicate-version",
            "Two migrations carry the same version.",
            single(ONE, "DROP TABLE one;").migration(
                "001_again",
                "CREATE TABLE again ();",
                "DROP TABLE again;",
            ),
        )
        .expect([
            Exit(7),
            Report("/ok", json!(false)),
            Issue("PFLIGHT_DUPLICATE_VERSION"),
        ]),
        of_project(
            "preflight/destructive-gate",
            "A migration is marked as losing data.",
            single("-- confiture:destructive\nDROP TABLE one;", ONE),
        )
        .expect_from(
            JUDGES_MORE,
            [
                Issue("PFLIGHT_REPLICA_DROP_TABLE"),
                Report("/window_safe", json!(false)),
            ],
        ),
        of_project(
            "preflight/unparseable",
            "A migration is not valid SQL.",
            single("CREATE TABEL one ();", "DROP TABLE one;"),
        )
        .expect_from(EMITS_CHANGES, [ReportLacks("/change_set/changes/0/tier")]),
    ]
}

/// Several migrations, or none.
fn sets() -> Vec<Case> {
    vec![
        of_project(
            "preflight/five-tiers",
            "One migration of each risk tier, the last without a way back.",
            Project::empty()
                .migration("001_additive", ONE, "DROP TABLE one;")
                .migration(
                    "002_reversible",
                    "ALTER TABLE one ALTER COLUMN total SET DEFAULT 0;",
                    "ALTER TABLE one ALTER COLUMN total DROP DEFAULT;",
                )
                .migration(
                    "003_lock_risky",
                    "CREATE INDEX one_name ON one (name);",
                    "DROP INDEX one_name;",
                )
                .migration(
                    "004_destructive",
                    "DROP INDEX one_name;",
                    "CREATE INDEX one_name ON one (name);",
                )
                .with("005_irreversible.up.sql", "DROP TABLE one;"),
        )
        .expect([
            Exit(7),
            Report("/ok", json!(false)),
            Issue("PFLIGHT_MISSING_DOWN"),
        ])
        .expect_from(
            EMITS_CHANGES,
            [
                Report("/change_set/contract_version", json!(1)),
                Report("/change_set/changes/0/tier", json!("additive")),
                Report("/change_set/changes/1/tier", json!("reversible")),
                Report("/change_set/changes/2/tier", json!("lock_risky")),
                Report("/change_set/changes/3/tier", json!("destructive")),
                Report("/change_set/changes/4/tier", json!("irreversible")),
            ],
        ),
        of_project(
            "preflight/empty-directory",
            "There is no migration at all.",
            Project::empty(),
        )
        .expect([Exit(0), Report("/summary/migrations_checked", json!(0))]),
    ]
}

/// What changes with a database, with a copy of it, or with a missing directory.
fn surroundings() -> Vec<Case> {
    vec![
        case(
            "preflight/nothing-pending",
            "Every migration is applied already; only with the scope `pending` is none of them examined.",
            Call::Preflight,
        )
        .applied(&shop())
        .since(CALLABLE)
        .expect([Exit(0), Report("/ok", json!(true)), RESULT])
        .expect_from(STATES_WINDOW_SAFE, [ReportHas("/window_safe")])
        .expect_below(PENDING_SCOPE, [Report("/summary/migrations_checked", json!(3))])
        .expect_from(PENDING_SCOPE, [Report("/summary/migrations_checked", json!(0))]),
        case(
            "preflight/against-live",
            "The pending migration is replayed on a copy of the database.",
            Call::PreflightAgainst,
        )
        .applied(&shop())
        .project(shop().migration(
            "004_note",
            "ALTER TABLE orders ADD COLUMN note text;",
            "ALTER TABLE orders DROP COLUMN note;",
        ))
        .since(CALLABLE)
        .expect([Exit(0), Report("/ok", json!(true)), Untouched, RESULT]),
        case(
            "preflight/against-live-fails",
            "The pending migration does not run on a copy of the database.",
            Call::PreflightAgainst,
        )
        .applied(&shop())
        .project(shop().migration(
            "004_note",
            "ALTER TABLE no_such_table ADD COLUMN note text;",
            "ALTER TABLE no_such_table DROP COLUMN note;",
        ))
        .since(CALLABLE)
        .expect([Exit(7), Report("/ok", json!(false)), RESULT]),
        case(
            "preflight/missing-directory",
            "The migrations directory does not exist, and confiture calls it safe.",
            Call::Preflight,
        )
        .without_database()
        .migrations_dir("db/nowhere")
        .since(CALLABLE)
        .expect([
            Exit(0),
            Report("/ok", json!(true)),
            Report("/summary/migrations_checked", json!(0)),
            refused(InvalidConfig),
        ]),
        case(
            "preflight/no-dsn",
            "No variable names a database; preflight needs none.",
            Call::Preflight,
        )
        .project(single(ONE, "DROP TABLE one;"))
        .without_database()
        .connection(crate::connection::Connection::Absent)
        .since(CALLABLE)
        .expect([
            Exit(0),
            refused(fraisier_adapter_api::AdapterErrorKind::MissingSecret),
        ]),
    ]
}
