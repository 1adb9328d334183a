//! What must be true of every replay, whatever the case.

use std::fmt::Debug;

use anyhow::ensure;
use fraisier_adapter_api::AdapterErrorKind;
use serde_json::Value;

use crate::call::Call;
use crate::expectation::{Fact, Verdict, violations};
use crate::replay::{Outcome, PASSWORD, Replay, Replayed, agree};

/// Holds a replay against the catalogue's expectations and the rules that hold for all.
///
/// # Errors
///
/// Which expectation or rule it breaks.
pub fn judge(replay: &Replay<'_>, replayed: &Replayed) -> anyhow::Result<()> {
    agree(replayed)?;
    let broken = violations(&replay.case.expectations, replay.release, replay.recording);
    ensure!(broken.is_empty(), "the recording breaks {broken:#?}");
    verdict(replay, replayed)?;
    for outcome in [&replayed.through_process, &replayed.decoded] {
        no_secret(outcome)?;
        no_false_success(replay, outcome)?;
    }
    told_by_the_adapter(replay, &replayed.through_process)
}

/// The adapter's verdict is the one the catalogue expects.
fn verdict(replay: &Replay<'_>, replayed: &Replayed) -> anyhow::Result<()> {
    for expectation in &replay.case.expectations {
        let Fact::Adapter(expected) = expectation.fact else {
            continue;
        };
        if !expectation.holds_for(replay.release) {
            continue;
        }
        let found = match &replayed.through_process {
            Ok(_) => Verdict::Result,
            Err(error) if replayed.calls == 0 => Verdict::Refused(error.kind),
            Err(error) => Verdict::Error(error.kind),
        };
        ensure!(
            found == expected,
            "expected {expected:?}, found {found:?}: {:?}",
            replayed.through_process
        );
    }
    Ok(())
}

/// Nothing that leaves the adapter holds the password, or a piece of it that would help.
fn no_secret(outcome: &impl Debug) -> anyhow::Result<()> {
    let text = format!("{outcome:?}");
    ensure!(!text.contains(PASSWORD), "the password leaks: {text}");
    Ok(())
}

/// A result says no more than the recorded exit status, report and database support.
fn no_false_success(replay: &Replay<'_>, outcome: &Outcome) -> anyhow::Result<()> {
    let Ok(result) = outcome else {
        return Ok(());
    };
    let call = &replay.recording.calls[0];
    let after = replay.recording.after.as_ref();
    let revision = after.and_then(|state| state.revision.as_deref());
    let at = |pointer: &str| result.pointer(pointer);
    let allowed: &[i32] = match &replay.case.definition.call {
        Call::Current => &[0, 2],
        Call::Up(_) | Call::DownTo(_) | Call::Version => &[0],
        Call::Verify => &[0, 1, 2],
        Call::Preflight | Call::PreflightAgainst => &[0, 7],
        Call::ExitCodes | Call::Help(_) => return Ok(()),
    };
    ensure!(
        allowed.contains(&call.exit),
        "a result from exit {}: {result}",
        call.exit
    );
    match &replay.case.definition.call {
        Call::Current => ensure!(
            after.is_none() || result.as_str() == revision,
            "the database is at {revision:?}, the adapter says {result}"
        ),
        Call::Up(_) | Call::DownTo(_) => ensure!(
            at("/to").and_then(Value::as_str) == revision,
            "the database is at {revision:?}, the adapter says {result}"
        ),
        Call::Verify => {
            let ok = at("/ok") == Some(&Value::Bool(true));
            ensure!(!ok || call.exit == 0, "verified at exit {}", call.exit);
        }
        Call::Preflight | Call::PreflightAgainst => {
            let yes = Some(&Value::Bool(true));
            ensure!(
                at("/ok") != yes || call.exit == 0,
                "ok at exit {}",
                call.exit
            );
            let report = call.report_value().unwrap_or_default();
            ensure!(
                at("/window_safe") != yes || report.pointer("/window_safe") == yes,
                "window-safe, which the report does not say"
            );
        }
        Call::Version | Call::ExitCodes | Call::Help(_) => {}
    }
    Ok(())
}

/// An error of an operation says whose it is; only a held lock may be tried again.
fn told_by_the_adapter(replay: &Replay<'_>, outcome: &Outcome) -> anyhow::Result<()> {
    let Err(error) = outcome else {
        return Ok(());
    };
    if !replay.case.definition.call.is_operation() {
        return Ok(());
    }
    ensure!(error.adapter.is_some(), "no adapter is named: {error:?}");
    ensure!(
        error.operation.is_some(),
        "no operation is named: {error:?}"
    );
    let report = replay.recording.calls[0].report_value().unwrap_or_default();
    let code = report.pointer("/error/code").and_then(Value::as_str);
    let held = code.is_some_and(|code| code.starts_with("LOCK_") || code.starts_with("POOL_"));
    ensure!(
        (error.kind == AdapterErrorKind::LockContention) == held,
        "{code:?} is {}",
        error.kind
    );
    Ok(())
}
