//! The ledger in the order of application, and what a rollback rolls back.
//!
//! confiture sorts the ledger by `applied_at`. Times tie and run backwards, so that order proves
//! nothing. The identity column `pk_confiture` counts the rows as they were inserted. `read.py` reads
//! them: every step is bounded, and each statement runs in a read-only transaction of its own.
//!
//! If the Python of confiture is not known, `migrate status` lists the ledger: what has a file in the
//! directory, by version. Its times prove something only where they agree with that order.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

use fraisier_adapter_api::{AdapterErrorKind as Kind, Revision};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::{Advice, DatabaseState, Fault, Result};
use crate::operation::Call;
use crate::operation::outcome::Outcome;
use crate::process::{self, Arg, Invocation};
use crate::python;
use crate::report;
use crate::request::Request;

const SCRIPT: &str = include_str!("read.py");

/// Reads the table that confiture's own statements find: the first of this name on the search path.
/// A row that a squash archived is no longer live to confiture. The advisory lock of every release is in
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

/// How long a statement waits for a lock: as long as confiture itself waits for the migration lock. It may run
/// twice as long, the wait included.
pub(crate) const PATIENT: Duration = Duration::from_secs(30);

/// The same for a call that can do without the ledger.
pub(crate) const BRIEF: Duration = Duration::from_secs(5);

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
    /// Whether that is a point in time: false where it is infinite, `None` where it is null.
    pub(crate) is_finite: Option<bool>,
    /// The place of `applied_at` among those of all rows, in confiture's order.
    pub(crate) rank: usize,
    /// The SHA-256 of the file when it was applied.
    pub(crate) checksum: Option<String>,
}

/// What a `preflight` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Overview {
    pub(crate) ledger: Ledger,
    /// The schemas with a ledger that the `search_path` does not show.
    pub(crate) others: Vec<String>,
    /// The SHA-256 of each migration of the directory, by the name of its file.
    pub(crate) digests: BTreeMap<String, String>,
}

/// Why the ledger was not read. The texts may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Another session did not release a lock on it in time.
    Locked(String),
    /// There was no connection, the server refused, or the table has other columns than a ledger.
    Other(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Locked(why) | Self::Other(why)) = self;
        f.write_str(why.trim())
    }
}

/// The report of the script, with one answer for each statement, and with the names and digests of the files
/// for a `preflight`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Report<A> {
    Answers(A),
    #[serde(alias = "not_connected")]
    Unavailable(String),
}

/// What a statement returned.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer<T> {
    Rows(Vec<T>),
    Error {
        sqlstate: Option<String>,
        message: String,
    },
}

impl<T> Answer<T> {
    fn rows(self) -> Result<Vec<T>, Unread> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Error { sqlstate, message } => Err(match sqlstate.as_deref() {
                Some("55P03") => Unread::Locked(message),
                _ => Unread::Other(message),
            }),
        }
    }
}

fn no_ledger() -> Unread {
    Unread::Other("the table `tb_confiture` is not a ledger of confiture".into())
}

/// The answers in the report of the script.
pub(crate) fn answers<A: DeserializeOwned>(report: &[u8]) -> Result<A, Unread> {
    let report: Value = serde_json::from_slice(report)
        .map_err(|_| Unread::Other("the report of Python cannot be read".into()))?;
    match serde_json::from_value(report) {
        Ok(Report::Answers(answers)) => Ok(answers),
        Ok(Report::Unavailable(why)) => Err(Unread::Other(why)),
        Err(_) => Err(no_ledger()),
    }
}

/// The answers to the [`STATEMENTS`].
type Answers = (Answer<(Option<String>, bool)>, Answer<Row>);

impl Ledger {
    /// The ledger in these answers; an empty one where there is no such table.
    pub(crate) fn of((table, rows): Answers) -> Result<Self, Unread> {
        let table = table.rows()?;
        let Some((Some(_), is_locked)) = table.first() else {
            return Ok(Self::default());
        };
        let rows = rows.rows()?;
        // A ledger has a unique constraint on the version.
        let versions: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
        if versions.len() < rows.len() {
            return Err(no_ledger());
        }
        Ok(Self {
            is_locked: *is_locked,
            rows,
            ordered_by: OrderedBy::Row,
        })
    }

    /// The migration that was applied last.
    pub(crate) fn last(&self) -> Option<Revision> {
        Some(Revision::new(&self.rows.last()?.version))
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

/// A rollback to a migration of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The migration that is to be the last.
    pub target: Revision,
    /// What is rolled back, last applied first.
    pub versions: Vec<String>,
    /// What stays, the target included.
    pub kept: Vec<String>,
    /// What proves the order.
    pub(crate) ordered_by: OrderedBy,
}

/// The rollback of everything that was applied after the target.
///
/// # Errors
///
/// `PreconditionFailed` when the target is not in the ledger, or when confiture, which goes by
/// `applied_at`, would roll back something else.
pub(crate) fn after(ledger: &Ledger, target: &Revision) -> Result<Rollback> {
    let rows = ledger.rows.as_slice();
    let Some(at) = rows.iter().position(|row| row.version == target.0) else {
        let last = match ledger.last() {
            Some(last) => format!("; the last applied migration is {last}"),
            None => ": no migration is".to_owned(),
        };
        let what =
            format!("{target} is not applied, so it cannot be the target of a rollback{last}");
        return Err(Fault::refused(what, Advice::query_current()));
    };
    // Rows before the target may tie with each other, and with the target: if confiture takes one of them
    // for a later one, it finds no files of it, and refuses.
    let is_later = |row: &&Row| row.rank > rows[at].rank;
    let is_timed = |row: &Row| row.is_finite == Some(true);
    let contradiction = rows[at..]
        .windows(2)
        .map(|pair| (&pair[0], &pair[1]))
        .find(|(earlier, later)| {
            !is_timed(earlier) || !is_timed(later) || earlier.rank >= later.rank
        })
        .or_else(|| Some((rows[..at].iter().find(is_later)?, &rows[at])));
    if let Some((earlier, later)) = contradiction {
        return Err(contradicted(ledger.ordered_by, earlier, later));
    }
    let version = |row: &Row| row.version.clone();
    Ok(Rollback {
        target: target.clone(),
        versions: rows[at + 1..].iter().rev().map(version).collect(),
        kept: rows[..=at].iter().map(version).collect(),
        ordered_by: ledger.ordered_by,
    })
}

/// The failure because the times of two rows contradict their order in the ledger.
fn contradicted(ordered_by: OrderedBy, earlier: &Row, later: &Row) -> Fault {
    let shown = |row: &Row| {
        let time = row.applied_at.as_deref().unwrap_or("no time");
        format!("{} ({time})", row.version)
    };
    let (order, next) = match ordered_by {
        OrderedBy::Row => ("", Advice::order_times()),
        OrderedBy::Version => (" by version", Advice::order_times_by_hand()),
    };
    let (earlier, later) = (shown(earlier), shown(later));
    let what = format!(
        "the ledger does not prove the order of application: {later} follows {earlier}{order}"
    );
    Fault::refused(what, next)
}

/// The rollback of exactly what one `up` applied.
///
/// # Errors
///
/// Why that cannot be rolled back by itself, as a clause.
pub(crate) fn of_applied(ledger: &Ledger, applied: &[String]) -> Result<Rollback, String> {
    let is_applied = |row: &Row| applied.contains(&row.version);
    let begin = ledger.rows.iter().position(is_applied);
    let (before, since) = ledger.rows.split_at(begin.unwrap_or(ledger.rows.len()));
    let others = since.iter().filter(|row| !is_applied(row));
    let others: Vec<&str> = others.map(|row| row.version.as_str()).collect();
    if !others.is_empty() {
        let others = others.join(", ");
        return Err(format!(
            "another deploy has applied {others} in the meantime"
        ));
    }
    if since.len() < applied.len() {
        return Err("the ledger no longer contains what was applied".into());
    }
    let Some(target) = before.last() else {
        return Err("there is no revision to go back to: nothing had been applied before".into());
    };
    after(ledger, &Revision::new(&target.version)).map_err(|fault| fault.summary())
}

/// The ledger in the order of its rows, or else as `migrate status` lists it.
///
/// `migrate status` creates the ledger where there is none. So it runs only where `migrate current`
/// found one.
pub(crate) async fn read(call: &Call<'_>) -> Result<Ledger> {
    match rows(call, PATIENT).await {
        Ok(ledger) => return Ok(ledger),
        Err(why @ Unread::Locked(_)) => {
            let what = format!("another session locks the ledger, so it cannot be read: {why}");
            let (state, next) = (DatabaseState::Unchanged, Advice::wait_for_lock());
            return Err(Fault::new(Kind::LockContention, what, state, next));
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

/// The rows of the ledger, where no statement waits longer than `patience` for a lock; none where there is
/// no such table.
pub(crate) async fn rows(call: &Call<'_>, patience: Duration) -> Result<Ledger, Unread> {
    let report = query(call, patience, &STATEMENTS, None).await?;
    Ledger::of(answers(&report)?)
}

/// The rows of the ledger, the other ledgers, and the digests of the migrations of a directory.
pub(crate) async fn overview(call: &Call<'_>, directory: &OsStr) -> Result<Overview, Unread> {
    let [table, rows] = STATEMENTS;
    let statements = [table, rows, OTHERS];
    let report = query(call, BRIEF, &statements, Some(directory)).await?;
    Overview::of(&report)
}

impl Overview {
    fn of(report: &[u8]) -> Result<Self, Unread> {
        let (table, rows, others, digests) = answers(report)?;
        let others: Vec<(String,)> = Answer::rows(others)?;
        Ok(Self {
            ledger: Ledger::of((table, rows))?,
            others: others.into_iter().map(|(schema,)| schema).collect(),
            digests: Answer::rows(digests)?.into_iter().collect(),
        })
    }
}

async fn query(
    call: &Call<'_>,
    patience: Duration,
    statements: &[&str],
    digests_of: Option<&OsStr>,
) -> Result<process::Report, Unread> {
    let mut request = json!({
        "connect_timeout_s": CONNECT.as_secs(),
        "lock_timeout_ms": patience.as_millis(),
        "statement_timeout_ms": 2 * patience.as_millis(),
        "statements": statements,
    });
    if let Some(directory) = digests_of {
        request["digests_of"] = directory.to_string_lossy().into();
    }
    let request = [Arg::from(&request.to_string())];
    let confiture = call.request.migrate("current", Vec::new());
    let confiture = call.request.without_check(confiture);
    let timeout = 4 * patience + START;
    let report = python::run(call, confiture, SCRIPT, request, timeout).await;
    report.map_err(|why| Unread::Other(why.to_string()))
}

/// The ledger as `migrate status` lists it, which creates it where there is none.
pub(crate) async fn list(call: &Call<'_>) -> Result<Ledger> {
    listed(&call.look(status(call.request)).await?)
}

/// `migrate status`, with every time in UTC so that they can be compared as text.
pub(crate) fn status(request: &Request) -> Invocation {
    let mut invocation = request.migrate("status", request.migrations_dir().to_vec());
    invocation.env.set("PGTZ", "UTC");
    invocation
}

/// The ledger in what `migrate status` reported.
pub(crate) fn listed(outcome: &Outcome<report::MigrationList>) -> Result<Ledger> {
    let report = outcome.report()?;
    let known = |listed: &report::Listed| ["applied", "pending"].contains(&listed.status.as_str());
    // 1 says that migrations are pending, 2 that there was no ledger.
    let is_list = [0, 1, 2].iter().any(|status| outcome.exited_with(*status));
    if !is_list || !report.migrations.iter().all(known) {
        return Err(outcome.contradiction("its list of migrations cannot be relied on"));
    }
    let applied = report.migrations.iter();
    let applied = applied.filter(|listed| listed.status == "applied");
    let time = |listed: &report::Listed| comparable(listed.applied_at.as_deref()?);
    let times: BTreeSet<String> = applied.clone().filter_map(time).collect();
    let row = |listed: &report::Listed| {
        let time = time(listed);
        let is_before = |it: &&String| time.as_ref().is_none_or(|time| *it < time);
        Row {
            _number: 0,
            version: listed.version.clone(),
            name: None,
            applied_at: listed.applied_at.clone(),
            rank: times.iter().filter(is_before).count(),
            is_finite: time.map(|_| true),
            checksum: None,
        }
    };
    Ok(Ledger {
        rows: applied.map(row).collect(),
        ordered_by: OrderedBy::Version,
        is_locked: false,
    })
}

/// The time in a form that can be sorted as text: `2026-11-28T20:16:53.000000`. `None` for a time that is not
/// in UTC.
fn comparable(time: &str) -> Option<String> {
    let time = time.strip_suffix("+00:00")?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = seconds.len() == 19
        && fraction.len() <= 6
        && digits(fraction)
        && seconds.split(['-', 'T', ':']).all(digits);
    is_plain.then(|| format!("{seconds}.{fraction:0<6}"))
}

#[cfg(test)]
pub(crate) mod tests;
