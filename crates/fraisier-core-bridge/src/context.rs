//! The context of a call, as our type.

use fraisier_adapter_api as api;
use fraisier_core::adapter_axes as engine;

/// The engine's context as ours, with the resolved secrets.
#[must_use]
pub fn context(ctx: &engine::AdapterCtx) -> api::AdapterCtx {
    // Destructured, so that a field that the engine adds cannot be forgotten.
    let engine::AdapterCtx {
        fraise,
        environment,
        host,
        workdir,
        migrations_path,
        env_secrets,
        resolved_secrets,
        previous_revision,
        artifact_ref,
        settings,
    } = ctx;
    api::AdapterCtx {
        fraise: fraise.clone(),
        environment: environment.clone(),
        host: host.as_ref().map(|host| api::HostId::new(host.as_str())),
        workdir: workdir.clone(),
        migrations_path: migrations_path.clone(),
        env_secrets: env_secrets.clone(),
        resolved_secrets: resolved_secrets.clone(),
        previous_revision: previous_revision.clone().map(revision),
        artifact_ref: artifact_ref.as_ref().map(artifact),
        settings: settings.clone(),
    }
}

/// The engine's revision as ours.
#[must_use]
pub fn revision(revision: engine::Revision) -> api::Revision {
    api::Revision(revision.0)
}

fn artifact(artifact: &engine::ArtifactRef) -> api::ArtifactRef {
    let engine::ArtifactRef { id, checksum } = artifact;
    api::ArtifactRef {
        id: id.clone(),
        checksum: checksum.clone(),
    }
}
