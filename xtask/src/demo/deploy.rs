//! A whole deploy, as an engine does it: through the trait, without any knowledge of confiture. Each step
//! decides a sentence for the transcript, or returns what is wrong.

use std::sync::Arc;

use fraisier_adapter_api::{
    AdapterCtx, AdapterError, AdapterErrorKind, MigrationAdapter, MigrationOutcome,
    PreflightReport, Revision, VerifyReport,
};

use super::transcript::{Decision, Transcript};
use crate::project::Project;

/// Runs the nine steps and stops at the first surprise. `version` is what `describe` must say.
pub async fn deploy(
    adapter: &Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    project: &Project,
    version: &str,
    transcript: &mut Transcript,
) -> anyhow::Result<()> {
    let versions = project.versions()?;
    let (Some(first), Some(head)) = (versions.first(), versions.last()) else {
        anyhow::bail!("the sample project has no migrations");
    };

    let call = adapter.describe();
    let described = transcript.step("describe", call, |found| {
        let found = ok(found)?;
        let (name, can) = (&found.name, found.capabilities.join(", "));
        let is = format!("{name} {}, which can {can}", found.version);
        decide(found.version == version, is, || {
            format!("it says {}, but the binary is {version}", found.version)
        })
    });
    let described = described.await?;
    let lints = described.is_some_and(|it| it.capabilities.iter().any(|name| name == "preflight"));
    current(adapter, ctx, None, transcript).await?;
    let call = adapter.preflight(ctx);
    let preflight = transcript.step("preflight", call, |found| preflighted(found, lints));
    preflight.await?;
    let call = adapter.up(ctx, None);
    let up = transcript.step("up", call, |found| {
        let found = ok(found)?;
        let applied: Vec<&str> = found.applied.iter().map(Revision::as_str).collect();
        let right = applied == versions
            && found.from.is_none()
            && found.to.as_ref() == found.applied.last();
        let is = format!("{} applied, {}", applied.len(), from_to(found));
        decide(right, is, || {
            format!(
                "it applied {applied:?} instead of {versions:?}, {}",
                from_to(found)
            )
        })
    });
    up.await?;
    let call = adapter.verify(ctx);
    let verify = transcript.step("verify", call, |found| verified(found, versions.len()));
    verify.await?;
    current(adapter, ctx, Some(head), transcript).await?;
    project.add_failing_sample()?;
    let call = adapter.up(ctx, None);
    let fails = transcript.step("up (fails)", call, |found| match found {
        Err(error) if error.kind == AdapterErrorKind::Execution => {
            Ok(format!("refused, as it should be:\n{error}"))
        }
        Err(error) => Err(format!("it failed in another way than expected: {error}")),
        Ok(found) => Err(format!("it passed, {}", from_to(found))),
    });
    fails.await?;
    let call = adapter.down_to(ctx, Revision::new(first));
    let down = transcript.step("down_to", call, |found| {
        let found = ok(found)?;
        let right = name(found.from.as_ref()) == head && name(found.to.as_ref()) == first;
        let is = format!("rolled back, {}", from_to(found));
        decide(right, is, || format!("it went {}", from_to(found)))
    });
    down.await?;
    current(adapter, ctx, Some(first), transcript).await
}

async fn current(
    adapter: &Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    expected: Option<&String>,
    transcript: &mut Transcript,
) -> anyhow::Result<()> {
    let call = adapter.current_revision(ctx);
    let step = transcript.step("current", call, |found| {
        let found = name(ok(found)?.as_ref());
        let is = match expected {
            Some(_) => format!("at {found}"),
            None => "no revision: nothing was ever applied here".to_owned(),
        };
        let expected = expected.map_or("none", String::as_str);
        decide(found == expected, is, || {
            format!("it is at {found}, but should be at {expected}")
        })
    });
    let found = step.await?;
    transcript.revisions.push(found.flatten());
    Ok(())
}

fn preflighted(found: &Result<PreflightReport, AdapterError>, lints: bool) -> Decision {
    if let Err(error) = found
        && !lints
        && error.kind == AdapterErrorKind::MethodNotSupported
    {
        return Ok("this release cannot; that is not a pass".to_owned());
    }
    let report = ok(found)?;
    let window = match report.window_safe {
        Some(true) => "old code may run on while it applies",
        Some(false) => "old code may NOT run on while it applies",
        None => "no word on whether old code may run on: a gate refuses",
    };
    let risk = report.usable_change_set().map_or_else(
        |_| String::new(),
        |set| {
            let worst = set.worst_tier().map(|tier| format!(", at worst {tier}"));
            format!(
                "; {} changes{}",
                set.changes.len(),
                worst.unwrap_or_default()
            )
        },
    );
    let issues = report.issues.iter().map(|issue| {
        let severity = format!("{:?}", issue.severity).to_lowercase();
        format!("\n{severity} {}: {}", issue.code, issue.message)
    });
    let issues: String = issues.collect();
    decide(
        report.ok,
        format!("no errors; {window}{risk}{issues}"),
        || format!("it found errors: {issues}"),
    )
}

fn verified(found: &Result<VerifyReport, AdapterError>, expected: usize) -> Decision {
    let found = ok(found)?;
    let (passed, failed): (Vec<_>, Vec<_>) = found.checks.iter().partition(|check| check.ok);
    let failed: Vec<&str> = failed.iter().map(|check| check.name.as_str()).collect();
    let passed = passed.len();
    let right = found.ok && !found.was_skipped && passed == expected;
    decide(right, format!("{passed} checks passed"), || {
        format!("{passed} of {expected} checks passed; not: {failed:?}")
    })
}

fn decide(right: bool, is: String, complaint: impl FnOnce() -> String) -> Decision {
    if right { Ok(is) } else { Err(complaint()) }
}

fn from_to(outcome: &MigrationOutcome) -> String {
    let (from, to) = (name(outcome.from.as_ref()), name(outcome.to.as_ref()));
    format!("{from} → {to}")
}

fn name(revision: Option<&Revision>) -> &str {
    revision.map_or("none", Revision::as_str)
}

fn ok<T>(found: &Result<T, AdapterError>) -> Result<&T, String> {
    found.as_ref().map_err(ToString::to_string)
}

#[cfg(test)]
mod tests;
