//! A whole deploy, as an engine does it: through the trait, knowing nothing of confiture.

use std::sync::Arc;

use fraisier_adapter_api::{AdapterCtx, MigrationAdapter, Revision};

use super::decision::{applied, described, failed, is_at, preflighted, verified, went_back};
use super::transcript::Transcript;
use crate::project::Project;

/// Runs the nine steps and stops at the first surprise. `version` is what `describe` must say.
///
/// # Errors
/// What was not as expected.
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

    let described = transcript
        .step("describe", adapter.describe(), |found| {
            described(found, version)
        })
        .await?;
    let lints = described.is_some_and(|description| {
        description
            .capabilities
            .iter()
            .any(|name| name == "preflight")
    });
    current(adapter, ctx, None, transcript).await?;
    transcript
        .step("preflight", adapter.preflight(ctx), |found| {
            preflighted(found, lints)
        })
        .await?;
    transcript
        .step("up", adapter.up(ctx, None), |found| {
            applied(found, &versions)
        })
        .await?;
    transcript
        .step("verify", adapter.verify(ctx), |found| {
            verified(found, versions.len())
        })
        .await?;
    current(adapter, ctx, Some(head), transcript).await?;
    project.add_failing_sample()?;
    transcript
        .step("up (fails)", adapter.up(ctx, None), failed)
        .await?;
    transcript
        .step(
            "down_to",
            adapter.down_to(ctx, Revision::new(first)),
            |found| went_back(found, head, first),
        )
        .await?;
    current(adapter, ctx, Some(first), transcript).await
}

async fn current(
    adapter: &Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    expected: Option<&String>,
    transcript: &mut Transcript,
) -> anyhow::Result<()> {
    let found = transcript
        .step("current", adapter.current_revision(ctx), |found| {
            is_at(found, expected)
        })
        .await?;
    transcript.revisions.push(found.flatten());
    Ok(())
}

#[cfg(test)]
mod tests;
