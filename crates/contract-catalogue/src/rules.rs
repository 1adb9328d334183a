//! What must be true of every replay, whatever the case.

use std::fmt::Debug;

use anyhow::ensure;
use fraisier_adapter_api::AdapterErrorKind;
use serde_json::Value;

use crate::ask::Answer;
use crate::call::Call;
use crate::expectation::{Expectation, Expected, Fact, violations};
use crate::recording::State;
use crate::release::Release;
use crate::replay::{Replay, Replayed, agree};
use crate::site::PASSWORD;

/// Checks a replay against the expectations of the catalogue and against the rules for every replay.
pub fn check(replay: &Replay<'_>, replayed: &Replayed) -> anyhow::Result<()> {
    agree(replayed)?;
    let broken = violations(&replay.case.expectations, replay.release, replay.recording);
    ensure!(broken.is_empty(), "the recording breaks {broken:#?}");
    let after = replay.recording.after.as_ref();
    let sessions = after.map_or(0, |after| after.sessions);
    ensure!(
        sessions == 0,
        "{sessions} sessions remained in the database"
    );
    answers_as_expected(
        &replay.case.expectations,
        replay.release,
        &replayed.through_process,
        replayed.calls > 0,
    )?;
    for answer in std::iter::once(&replayed.through_process).chain(&replayed.decoded) {
        no_secret(answer, PASSWORD)?;
        no_false_success(replay, answer)?;
    }
    errors_name_their_operation(replay, &replayed.through_process)
}

/// Checks that the adapter's answer is the one that the catalogue expects on `release`. `reached` says
/// whether the adapter made the call of the case.
pub fn answers_as_expected(
    expectations: &[Expectation],
    release: Release,
    answer: &Answer,
    reached: bool,
) -> anyhow::Result<()> {
    let found = match answer {
        Ok(_) => Expected::Result,
        Err(error) if reached => Expected::Error(error.kind),
        Err(error) => Expected::Refused(error.kind),
    };
    for expectation in expectations {
        if let Fact::Adapter(expected) = expectation.fact
            && expectation.holds_for(release)
        {
            ensure!(
                found == expected,
                "expected {expected:?}, found {found:?}: {answer:?}"
            );
        }
    }
    Ok(())
}

/// Checks that a result names the revision of the database.
pub fn names_the_revision(
    call: &Call,
    result: &Value,
    after: Option<&State>,
) -> anyhow::Result<()> {
    let revision = after.and_then(|state| state.revision.as_deref());
    let named = match call {
        Call::Current if after.is_some() => result.as_str(),
        Call::Up(_) | Call::DownTo(_) => result.pointer("/to").and_then(Value::as_str),
        _ => return Ok(()),
    };
    ensure!(
        named == revision,
        "the database is at {}, the adapter says {result}",
        revision.map_or_else(|| "no revision".to_owned(), |it| format!("{it:?}"))
    );
    Ok(())
}

/// Checks that nothing the adapter returns contains the password, or a useful part of it.
pub fn no_secret(answer: &impl Debug, password: &str) -> anyhow::Result<()> {
    let text = format!("{answer:?}");
    ensure!(
        !text.contains(password),
        "the password leaks: {}",
        text.replace(password, "<password>")
    );
    Ok(())
}

/// Checks that a result claims no more than the recorded exit status, report and database support.
fn no_false_success(replay: &Replay<'_>, answer: &Answer) -> anyhow::Result<()> {
    let Ok(result) = answer else {
        return Ok(());
    };
    let call = &replay.recording.calls[0];
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
        _ => {}
    }
    names_the_revision(
        &replay.case.definition.call,
        result,
        replay.recording.after.as_ref(),
    )
}

/// Checks that an error names its operation, and that only a held lock may be tried again.
fn errors_name_their_operation(replay: &Replay<'_>, answer: &Answer) -> anyhow::Result<()> {
    let Err(error) = answer else {
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
