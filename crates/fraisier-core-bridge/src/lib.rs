//! Makes an adapter of `fraisier-adapter-api` usable by the fraisier engine, compiled in.
//!
//! The engine defines the frozen contract a second time, with its own types in
//! [`fraisier_core::adapter_axes`]. An [`EngineAdapter`] wraps an adapter of `fraisier-adapter-api` and
//! implements the engine's trait: it converts the context of each call, and its result.
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
//! side serializes. The engine's restore rehearsal passes the connection string of its
//! throwaway database in this field, beside the variable of the live one: without it, the rehearsal
//! migrates the live database. So each field is converted explicitly. When the engine adds a field to
//! the context, this crate does not compile until somebody has decided what becomes of it.
//!
//! # Names that only one side knows
//!
//! The contract may grow, so one side may know a name that the other does not. Such a name is converted
//! to the strict alternative: an error kind that the engine does not know becomes `remote`, with its
//! number unchanged, and a risk tier that it does not know becomes no tier, which a policy denies.

mod answer;
mod context;
mod withheld;

use std::sync::Arc;

use async_trait::async_trait;
use fraisier_core::adapter_axes as engine;

pub use self::answer::{description, error, outcome, preflight, verify};
pub use self::context::{context, revision};
pub use self::withheld::withheld_variables;

/// An adapter of `fraisier-adapter-api` that implements the engine's trait.
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
    /// Passes every call to `adapter`.
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
