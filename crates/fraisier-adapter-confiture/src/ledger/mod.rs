//! The ledger in the order of application, and what is planned with it.
//!
//! confiture sorts the ledger by `applied_at`. Times tie and run backwards, so that order proves
//! nothing. The identity column `pk_confiture` counts the rows as they were inserted.

mod plan;
mod rows;
mod status;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

pub use self::plan::Rollback;
pub(crate) use self::plan::{after, of_applied};
pub(crate) use self::rows::{read, read_again, rows};
use crate::database::{Answer, Limits, SqlError, Unavailable};

/// Reads the table that confiture's own statements find: the first of this name on the search path.
/// A row that a squash archived is no longer live to confiture. Every release takes its advisory lock in
/// this class.
pub const STATEMENTS: [&str; 2] = [
    "SELECT to_regclass('tb_confiture')::text, EXISTS (SELECT FROM pg_locks JOIN pg_database ON \
     pg_database.oid = database WHERE datname = current_database() AND locktype = 'advisory' \
     AND classid = 1751936052 AND granted)",
    "SELECT pk_confiture, version::text, name::text, applied_at::text, isfinite(applied_at), \
     dense_rank() OVER (ORDER BY applied_at), checksum::text \
     FROM tb_confiture AS ledger \
     WHERE to_jsonb(ledger) ->> 'archived_into' IS NULL ORDER BY pk_confiture",
];

/// confiture itself waits 30 s for the migration lock.
pub(crate) const LIMITS: Limits = Limits {
    lock: Duration::from_secs(30),
    statement: Duration::from_secs(60),
};

/// What proves the order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OrderedBy {
    /// `pk_confiture`.
    #[default]
    Row,
    /// The version, in what `migrate status` lists: the rows cannot be read.
    Version,
}

/// The live rows of the ledger, first applied first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    pub(crate) rows: Vec<Row>,
    pub(crate) ordered_by: OrderedBy,
    /// Whether another deploy holds the migration lock, as far as that is known.
    pub(crate) is_locked: bool,
}

/// One applied migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: String,
    /// The name of the migration; `None` where the rows cannot be read.
    pub(crate) name: Option<String>,
    /// `applied_at` as the server prints it.
    pub(crate) applied_at: Option<String>,
    /// The place of `applied_at` among those of all rows, in confiture's order.
    pub(crate) rank: i64,
    /// Whether `applied_at` is a point in time: neither null nor infinite.
    pub(crate) is_timed: bool,
    /// What confiture remembers of the file.
    pub(crate) checksum: Option<String>,
}

/// Why the ledger was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// No statement was run.
    Unavailable(Unavailable),
    /// The server refused one.
    Refused(SqlError),
    /// The table has other columns than a ledger.
    NoLedger,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => why.fmt(f),
            Self::Refused(error) => f.write_str(error.message.trim()),
            Self::NoLedger => f.write_str("the table `tb_confiture` is not a ledger of confiture"),
        }
    }
}

impl Ledger {
    /// The ledger in the answers to [`STATEMENTS`]; `None` where there is no such table.
    pub(crate) fn read(answers: &[Answer]) -> Result<Option<Self>, Unread> {
        let [table, rows] = answers else {
            return Err(Unread::NoLedger);
        };
        let first = |column| match table {
            Answer::Rows(rows) => rows.first()?.get(column),
            Answer::Error(_) => None,
        };
        match (table, rows) {
            (Answer::Rows(_), _) if first(0).is_none_or(Value::is_null) => Ok(None),
            (Answer::Rows(_), Answer::Rows(rows)) => {
                let rows: Option<Vec<Row>> = rows.iter().map(|row| Row::read(row)).collect();
                let rows = rows
                    .filter(|rows| are_distinct(rows))
                    .ok_or(Unread::NoLedger)?;
                Ok(Some(Self {
                    rows,
                    ordered_by: OrderedBy::Row,
                    is_locked: first(1) == Some(&Value::Bool(true)),
                }))
            }
            (Answer::Error(error), _) | (_, Answer::Error(error)) => {
                Err(Unread::Refused(error.clone()))
            }
        }
    }

    /// The migration that was applied last.
    pub(crate) fn last(&self) -> Option<&Row> {
        self.rows.last()
    }

    /// Whether the migration that was applied last has the newest time, too.
    pub(crate) fn last_is_newest(&self) -> bool {
        let Some((last, before)) = self.rows.split_last() else {
            return true;
        };
        before.iter().all(|row| row.rank < last.rank)
    }

    pub(crate) fn row(&self, version: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.version == version)
    }
}

impl Row {
    fn read(columns: &[Value]) -> Option<Self> {
        let [pk, version, name, applied_at, is_finite, rank, checksum] = columns else {
            return None;
        };
        pk.as_i64()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            version: text(version)?,
            name: text(name),
            applied_at: text(applied_at),
            rank: rank.as_i64()?,
            is_timed: is_finite.as_bool().unwrap_or(false),
            checksum: text(checksum),
        })
    }
}

/// Whether each version is there once: a ledger has a constraint on it.
fn are_distinct(rows: &[Row]) -> bool {
    let versions: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    versions.len() == rows.len()
}

#[cfg(test)]
pub(crate) mod tests;
