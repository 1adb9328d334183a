//! Runs a script with the Python and the psycopg of the confiture installation.
//!
//! So its connection is the one that a migration gets: the same libpq, service file, password file,
//! certificates. The connection string is in the environment.

#[cfg(feature = "tools")]
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

#[cfg(feature = "tools")]
use fraisier_adapter_api::AdapterCtx;

#[cfg(feature = "tools")]
use crate::adapter::ConfitureMigration;
use crate::failure::DatabaseState;
#[cfg(feature = "tools")]
use crate::failure::Failure;
use crate::operation::Call;
#[cfg(feature = "tools")]
use crate::operation::Operation;
use crate::process::{Arg, Invocation, Report};
use crate::redact::text_of;
use crate::release::installed;

/// What every script begins with.
const PRELUDE: &str = include_str!("python.py");

/// Why a script has no report. The texts may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRun {
    /// The configured program is not a script of a Python installation.
    NoInterpreter,
    /// Nothing was started, for a reason that is not in the installation.
    NotStarted {
        /// Why.
        why: String,
        /// What helps, or nothing.
        next: String,
    },
    /// The script did not run to its end, and this is why.
    Failed(String),
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterpreter => f.write_str(
                "the configured program is not a script of a Python installation, so no interpreter \
                 with psycopg is known",
            ),
            Self::NotStarted { why, .. } | Self::Failed(why) => f.write_str(why.trim()),
        }
    }
}

/// Runs a script in the environment of this command of confiture, and returns its report. Its first argument
/// is the path of the report. It can use the functions of `python.py`.
pub(crate) async fn run(
    call: &Call<'_>,
    confiture: Invocation,
    script: &str,
    args: impl IntoIterator<Item = Arg>,
    timeout: Duration,
) -> Result<Report, NotRun> {
    let program = installed::interpreter(&confiture).ok_or(NotRun::NoInterpreter)?;
    let script = format!("{PRELUDE}\n{script}");
    let first = [Arg::from("-c"), Arg::from(&script), Arg::ReportPath];
    let invocation = Invocation {
        program,
        args: first.into_iter().chain(args).collect(),
        ..confiture
    };
    let ended = call.run_beside(invocation, Some(timeout)).await;
    let mut ended = ended.map_err(|fault| match fault.state() {
        DatabaseState::NotStarted => NotRun::NotStarted {
            why: fault.summary(),
            next: fault.advice(),
        },
        _ => NotRun::Failed(fault.summary()),
    })?;
    ended.output.report.take().ok_or_else(|| {
        let why = match ended.output.interrupted {
            Some(_) => "Python did not finish in time",
            None => "Python wrote no report",
        };
        let last = || {
            let stderr = text_of(&ended.output.stderr);
            let last = stderr.lines().rfind(|line| !line.trim().is_empty());
            last.map(|line| line.trim().to_owned())
        };
        let said = ended.start_error().or_else(last);
        let said = said.map(|line| format!(": {line}"));
        NotRun::Failed(format!("{why}{}", said.unwrap_or_default()))
    })
}

/// Runs a script in the environment that a migration gets, the connection string included. Its first
/// argument is the path of the report that it has to write. It can use the functions of `python.py`.
///
/// # Errors
///
/// `InvalidConfig` and the like: no call can be made with this context.
#[cfg(feature = "tools")]
pub async fn python(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    script: &'static str,
    args: Vec<OsString>,
    limit: Duration,
) -> Result<Result<Report, NotRun>, Failure> {
    let script = async move |call: &Call<'_>| {
        let confiture = call.request.migrate("up", Vec::new());
        let args = args.into_iter().map(Arg::Literal);
        Ok(run(call, confiture, script, args, limit).await)
    };
    adapter
        .call(Operation::CurrentRevision, Some(ctx), None, script)
        .await
}
