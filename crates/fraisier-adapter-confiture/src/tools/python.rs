//! Runs a script with the Python of the confiture installation.

use std::ffi::OsString;
use std::time::Duration;

use fraisier_adapter_api::AdapterCtx;

use crate::adapter::ConfitureMigration;
use crate::boundary::Summary;
use crate::database::{self, Unavailable};
use crate::failure::Failure;
use crate::operation::{Call, Operation};
use crate::redact::{Redact, Redactor};

/// What became of a script. Its texts may contain secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// It wrote this report.
    Report(Vec<u8>),
    /// The configured program is not a script of a Python installation; a sentence that says so.
    NoInterpreter(String),
    /// It did not run to its end, and this is why.
    NotRun(String),
}

impl Redact for Script {
    fn redact(&mut self, _: &Redactor) {}
}

impl Summary for Script {}

/// Runs a script in the environment that a migration gets, the connection string included. Its first
/// argument is the path of the report that it has to write.
///
/// # Errors
///
/// `InvalidConfig` and the like: no call can be made with this context.
pub async fn python(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    script: &'static str,
    args: Vec<OsString>,
    limit: Duration,
) -> Result<Script, Failure> {
    let run = async move |call: &Call<'_>| {
        Ok(match database::script(call, script, args, limit).await {
            Ok(report) => Script::Report(report),
            Err(why @ Unavailable::NoInterpreter) => Script::NoInterpreter(why.to_string()),
            Err(why) => Script::NotRun(why.to_string()),
        })
    };
    adapter
        .call(Operation::CurrentRevision, Some(ctx), None, run)
        .await
}
