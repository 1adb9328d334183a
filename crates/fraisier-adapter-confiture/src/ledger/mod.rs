//! The ledger in the order of application.
//!
//! confiture sorts the ledger by `applied_at`. Times tie and run backwards, so that order proves
//! nothing. The identity column `pk_confiture` counts the rows as they were inserted. `read.py` reads
//! them: every step is bounded, and each statement runs in a read-only transaction of its own.

mod plan;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

use fraisier_adapter_api::AdapterErrorKind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use self::plan::Rollback;
pub(crate) use self::plan::{after, of_applied};
pub(crate) use self::status::{list, list_beside};
use crate::failure::{Advice, DatabaseState, Fault};
use crate::operation::Call;
use crate::process::Arg;
use crate::python::{self, NotRun};

const SCRIPT: &str = include_str!("read.py");

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

/// The schemas with a ledger that confiture's own statements do not find, for a `preflight`.
const OTHERS: &str = "SELECT nspname::text FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace \
     ON pg_namespace.oid = relnamespace WHERE relname = 'tb_confiture' AND relkind IN ('r', 'p') \
     AND class.oid IS DISTINCT FROM to_regclass('tb_confiture') ORDER BY 1";

/// How long connecting to one host of the connection string may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the script may take beyond the limit of its statements: starting Python, connecting.
const START: Duration = Duration::from_secs(30);

/// How long reading may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a statement waits for a lock.
    pub(crate) lock: Duration,
    /// How long a statement runs, the wait included.
    pub(crate) statement: Duration,
}

/// confiture itself waits 30 s for the migration lock.
const LIMITS: Limits = Limits {
    lock: Duration::from_secs(30),
    statement: Duration::from_secs(60),
};

/// Where a call can do without the ledger, and an engine waits for the call.
pub(crate) const BRIEF: Limits = Limits {
    lock: Duration::from_secs(5),
    statement: Duration::from_secs(10),
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

/// One applied migration, with the columns of the second of the [`STATEMENTS`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Row {
    /// `pk_confiture`.
    pub(crate) _number: i64,
    pub(crate) version: String,
    /// The name of the migration; `None` where the rows cannot be read.
    pub(crate) name: Option<String>,
    /// `applied_at` as the server prints it.
    pub(crate) applied_at: Option<String>,
    /// Whether that is not infinite; `None` where it is null.
    pub(crate) is_finite: Option<bool>,
    /// The place of `applied_at` among those of all rows, in confiture's order.
    pub(crate) rank: i64,
    /// What confiture remembers of the file.
    pub(crate) checksum: Option<String>,
}

/// What a `preflight` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Overview {
    /// Empty where there is no such table.
    pub(crate) ledger: Ledger,
    /// The schemas with a ledger that the `search_path` does not show.
    pub(crate) others: Vec<String>,
    /// The SHA-256 of each migration of the directory, by the name of its file.
    pub(crate) digests: BTreeMap<String, String>,
}

/// Why the ledger was not read. The texts may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There was no connection.
    NotRun(NotRun),
    /// Another session did not release a lock on it in time.
    Locked(String),
    /// The server refused, or the table has other columns than a ledger.
    Refused(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(why) => why.fmt(f),
            Self::Locked(why) | Self::Refused(why) => f.write_str(why.trim()),
        }
    }
}

/// The report of the script.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Report {
    /// One for each statement, and the names and digests of the files for a `preflight`.
    Answers(Vec<Answer>),
    Unavailable(String),
    NotConnected(String),
}

/// What a statement returned.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Rows(Value),
    Error {
        sqlstate: Option<String>,
        message: String,
    },
}

impl Answer {
    /// The rows, each with these columns.
    fn rows<T: DeserializeOwned>(self) -> Result<Vec<T>, Unread> {
        match self {
            Self::Rows(rows) => serde_json::from_value(rows).map_err(|_| no_ledger()),
            Self::Error { sqlstate, message } => Err(match sqlstate.as_deref() {
                Some("55P03") => Unread::Locked(message),
                _ => Unread::Refused(message),
            }),
        }
    }
}

fn no_ledger() -> Unread {
    Unread::Refused("the table `tb_confiture` is not a ledger of confiture".into())
}

impl Report {
    /// The ledger; `None` where there is no such table.
    pub(crate) fn read(self) -> Result<Option<Ledger>, Unread> {
        ledger(&mut self.answers()?)
    }

    /// What a `preflight` asked for.
    pub(crate) fn overview(self) -> Result<Overview, Unread> {
        let mut answers = self.answers()?;
        let ledger = ledger(&mut answers)?.unwrap_or_default();
        let (Some(others), Some(digests)) = (answers.next(), answers.next()) else {
            return Err(no_ledger());
        };
        let others = others.rows::<(String,)>()?;
        Ok(Overview {
            ledger,
            others: others.into_iter().map(|(schema,)| schema).collect(),
            digests: digests.rows()?.into_iter().collect(),
        })
    }

    fn answers(self) -> Result<impl Iterator<Item = Answer>, Unread> {
        match self {
            Self::Answers(answers) => Ok(answers.into_iter()),
            Self::Unavailable(why) | Self::NotConnected(why) => {
                Err(Unread::NotRun(NotRun::Failed(why)))
            }
        }
    }
}

/// The ledger in the answers to the [`STATEMENTS`].
fn ledger(answers: &mut impl Iterator<Item = Answer>) -> Result<Option<Ledger>, Unread> {
    let (Some(table), Some(rows)) = (answers.next(), answers.next()) else {
        return Err(no_ledger());
    };
    let table: Vec<(Option<String>, bool)> = table.rows()?;
    let Some((Some(_), is_locked)) = table.first() else {
        return Ok(None);
    };
    let rows: Vec<Row> = rows.rows()?;
    // A ledger has a constraint on it.
    let versions: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    if versions.len() < rows.len() {
        return Err(no_ledger());
    }
    Ok(Some(Ledger {
        is_locked: *is_locked,
        rows,
        ordered_by: OrderedBy::Row,
    }))
}

impl Row {
    /// Whether `applied_at` is a point in time: neither null nor infinite.
    pub(crate) fn is_timed(&self) -> bool {
        self.is_finite == Some(true)
    }
}

impl Ledger {
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

/// The ledger in the order of its rows, or else as `migrate status` lists it.
///
/// `migrate status` creates the ledger where there is none. So it runs only where `migrate current`
/// found one.
pub(crate) async fn read(call: &Call<'_>) -> Result<Ledger, Fault> {
    match rows(call).await {
        Ok(ledger) => return Ok(ledger.unwrap_or_default()),
        Err(Unread::Locked(why)) => {
            let what = format!(
                "another session locks the ledger, so it cannot be read: {}",
                why.trim()
            );
            let (kind, state) = (AdapterErrorKind::LockContention, DatabaseState::Unchanged);
            return Err(Fault::new(kind, what, state, Advice::wait_for_lock()));
        }
        Err(why) => log_unread(call, &why),
    }
    if call.current().await?.is_none() {
        return Ok(Ledger::default());
    }
    list(call).await
}

/// Logs why the rows are not known, for a call that continues without them.
pub(crate) fn log_unread(call: &Call<'_>, why: &Unread) {
    let why = call.request.masked(why);
    tracing::debug!(why, "the rows of the ledger are not known");
}

/// The rows of the ledger; `None` where there is no such table.
pub(crate) async fn rows(call: &Call<'_>) -> Result<Option<Ledger>, Unread> {
    rows_within(call, LIMITS).await
}

/// The rows of the ledger, read within these limits.
pub(crate) async fn rows_within(call: &Call<'_>, limits: Limits) -> Result<Option<Ledger>, Unread> {
    query(call, limits, &STATEMENTS, None).await?.read()
}

/// The rows of the ledger, the other ledgers, and the digests of the migrations of a directory.
pub(crate) async fn overview(
    call: &Call<'_>,
    limits: Limits,
    directory: &OsStr,
) -> Result<Overview, Unread> {
    let [table, rows] = STATEMENTS;
    let statements = [table, rows, OTHERS];
    let report = query(call, limits, &statements, Some(directory)).await?;
    report.overview()
}

async fn query(
    call: &Call<'_>,
    limits: Limits,
    statements: &[&str],
    digests_of: Option<&OsStr>,
) -> Result<Report, Unread> {
    let mut asked = json!({
        "connect_timeout_s": CONNECT.as_secs(),
        "lock_timeout_ms": limits.lock.as_millis(),
        "statement_timeout_ms": limits.statement.as_millis(),
        "statements": statements,
    });
    if let Some(directory) = digests_of {
        asked["digests_of"] = directory.to_string_lossy().into();
    }
    let asked = [Arg::from(&asked.to_string())];
    let confiture = call.request.migrate("current", Vec::new());
    let confiture = call.request.without_check(confiture);
    let timeout = 2 * limits.statement + START;
    let report = python::run(call, confiture, SCRIPT, asked, timeout).await;
    serde_json::from_slice(&report.map_err(Unread::NotRun)?)
        .map_err(|_| Unread::Refused("the report of Python cannot be read".into()))
}

#[cfg(test)]
pub(crate) mod tests;
