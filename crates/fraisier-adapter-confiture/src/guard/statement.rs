//! Which statements are forward-compatible by themselves: code that runs against the schema before
//! the statement runs against the schema after it just as well.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AlterTableOperation, ColumnDef, ColumnOption, CreateTable, DataType, Expr, Insert, Query, Set,
    SetExpr, Statement, TableObject, Visit, visit_expressions,
};

/// Functions that a row written by a migration or a column's default may call: they change
/// nothing, and give one statement one value.
const STABLE_FUNCTIONS: [&str; 8] = [
    "coalesce",
    "current_date",
    "current_timestamp",
    "lower",
    "now",
    "statement_timestamp",
    "transaction_timestamp",
    "upper",
];

/// Settings of the session that only bound how long it waits.
const HARMLESS_SETTINGS: [&str; 3] = [
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

/// Types that stand for a default which differs from row to row.
const SERIAL_TYPES: [&str; 6] = [
    "bigserial",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallserial",
];

/// Whether the statement is of a kind known to be forward-compatible. Every other one is not.
pub(super) fn is_forward_compatible(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => is_plain_table(table),
        // A unique index refuses rows that the code before it could write.
        Statement::CreateIndex(index) => index.concurrently && !index.unique,
        Statement::CreateView(view) => {
            !view.or_replace && !view.or_alter && calls_only_stable_functions(statement)
        }
        Statement::CreateFunction(function) => !function.or_replace && !function.or_alter,
        Statement::CreateSchema { or_replace, .. } => !or_replace,
        Statement::CreateSequence { .. }
        | Statement::CreateType { .. }
        | Statement::CreateExtension(_)
        | Statement::Comment { .. }
        | Statement::Grant(_)
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. } => true,
        Statement::Insert(insert) => {
            is_plain_insert(insert) && calls_only_stable_functions(statement)
        }
        Statement::AlterTable(table) => table.operations.iter().all(is_plain_column),
        Statement::Set(Set::SingleAssignment { variable, .. }) => {
            HARMLESS_SETTINGS.contains(&variable.to_string().to_lowercase().as_str())
        }
        _ => false,
    }
}

/// A table of its own: one made from a query may do anything, and a partition or a child takes
/// part in what the code before it reads and writes.
fn is_plain_table(table: &CreateTable) -> bool {
    !table.or_replace
        && table.query.is_none()
        && table.partition_of.is_none()
        && table.inherits.is_none()
}

/// Rows of literals or of a plain query. An upsert changes rows that were there.
fn is_plain_insert(insert: &Insert) -> bool {
    let is_plain_query = |query: &Query| {
        query.with.is_none() && matches!(*query.body, SetExpr::Values(_) | SetExpr::Select(_))
    };
    matches!(insert.table, TableObject::TableName(_))
        && !insert.overwrite
        && !insert.replace_into
        && insert.source.as_deref().is_none_or(is_plain_query)
        && insert
            .on
            .as_ref()
            .is_none_or(|on| on.to_string().ends_with("DO NOTHING"))
}

fn is_plain_column(operation: &AlterTableOperation) -> bool {
    match operation {
        AlterTableOperation::AddColumn { column_def, .. } => {
            !is_serial(column_def)
                && column_def
                    .options
                    .iter()
                    .all(|option| match &option.option {
                        ColumnOption::Null | ColumnOption::Collation(_) => true,
                        ColumnOption::Default(value) => calls_only_stable_functions(value),
                        _ => false,
                    })
        }
        _ => false,
    }
}

fn is_serial(column: &ColumnDef) -> bool {
    match &column.data_type {
        DataType::Custom(name, _) => {
            SERIAL_TYPES.contains(&name.to_string().to_lowercase().as_str())
        }
        _ => false,
    }
}

fn calls_only_stable_functions(node: &impl Visit) -> bool {
    visit_expressions(node, |expression| match expression {
        Expr::Function(function)
            if !STABLE_FUNCTIONS.contains(&function.name.to_string().to_lowercase().as_str()) =>
        {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    })
    .is_continue()
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    use super::is_forward_compatible;

    fn judge(sql: &str) -> bool {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql)
            .unwrap_or_else(|cause| panic!("{sql}: {cause}"));
        let [statement] = parsed.as_slice() else {
            panic!("{sql}: not one statement")
        };
        is_forward_compatible(statement)
    }

    #[test]
    fn kinds_that_are_forward_compatible_by_themselves() {
        for sql in [
            "CREATE TABLE t (id int PRIMARY KEY, a int REFERENCES a (id))",
            "CREATE TABLE IF NOT EXISTS t (id bigserial)",
            "CREATE TABLE t (id int) PARTITION BY RANGE (id)",
            "CREATE INDEX CONCURRENTLY i ON a (id)",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a USING gin (doc) WHERE id > 3",
            "CREATE VIEW v AS SELECT id FROM a",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$",
            "CREATE SCHEMA s",
            "CREATE SEQUENCE s",
            "CREATE TYPE mood AS ENUM ('fine')",
            "CREATE EXTENSION IF NOT EXISTS pgcrypto",
            "COMMENT ON COLUMN a.id IS 'x'",
            "GRANT SELECT ON a TO reader",
            "INSERT INTO a (id) VALUES (1), (2)",
            "INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING",
            "INSERT INTO a SELECT id, now() FROM b",
            "ALTER TABLE a ADD COLUMN n int",
            "ALTER TABLE a ADD COLUMN IF NOT EXISTS n text DEFAULT 'x', ADD COLUMN m int NULL",
            "ALTER TABLE a ADD COLUMN n timestamptz DEFAULT now()",
            "BEGIN",
            "COMMIT",
            "SET lock_timeout = '5s'",
            "SET LOCAL statement_timeout = 0",
        ] {
            assert!(judge(sql), "{sql}");
        }
    }

    #[test]
    fn everything_else() {
        for sql in [
            "DROP TABLE a",
            "DROP VIEW v",
            "DROP INDEX i",
            "TRUNCATE a",
            "REVOKE SELECT ON a FROM reader",
            "UPDATE a SET id = 2",
            "DELETE FROM a",
            "SELECT drop_everything()",
            "CALL drop_everything()",
            "CREATE TABLE t AS SELECT 1",
            "CREATE TABLE t PARTITION OF a DEFAULT",
            "CREATE TABLE t (x int) INHERITS (a)",
            "CREATE INDEX i ON a (id)",
            "CREATE UNIQUE INDEX CONCURRENTLY i ON a (id)",
            "CREATE OR REPLACE VIEW v AS SELECT 1",
            "CREATE MATERIALIZED VIEW v AS SELECT drop_everything()",
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE POLICY p ON a",
            "CREATE ROLE r",
            "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2",
            "INSERT INTO a SELECT drop_everything()",
            "INSERT INTO a WITH gone AS (DELETE FROM b RETURNING id) SELECT id FROM gone",
            "INSERT INTO a VALUES (drop_everything())",
            "WITH gone AS (DELETE FROM b RETURNING id) SELECT id FROM gone",
            "ALTER TABLE a ADD COLUMN n int NOT NULL",
            "ALTER TABLE a ADD COLUMN n int NOT NULL DEFAULT 1",
            "ALTER TABLE a ADD COLUMN n float DEFAULT random()",
            "ALTER TABLE a ADD COLUMN n uuid DEFAULT gen_random_uuid()",
            "ALTER TABLE a ADD COLUMN n int UNIQUE",
            "ALTER TABLE a ADD COLUMN n int PRIMARY KEY",
            "ALTER TABLE a ADD COLUMN n int REFERENCES b (id)",
            "ALTER TABLE a ADD COLUMN n int CHECK (n > 0)",
            "ALTER TABLE a ADD COLUMN n bigserial",
            "ALTER TABLE a ADD COLUMN n int GENERATED ALWAYS AS (id * 2) STORED",
            "ALTER TABLE a ADD COLUMN n int GENERATED ALWAYS AS IDENTITY",
            "ALTER TABLE a ADD COLUMN n int, DROP COLUMN m",
            "ALTER TABLE a DROP COLUMN n",
            "ALTER TABLE a RENAME TO b",
            "ALTER TABLE a RENAME COLUMN n TO m",
            "ALTER TABLE a ALTER COLUMN n SET NOT NULL",
            "ALTER TABLE a ALTER COLUMN n TYPE bigint",
            "ALTER TABLE a ADD CONSTRAINT c CHECK (id > 0)",
            "ALTER TYPE mood RENAME TO feeling",
            "ROLLBACK",
            "SET search_path = other",
            "SET ROLE other",
            "LOCK TABLE a",
        ] {
            assert!(!judge(sql), "{sql}");
        }
    }
}
