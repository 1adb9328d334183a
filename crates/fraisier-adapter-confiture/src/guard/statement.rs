//! Which statements the old version of a program can live with, whatever they act on.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, CreateTable, DataType,
    Expr, Insert, Query, Set, SetExpr, Statement, UnaryOperator, Value, visit_expressions,
};

/// Settings of the session that only bound how long it waits.
const WAITS: [&str; 3] = [
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

/// Whether a statement is of a kind that is forward-compatible by itself. What is not named here
/// is not.
pub(super) fn is_forward_compatible(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => creates_only(table),
        Statement::AlterTable(alter) => adds_only(alter),
        Statement::CreateIndex(index) => builds_aside(index),
        Statement::Insert(insert) => inserts_only(insert) && calls_only_stable(statement),
        Statement::CreateView(view) => !view.or_replace && calls_only_stable(statement),
        Statement::Set(Set::SingleAssignment { variable, .. }) => {
            WAITS.contains(&variable.to_string().to_ascii_lowercase().as_str())
        }
        Statement::CreateSequence { .. }
        | Statement::CreateSchema { .. }
        | Statement::CreateType { .. }
        | Statement::CreateExtension(_)
        | Statement::Comment { .. }
        | Statement::Grant(_)
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. } => true,
        _ => false,
    }
}

/// A table of its own: no view of a query, no child of another table, no replacement.
fn creates_only(table: &CreateTable) -> bool {
    !table.or_replace
        && table.query.is_none()
        && table.inherits.is_none()
        && table.partition_of.is_none()
}

fn adds_only(alter: &AlterTable) -> bool {
    alter.operations.iter().all(|operation| match operation {
        AlterTableOperation::AddColumn { column_def, .. } => is_harmless(column_def),
        _ => false,
    })
}

/// A column that the old version need not know of: rows without it can still be written, and the
/// table is not rewritten. A type that is not built in may be a domain with rules of its own, and
/// `serial` is such a name.
fn is_harmless(column: &ColumnDef) -> bool {
    !matches!(
        column.data_type,
        DataType::Custom(..) | DataType::Unspecified
    ) && column.options.iter().all(|option| match &option.option {
        ColumnOption::Null | ColumnOption::Comment(_) | ColumnOption::Collation(_) => true,
        ColumnOption::Default(value) => is_constant(value) || is_transaction_time(value),
        _ => false,
    })
}

fn is_constant(value: &Expr) -> bool {
    match value {
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        }
        | Expr::Nested(expr) => is_constant(expr),
        Expr::Cast {
            expr, data_type, ..
        } => !matches!(data_type, DataType::Custom(..)) && is_constant(expr),
        Expr::TypedString(typed) => !matches!(typed.data_type, DataType::Custom(..)),
        _ => false,
    }
}

/// The functions that answer the same throughout a transaction, by their plain names.
fn is_transaction_time(value: &Expr) -> bool {
    let Expr::Function(function) = value else {
        return false;
    };
    let name = function.name.to_string().to_ascii_lowercase();
    ["now", "current_timestamp", "current_date", "localtimestamp"].contains(&name.as_str())
}

/// An index built beside the writers, which forbids nothing.
fn builds_aside(index: &CreateIndex) -> bool {
    index.concurrently && !index.unique
}

/// Rows, and nothing done to those that are there.
fn inserts_only(insert: &Insert) -> bool {
    let plain = |query: &Query| {
        query.with.is_none() && matches!(*query.body, SetExpr::Values(_) | SetExpr::Select(_))
    };
    insert.source.as_deref().is_some_and(plain)
        && insert
            .on
            .as_ref()
            .is_none_or(|on| on.to_string().ends_with("DO NOTHING"))
}

fn calls_only_stable(statement: &Statement) -> bool {
    visit_expressions(statement, |expression| match expression {
        Expr::Function(_) if !is_transaction_time(expression) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_continue()
}
