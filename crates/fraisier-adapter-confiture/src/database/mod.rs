//! Reads the database through the Python and the psycopg of the confiture installation.
//!
//! So the connection is the one that a migration gets: the same libpq, service file, password file,
//! certificates. The connection string is passed in the environment, every step is bounded, and
//! nothing is changed: each statement runs in a read-only transaction of its own.

use std::ffi::OsStr;
#[cfg(feature = "tools")]
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::operation::Call;
use crate::process::{Arg, Invocation, Output};
use crate::release::installed;
use crate::report::{Decode, Payload, decode};

const SCRIPT: &str = include_str!("script.py");

/// How long the script may take for one host of the connection string.
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

/// What a statement returned.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Rows(Vec<Vec<Value>>),
    Error(SqlError),
}

/// Why the server refused a statement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct SqlError {
    pub(crate) sqlstate: Option<String>,
    pub(crate) message: String,
}

impl SqlError {
    /// Whether another session did not release a lock in time.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.sqlstate.as_deref() == Some("55P03")
    }
}

/// Why no statement was run. The texts may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// The configured program is not a script of a Python installation.
    NoInterpreter,
    /// The script did not run to its end.
    NotRun(String),
    /// There was no connection.
    NotConnected(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterpreter => f.write_str(
                "the configured program is not a script of a Python installation, so no interpreter \
                 with psycopg is known",
            ),
            Self::NotRun(why) | Self::NotConnected(why) => f.write_str(why.trim()),
        }
    }
}

/// The report of the script.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    Answers(Vec<Answer>),
    Unavailable(String),
    NotConnected(String),
}

impl Decode for Written {}

/// Runs these statements, in this order, over one connection. The rows of a last answer are the name
/// and the SHA-256 of each migration of the directory, if one is named.
///
/// # Errors
///
/// When there is no interpreter, no psycopg or no connection. A statement that the server refuses has
/// an [`Answer`] that says so.
pub(crate) async fn query(
    call: &Call<'_>,
    limits: Limits,
    statements: &[&str],
    digests_of: Option<&OsStr>,
) -> Result<Vec<Answer>, Unavailable> {
    let asked = asked(limits, statements, digests_of);
    let confiture = call.request.migrate("current", Vec::new());
    let confiture = call.request.without_check(confiture);
    let invocation = python(confiture, SCRIPT, [Arg::from(&asked)])?;
    let runs = u32::try_from(statements.len()).unwrap_or(u32::MAX);
    let timeout = limits.statement.saturating_mul(runs).saturating_add(START);
    let output = call.run_beside(invocation, Some(timeout)).await;
    let output = output.map_err(|fault| Unavailable::NotRun(fault.summary()))?;
    read(
        output.output,
        statements.len() + usize::from(digests_of.is_some()),
    )
}

/// The command that runs a script with the Python of this command of confiture, in its environment.
fn python(
    confiture: Invocation,
    script: &str,
    args: impl IntoIterator<Item = Arg>,
) -> Result<Invocation, Unavailable> {
    let program = installed::interpreter(&confiture).ok_or(Unavailable::NoInterpreter)?;
    let first = [Arg::from("-c"), Arg::from(script), Arg::ReportPath];
    Ok(Invocation {
        program,
        args: first.into_iter().chain(args).collect(),
        ..confiture
    })
}

/// Runs another script with the same Python, connected as a migration is, and returns its report.
///
/// # Errors
///
/// When there is no interpreter, or the script wrote no report.
#[cfg(feature = "tools")]
pub(crate) async fn script(
    call: &Call<'_>,
    script: &str,
    args: Vec<OsString>,
    timeout: Duration,
) -> Result<Vec<u8>, Unavailable> {
    let confiture = call.request.migrate("up", Vec::new());
    let invocation = python(confiture, script, args.into_iter().map(Arg::Literal))?;
    let output = call.run_beside(invocation, Some(timeout)).await;
    let output = output.map_err(|fault| Unavailable::NotRun(fault.summary()))?;
    let output = output.output;
    match &output.report {
        Some(report) => Ok(report.to_vec()),
        None => Err(not_run(&output, without_report(&output))),
    }
}

/// What the script is asked.
fn asked(limits: Limits, statements: &[&str], digests_of: Option<&OsStr>) -> String {
    let mut asked = json!({
        "connect_timeout_s": CONNECT.as_secs(),
        "lock_timeout_ms": limits.lock.as_millis(),
        "statement_timeout_ms": limits.statement.as_millis(),
        "statements": statements,
    });
    if let Some(directory) = digests_of {
        asked["digests_of"] = directory.to_string_lossy().into();
    }
    asked.to_string()
}

/// What the script reported.
pub(crate) fn read(mut output: Output, expected: usize) -> Result<Vec<Answer>, Unavailable> {
    let report = output.report.take();
    match decode(report) {
        Payload::Report(Written::Answers(answers)) if answers.len() == expected => Ok(answers),
        Payload::Report(Written::Unavailable(why)) => Err(Unavailable::NotRun(why)),
        Payload::Report(Written::NotConnected(why)) => Err(Unavailable::NotConnected(why)),
        Payload::Nothing => Err(not_run(&output, without_report(&output))),
        Payload::Report(Written::Answers(_)) | Payload::Envelope(_) | Payload::Unreadable(_) => {
            Err(not_run(&output, "the report of Python cannot be read"))
        }
    }
}

fn without_report(output: &Output) -> &'static str {
    match output.interrupted {
        Some(_) => "Python did not finish in time",
        None => "Python wrote no report",
    }
}

/// Why a script did not run to its end, with the last line that it printed to standard error.
fn not_run(output: &Output, why: &str) -> Unavailable {
    let stderr = [&output.stderr.head, &output.stderr.tail]
        .map(|part| String::from_utf8_lossy(part))
        .concat();
    let last = stderr.lines().rfind(|line| !line.trim().is_empty());
    Unavailable::NotRun(match last {
        Some(line) => format!("{why}: {}", line.trim()),
        None => why.to_owned(),
    })
}
