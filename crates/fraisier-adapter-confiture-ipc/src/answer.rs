//! A call, made and answered: what the engine and people get the same way.

use std::future::Future;
use std::time::Duration;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind, MigrationAdapter};
use fraisier_adapter_confiture::ConfitureMigration;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::limit::Limit;
use crate::request::Call;
use crate::stop::Why;

/// How a call ended.
#[derive(Debug)]
pub enum Ending {
    /// With an answer.
    Answered(Result<Box<RawValue>, AdapterError>),
    /// It was stopped, and this is what is known.
    Stopped(Why, AdapterError),
}

/// Makes the call and waits for its end, for `stop`, or for the limit. Then the call is dropped, and
/// nothing of it runs any more when this returns.
pub async fn make(
    adapter: ConfitureMigration,
    call: Call,
    limit: Limit,
    stop: impl Future<Output = Why>,
) -> Ending {
    let stopped = {
        let call = call.clone();
        move |why: Why| {
            let (method, state) = (call.method(), call.state_when_stopped());
            let message = format!("`{method}` was stopped: {}; {state}", why.as_str());
            AdapterError::new(AdapterErrorKind::Execution, message)
        }
    };
    let passed = {
        let call = call.clone();
        async move {
            match limit.for_a_call() {
                Some(limit) => awake_for(limit).await,
                None => std::future::pending().await,
            }
            limit.passed(&call)
        }
    };
    let lost = lost(&call);
    // A task of its own: what panics in it is an answer too.
    let mut call = {
        let adapter = adapter.clone();
        tokio::spawn(async move { dispatch(&adapter, call).await })
    };
    let ending = tokio::select! {
        answer = &mut call => {
            // After a mistake, something may still be ending.
            adapter.settled().await;
            return Ending::Answered(answer.unwrap_or(Err(lost)));
        }
        error = passed => Ending::Answered(Err(error)),
        why = stop => Ending::Stopped(why, stopped(why)),
    };
    call.abort();
    // It ends now, as cancelled.
    let _ = call.await;
    // Who reads the response may rely on it that confiture has ended.
    adapter.settled().await;
    ending
}

/// Waits in short steps: the time for which this process was suspended counts as one of them, so that a call
/// that ended meanwhile is answered and not late.
async fn awake_for(time: Duration) {
    const STEP: Duration = Duration::from_millis(250);
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(STEP);
        tokio::time::sleep(step).await;
        left -= step;
    }
}

fn lost(call: &Call) -> AdapterError {
    let (method, state) = (call.method(), call.state_when_stopped());
    let message = format!(
        "`{method}` ended in a mistake of the adapter; {state}. Report it, with \
         what stands on standard error"
    );
    AdapterError::new(AdapterErrorKind::InternalError, message)
}

async fn dispatch(
    adapter: &dyn MigrationAdapter,
    call: Call,
) -> Result<Box<RawValue>, AdapterError> {
    match call {
        Call::Describe => raw(&adapter.describe().await?),
        Call::CurrentRevision(ctx) => raw(&adapter.current_revision(&ctx).await?),
        Call::Up(ctx, target) => raw(&adapter.up(&ctx, target).await?),
        Call::DownTo(ctx, target) => raw(&adapter.down_to(&ctx, target).await?),
        Call::Verify(ctx) => raw(&adapter.verify(&ctx).await?),
        Call::Preflight(ctx) => raw(&adapter.preflight(&ctx).await?),
        Call::PostMigrate(ctx) => {
            adapter.post_migrate(&ctx).await?;
            raw(&())
        }
    }
}

fn raw(result: &impl Serialize) -> Result<Box<RawValue>, AdapterError> {
    to_raw_value(result).map_err(|why| {
        let message = format!("the outcome cannot be written as JSON: {why}");
        AdapterError::new(AdapterErrorKind::InternalError, message)
    })
}
