//! Makes a call, for the engine and for people alike.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind as Kind};
use fraisier_adapter_confiture::{ConfitureMigration, DatabaseState, Failure};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::task::JoinSet;

use crate::limit::Limit;
use crate::request::Call;
use crate::stop::Why;

/// The result of a call as JSON, or why there is none.
pub type Answer = Result<Box<RawValue>, CallError>;

/// Why a call has no result.
#[derive(Debug, Clone)]
pub struct CallError {
    /// The error that the engine gets.
    pub error: AdapterError,
    /// What is known of the database; `None` for an error that is about no call.
    pub state: Option<DatabaseState>,
}

impl From<AdapterError> for CallError {
    fn from(error: AdapterError) -> Self {
        Self { error, state: None }
    }
}

/// Makes the call and waits for its end, for `stop`, or for the limit. When this returns, nothing of the
/// call runs any more. Returns why the call was stopped, if it was.
pub async fn make(
    adapter: ConfitureMigration,
    call: Call,
    stop: impl Future<Output = Why>,
) -> (Answer, Option<Why>) {
    let limit = Limit(adapter.timeout());
    let mut calls = JoinSet::new();
    // In a task of its own, a panic is an answer too.
    calls.spawn({
        let (adapter, call) = (adapter.clone(), call.clone());
        async move { dispatch(&adapter, call).await }
    });
    let ended = tokio::select! {
        Some(ended) = calls.join_next() => {
            let answer = match ended {
                Ok(answer) => answer.map_err(|failure| limit.explain(failure)),
                Err(_) => Err(panicked(&call)),
            };
            (answer, None)
        }
        () = awake_for(limit.for_a_call()) => {
            let more = format!(". {limit}. `fraisier-adapter-confiture-ipc doctor` shows what blocks it");
            (Err(without_result(&call, Kind::Execution, "did not end in time", more)), None)
        }
        why = stop => {
            let stopped = format!("was stopped: {}", why.as_str());
            (Err(without_result(&call, Kind::Execution, &stopped, "")), Some(why))
        }
    };
    // A call that still runs is cancelled, and ends at once.
    calls.shutdown().await;
    // The reader of the response may rely on it that confiture has ended, also after a panic.
    adapter.settled().await;
    ended
}

/// Waits in short steps: the time for which this process was suspended counts as one of them, so that a call
/// that ended meanwhile has a result and is not late.
async fn awake_for(time: Option<Duration>) {
    const STEP: Duration = Duration::from_millis(250);
    let mut left = time.unwrap_or(Duration::MAX);
    while !left.is_zero() {
        let step = left.min(STEP);
        tokio::time::sleep(step).await;
        left -= step;
    }
}

fn panicked(call: &Call) -> CallError {
    let why = "failed because of a bug in the adapter";
    let next = ". Report the bug, with the output on standard error";
    without_result(call, Kind::InternalError, why, next)
}

/// The error of a call that ended without a result: why, what is known of the database, and more.
fn without_result(call: &Call, kind: Kind, why: &str, more: impl Display) -> CallError {
    let method = call.method();
    let (state, next) = match call {
        Call::Up(..) | Call::DownTo(..) => (
            DatabaseState::InProgress,
            ". Next: run `fraisier-adapter-confiture-ipc current`",
        ),
        _ => (DatabaseState::Unchanged, ""),
    };
    let message = format!("`{method}` {why}; {state}{next}{more}");
    CallError {
        error: AdapterError::new(kind, message).with_operation(method),
        state: Some(state),
    }
}

async fn dispatch(adapter: &ConfitureMigration, call: Call) -> Result<Box<RawValue>, Failure> {
    Ok(match call {
        Call::Describe => raw(&adapter.describe().await?),
        Call::CurrentRevision(ctx) => raw(&adapter.current_revision(&ctx).await?),
        Call::Applied(ctx) => raw(&adapter.applied_revisions(&ctx).await?),
        Call::Up(ctx, target) => raw(&adapter.up(&ctx, target).await?),
        Call::DownTo(ctx, target) => raw(&adapter.down_to(&ctx, target).await?),
        Call::Verify(ctx) => raw(&adapter.verify(&ctx).await?),
        Call::Preflight(ctx) => raw(&adapter.preflight(&ctx).await?),
        // confiture has nothing to do then.
        Call::PostMigrate(_) => raw(&()),
    })
}

fn raw(result: &impl Serialize) -> Box<RawValue> {
    to_raw_value(result).expect("the types of the API are JSON")
}
