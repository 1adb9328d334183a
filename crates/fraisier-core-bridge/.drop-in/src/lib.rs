//! Our adapter under the name that the fraisier engine compiles in.
//!
//! The engine 1.0.0-beta.11 takes `[migration] adapter = "confiture"` from the crate
//! `fraisier-adapter-confiture` 1.0.0-beta.11. This package has that name and version and what the
//! engine uses of it, so that a patch builds the unmodified engine with our adapter:
//!
//! ```console
//! $ cargo install fraisier --version =1.0.0-beta.11 --locked \
//!     --config 'patch.crates-io.fraisier-adapter-confiture.path="crates/fraisier-core-bridge/.drop-in"'
//! ```
//!
//! The engine hands no settings on, so options come from the environment, as those of the program
//! `fraisier-adapter-confiture-ipc` do.

use std::sync::Arc;

use async_trait::async_trait;
use confiture::capability::Need;
use fraisier_core::adapter_axes::{
    AdapterCtx, AdapterDescription, AdapterError, MigrationAdapter, MigrationOutcome,
    PreflightReport, Revision, VerifyReport,
};
use fraisier_core_bridge::EngineAdapter;

/// A capability, and the first release of confiture that has it.
pub type CapabilityFloor = (&'static str, Option<(u32, u32, u32)>);

/// The floors of the capabilities that the engine asks for.
pub const CAPABILITY_FLOORS: &[CapabilityFloor] = &[floor(Need::WindowSafe), floor(Need::RiskTier)];

const fn floor(need: Need) -> CapabilityFloor {
    let (major, minor, patch) = need.floor().since;
    (
        need.as_str(),
        Some((small(major), small(minor), small(patch))),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "checked, at compile time")]
const fn small(number: u64) -> u32 {
    assert!(number <= u32::MAX as u64, "a number of a release");
    number as u32
}

/// Our adapter for confiture, as the engine makes it.
#[derive(Debug, Clone)]
pub struct ConfitureMigration {
    /// What a variable holds that it does not take comes out of every call: the engine makes its
    /// adapter where nothing can fail.
    adapter: Result<EngineAdapter, AdapterError>,
}

impl Default for ConfitureMigration {
    fn default() -> Self {
        Self::new()
    }
}

impl ConfitureMigration {
    /// An adapter with the options of the environment.
    #[must_use]
    pub fn new() -> Self {
        Self::with(options())
    }

    fn with(options: Result<confiture::Builder, fraisier_adapter_api::AdapterError>) -> Self {
        let adapter = options
            .map(|options| EngineAdapter::new(Arc::new(options.build())))
            .map_err(fraisier_core_bridge::error);
        Self { adapter }
    }

    fn adapter(&self) -> Result<&EngineAdapter, AdapterError> {
        self.adapter.as_ref().map_err(Clone::clone)
    }
}

/// The engine asks `preflight` and `verify` in its own working directory, which has no migrations
/// where a timer or a webhook starts a deploy.
fn options() -> Result<confiture::Builder, fraisier_adapter_api::AdapterError> {
    confiture::ConfitureMigration::builder()
        .missing_migrations(confiture::MissingMigrations::AskConfiture)
        .overridden_by_env()
}

#[async_trait]
impl MigrationAdapter for ConfitureMigration {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        self.adapter()?.describe().await
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        self.adapter()?.current_revision(ctx).await
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        self.adapter()?.up(ctx, target).await
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        self.adapter()?.down_to(ctx, target).await
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        self.adapter()?.verify(ctx).await
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        self.adapter()?.preflight(ctx).await
    }

    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        self.adapter()?.post_migrate(ctx).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the engine's own test of its `doctor` wants, which is built with floors of its own.
    #[test]
    fn the_highest_floor_is_the_one_that_the_engine_knows() {
        let highest = CAPABILITY_FLOORS.iter().map(|(_, since)| *since).max();
        assert_eq!(highest, Some(Some((0, 44, 0))));
    }

    #[test]
    fn the_engine_holds_it_as_one_of_its_own() {
        let adapter: Arc<dyn MigrationAdapter> = Arc::new(ConfitureMigration::new());
        drop(adapter);
    }

    #[tokio::test]
    async fn a_bad_option_of_the_environment_comes_out_of_every_call() {
        let bad = fraisier_adapter_api::AdapterError::new(
            fraisier_adapter_api::AdapterErrorKind::InvalidConfig,
            "the variable does not hold what it takes",
        );
        let adapter = ConfitureMigration::with(Err(bad));
        let ctx = AdapterCtx::new("shop", "production");
        for error in [
            adapter.describe().await.unwrap_err(),
            adapter.current_revision(&ctx).await.unwrap_err(),
            adapter.up(&ctx, None).await.unwrap_err(),
            adapter
                .down_to(&ctx, Revision::new("001"))
                .await
                .unwrap_err(),
            adapter.verify(&ctx).await.unwrap_err(),
            adapter.preflight(&ctx).await.unwrap_err(),
            adapter.post_migrate(&ctx).await.unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                "[invalid_config] the variable does not hold what it takes"
            );
        }
    }
}
