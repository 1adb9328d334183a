//! Gives the fraisier engine an adapter of `fraisier-adapter-api`, compiled in.
//!
//! The engine has the frozen contract a second time, as types of its own in
//! [`fraisier_core::adapter_axes`]. An [`EngineAdapter`] holds an adapter of ours and is one of
//! theirs: contexts are converted on the way in, answers on the way out.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fraisier_core::adapter_axes::MigrationAdapter;
//! use fraisier_core_bridge::EngineAdapter;
//!
//! fn for_the_engine(
//!     adapter: Arc<dyn fraisier_adapter_api::MigrationAdapter>,
//! ) -> Arc<dyn MigrationAdapter> {
//!     Arc::new(EngineAdapter::new(adapter))
//! }
//! ```
//!
//! # Why not through JSON
//!
//! Both sides write the same JSON, and a conversion through it would be three lines. It would also
//! drop [`resolved_secrets`](fraisier_adapter_api::AdapterCtx::resolved_secrets), which neither
//! side serializes. The engine's restore rehearsal hands over the connection string of its
//! throwaway database there, beside the variable of the live one: without it, the rehearsal
//! migrates the live database. So every field is converted by itself, and a field that the engine
//! adds to the context does not compile until somebody has decided about it.
//!
//! # What only one side knows
//!
//! The contract may grow, so either side may know a word that the other does not. It becomes the
//! strict one: an error kind that the engine does not know is `remote`, with its number kept, and a
//! risk tier that it does not know is none at all, which a policy denies.

mod answer;
mod context;
mod withheld;

use std::sync::Arc;

use async_trait::async_trait;
use fraisier_core::adapter_axes as engine;

pub use self::answer::{description, error, outcome, preflight, verify};
pub use self::context::{context, revision};
pub use self::withheld::withheld_variables;

/// An adapter of `fraisier-adapter-api` as the engine wants it.
///
/// ```
/// # use std::sync::Arc;
/// # use fraisier_core_bridge::EngineAdapter;
/// # fn f(adapter: Arc<dyn fraisier_adapter_api::MigrationAdapter>) {
/// let adapter: Arc<dyn fraisier_core::adapter_axes::MigrationAdapter> =
///     Arc::new(EngineAdapter::new(adapter));
/// # }
/// ```
#[derive(Clone)]
pub struct EngineAdapter(Arc<dyn fraisier_adapter_api::MigrationAdapter>);

impl EngineAdapter {
    /// Hands every call on to `adapter`.
    #[must_use]
    pub fn new(adapter: Arc<dyn fraisier_adapter_api::MigrationAdapter>) -> Self {
        Self(adapter)
    }
}

impl std::fmt::Debug for EngineAdapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineAdapter").finish_non_exhaustive()
    }
}

#[async_trait]
impl engine::MigrationAdapter for EngineAdapter {
    async fn describe(&self) -> Result<engine::AdapterDescription, engine::AdapterError> {
        self.0.describe().await.map(description).map_err(error)
    }

    async fn current_revision(
        &self,
        ctx: &engine::AdapterCtx,
    ) -> Result<Option<engine::Revision>, engine::AdapterError> {
        let found = self.0.current_revision(&context(ctx)).await;
        found.map(|it| it.map(answer::revision)).map_err(error)
    }

    async fn up(
        &self,
        ctx: &engine::AdapterCtx,
        target: Option<engine::Revision>,
    ) -> Result<engine::MigrationOutcome, engine::AdapterError> {
        let done = self.0.up(&context(ctx), target.map(revision)).await;
        done.map(outcome).map_err(error)
    }

    async fn down_to(
        &self,
        ctx: &engine::AdapterCtx,
        target: engine::Revision,
    ) -> Result<engine::MigrationOutcome, engine::AdapterError> {
        let done = self.0.down_to(&context(ctx), revision(target)).await;
        done.map(outcome).map_err(error)
    }

    async fn verify(
        &self,
        ctx: &engine::AdapterCtx,
    ) -> Result<engine::VerifyReport, engine::AdapterError> {
        self.0
            .verify(&context(ctx))
            .await
            .map(verify)
            .map_err(error)
    }

    async fn preflight(
        &self,
        ctx: &engine::AdapterCtx,
    ) -> Result<engine::PreflightReport, engine::AdapterError> {
        let found = self.0.preflight(&context(ctx)).await;
        found.map(preflight).map_err(error)
    }

    async fn post_migrate(&self, ctx: &engine::AdapterCtx) -> Result<(), engine::AdapterError> {
        self.0.post_migrate(&context(ctx)).await.map_err(error)
    }

    fn owns_database(&self) -> bool {
        self.0.owns_database()
    }
}
