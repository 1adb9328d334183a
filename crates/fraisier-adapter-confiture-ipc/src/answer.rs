//! A call, made and answered: what the engine and people get the same way.

use std::fmt::Display;
use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind, MigrationAdapter};
use fraisier_adapter_confiture::observe::Interruption;
use fraisier_adapter_confiture::{Cause, ConfitureMigration, DatabaseState, Failure};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::limit::Limit;
use crate::request::Call;
use crate::stop::Why;

/// Why a call has no result.
#[derive(Debug, Clone)]
pub struct CallError {
    /// The error that the engine gets.
    pub error: AdapterError,
    /// What is known of the database; `None` for an error that is about no call.
    pub state: Option<DatabaseState>,
    /// Whether the limit of a command ended it.
    pub timed_out: bool,
}

impl CallError {
    /// The error of a call that ended without a result: why, what is known of the database, and more.
    pub(crate) fn without_result(
        call: &Call,
        kind: AdapterErrorKind,
        why: &str,
        more: impl Display,
    ) -> Self {
        let (method, state) = (call.method(), call.words_when_stopped());
        let message = format!("`{method}` {why}; {state}{more}");
        Self {
            error: AdapterError {
                operation: Some(method.into()),
                ..AdapterError::new(kind, message)
            },
            state: Some(call.state_when_stopped()),
            timed_out: false,
        }
    }
}

impl Deref for CallError {
    type Target = AdapterError;

    fn deref(&self) -> &AdapterError {
        &self.error
    }
}

impl From<AdapterError> for CallError {
    fn from(error: AdapterError) -> Self {
        Self {
            error,
            state: None,
            timed_out: false,
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self {
            state: Some(failure.state().clone()),
            timed_out: matches!(failure.cause(), Cause::Stopped(Interruption::Timeout(_))),
            error: failure.into(),
        }
    }
}

/// How a call ended.
#[derive(Debug)]
pub enum Ending {
    /// With an answer.
    Answered(Result<Box<RawValue>, CallError>),
    /// It was stopped, and this is what is known.
    Stopped(Why, CallError),
}

/// Makes the call and waits for its end, for `stop`, or for the limit. Then the call is dropped, and
/// nothing of it runs any more when this returns.
pub async fn make(
    adapter: ConfitureMigration,
    call: Call,
    limit: Limit,
    stop: impl Future<Output = Why>,
) -> Ending {
    let passed = async {
        match limit.for_a_call() {
            Some(limit) => awake_for(limit).await,
            None => std::future::pending().await,
        }
    };
    let asked = call.clone();
    // A task of its own: what panics in it is an answer too.
    let mut call = {
        let adapter = adapter.clone();
        tokio::spawn(async move { dispatch(&adapter, call).await })
    };
    let ending = tokio::select! {
        answer = &mut call => {
            // After a mistake, something may still be ending.
            adapter.settled().await;
            return Ending::Answered(answer.unwrap_or(Err(lost(&asked))));
        }
        () = passed => Ending::Answered(Err(limit.passed(&asked))),
        why = stop => Ending::Stopped(why, stopped(&asked, why)),
    };
    call.abort();
    // It ends now, as cancelled.
    let _ = call.await;
    // Who reads the response may rely on it that confiture has ended.
    adapter.settled().await;
    ending
}

/// Waits in short steps: the time for which this process was suspended counts as one of them, so that a call
/// that ended meanwhile has a result and is not late.
async fn awake_for(time: Duration) {
    const STEP: Duration = Duration::from_millis(250);
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(STEP);
        tokio::time::sleep(step).await;
        left -= step;
    }
}

fn stopped(call: &Call, why: Why) -> CallError {
    let why = format!("was stopped: {}", why.as_str());
    CallError::without_result(call, AdapterErrorKind::Execution, &why, "")
}

fn lost(call: &Call) -> CallError {
    let (kind, why) = (
        AdapterErrorKind::InternalError,
        "ended in a mistake of the adapter",
    );
    let next = ". Report it, with what stands on standard error";
    CallError::without_result(call, kind, why, next)
}

async fn dispatch(adapter: &ConfitureMigration, call: Call) -> Result<Box<RawValue>, CallError> {
    Ok(match call {
        Call::Describe => raw(&adapter.describe().await?),
        Call::CurrentRevision(ctx) => raw(&adapter.current_revision(&ctx).await?),
        Call::Applied(ctx) => raw(&adapter.applied_revisions(&ctx).await?),
        Call::Up(ctx, target) => raw(&adapter.up(&ctx, target).await?),
        Call::DownTo(ctx, target) => raw(&adapter.down_to(&ctx, target).await?),
        Call::Verify(ctx) => raw(&adapter.verify(&ctx).await?),
        Call::Preflight(ctx) => raw(&adapter.preflight(&ctx).await?),
        Call::PostMigrate(ctx) => {
            adapter.post_migrate(&ctx).await?;
            raw(&())
        }
    }?)
}

fn raw(result: &impl Serialize) -> Result<Box<RawValue>, AdapterError> {
    to_raw_value(result).map_err(|why| {
        let message = format!("the outcome cannot be written as JSON: {why}");
        AdapterError::new(AdapterErrorKind::InternalError, message)
    })
}
