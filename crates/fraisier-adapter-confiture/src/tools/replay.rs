//! What finished commands mean, without running any.
//!
//! The operations of the adapter run with recordings in the place of confiture, so a recording is
//! interpreted like a live command, with the same follow-ups.
//!
//! ```
//! use fraisier_adapter_confiture::tools::process::{Exit, Output};
//! use fraisier_adapter_confiture::tools::Redactor;
//! use fraisier_adapter_confiture::tools::replay::{Command, current_revision};
//!
//! let revision = current_revision(&Redactor::default(), |command| {
//!     assert_eq!(command, Command::Operation);
//!     let report = br#"{"revision": "002", "name": "add_email"}"#;
//!     Output::new(Exit::Code(0), Some(report.to_vec()))
//! })?;
//! assert_eq!(revision.expect("one is applied").as_str(), "002");
//! # Ok::<(), fraisier_adapter_confiture::Failure>(())
//! ```

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use fraisier_adapter_api::{
    AdapterDescription, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use crate::boundary;
use crate::failure::{Failure, Fault};
pub use crate::guard::{WINDOW_SAFE_UNPROVEN, guard_recognises};
use crate::ledger::{OrderedBy, Rollback};
use crate::observe::announcer::Announcer;
pub use crate::operation::preflight::Preflight;
use crate::operation::{
    Call, Confiture, Operation, current, describe, down_to, preflight, up, verify,
};
use crate::process::{Arg, Environment, Invocation, Links, Output};
use crate::redact::{Redact, Redactor};
use crate::report::{self, Payload, decode};
pub use crate::request::environment::{CHILD_ENVIRONMENT, Fate, plain_output, set_variables};
pub use crate::request::sql_files::VerifyFiles;
use crate::request::{Config, Request};

/// A command of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// That of the operation itself.
    Operation,
    /// `confiture --version`, to know the release.
    Version,
    /// `confiture migrate current`, to know the revision after the operation.
    Current,
}

/// What a `describe` returns.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn describe(
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<AdapterDescription, Failure> {
    replay(Operation::Describe, redactor, output, describe::describe)
}

/// What a `current_revision` returns.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn current_revision(
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<Option<Revision>, Failure> {
    let run = current::current_revision;
    replay(Operation::CurrentRevision, redactor, output, run)
}

/// What an `up` to this target returns, whether or not it is a migration of the directory.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn up(
    target: Option<&Revision>,
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<MigrationOutcome, Failure> {
    replay(Operation::Up, redactor, output, async |call| {
        let invocation = up::command(call.request, None, &[])?;
        up::apply(call, target, &[], invocation).await
    })
}

/// What a `down_to` this target returns that plans what the report says.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn down_to(
    target: &Revision,
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<MigrationOutcome, Failure> {
    replay(Operation::DownTo, redactor, output, async |call| {
        let command = down_to::command(call.request, target, Links::default());
        let outcome = call.run::<report::DownTo>(command).await?;
        let rollback = Rollback {
            target: target.clone(),
            versions: match outcome.payload() {
                Ok(Ok(report)) => report.rolled_back.clone(),
                _ => Vec::new(),
            },
            kept: Vec::new(),
            ordered_by: OrderedBy::Row,
        };
        down_to::interpret(&outcome, &rollback)
    })
}

/// What this rollback returns.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn roll_back(
    rollback: &Rollback,
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<MigrationOutcome, Failure> {
    replay(Operation::DownTo, redactor, output, async |call| {
        let command = down_to::command(call.request, &rollback.target, Links::default());
        down_to::interpret(&call.run(command).await?, rollback)
    })
}

/// What a `verify` returns where the migrations directory contains these files; `None` where it does
/// not exist.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn verify(
    files: Option<&VerifyFiles>,
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<VerifyReport, Failure> {
    replay(Operation::Verify, redactor, output, async |call| {
        verify::check_files(call, files).await
    })
}

/// What a `preflight` returns.
///
/// # Errors
///
/// Those of the method, as far as they follow from outputs.
pub fn preflight(
    about: &Preflight,
    redactor: &Redactor,
    output: impl FnMut(Command) -> Output,
) -> Result<PreflightReport, Failure> {
    replay(Operation::Preflight, redactor, output, async |call| {
        preflight::judge(call, about).await
    })
}

/// Emits the events that the report of an `up` gives.
pub fn emit_migrations(output: &Output, announcer: &Announcer) {
    if let Payload::Report(report) = decode::<report::Up>(output.report.clone()) {
        up::events(&report).for_each(|event| announcer.emit(event));
    }
}

/// The result of an operation, when `output` returns what each command printed and wrote.
fn replay<F: FnMut(Command) -> Output, T: Redact>(
    operation: Operation,
    redactor: &Redactor,
    output: F,
    run: impl AsyncFnOnce(&Call<'_>) -> Result<T, Fault>,
) -> Result<T, Failure> {
    let environment = Environment::default();
    let mut request = Request::new(&environment, &Config::default(), operation, None)?;
    request.redactor = Arc::new(redactor.clone());
    let recorded = Recorded {
        operation,
        output: RefCell::new(output),
    };
    let result = {
        let call = Call::new(&request, &recorded);
        let result = pin!(run(&call));
        // Every output is there, so nothing is waited for.
        match result.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => unreachable!("an operation waits for outputs only"),
        }
    };
    boundary::result(operation, redactor, result)
}

/// Recordings in the place of confiture.
struct Recorded<F> {
    operation: Operation,
    output: RefCell<F>,
}

#[async_trait(?Send)]
impl<F: FnMut(Command) -> Output> Confiture for Recorded<F> {
    async fn run(&self, invocation: Invocation) -> Result<Output, Fault> {
        let has = |argument: &str| invocation.args.contains(&Arg::from(argument));
        let command = if has("--version") {
            Command::Version
        } else if has("current") && self.operation != Operation::CurrentRevision {
            Command::Current
        } else {
            Command::Operation
        };
        Ok((self.output.borrow_mut())(command))
    }
}
