//! The trait that an adapter implements.

use crate::{
    AdapterCtx, AdapterDescription, AdapterError, MigrationOutcome, PreflightReport, Revision,
    VerifyReport, async_trait, capability,
};

/// Drives one migration tool on behalf of the deploy engine.
///
/// The engine holds adapters as `Arc<dyn MigrationAdapter>` and calls them from any thread.
///
/// # Duties of every method
///
/// - **Calls are independent.** Everything a call needs is in the context. An adapter has no state
///   that a caller could notice between calls, so there is no required order: `up` may be the first
///   call.
/// - **Calls may overlap**, also for the same database. The adapter need not serialise them: the
///   tool's own lock does, and a call that does not get the lock waits or fails with
///   [`LockContention`](crate::AdapterErrorKind::LockContention).
/// - **`Ok` is a statement, never a default.** It is returned only when the adapter knows that what
///   the method promises is true. Silence, contradiction and surprise from the tool are errors.
/// - **`Err` from `up` and `down_to` says nothing about the database** unless the message does:
///   part of the work may have been done. Call [`current_revision`](Self::current_revision).
/// - **Dropping a future cancels the call.** No process remains, and no migration is left half
///   applied. What was committed by then remains. The caller gets no outcome and calls
///   [`current_revision`](Self::current_revision), as after an error.
/// - **Futures may be dropped or polled on any thread**, and are not polled again after they are
///   ready. An adapter does not block the thread that polls it.
/// - **Panics are bugs.** A tool that misbehaves is an [`AdapterError`].
/// - **Secrets appear nowhere**: not in a result, an error or a log.
///
/// # The likely misuse
///
/// A failed or cancelled `up` may have changed the database:
///
/// ```
/// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter, Revision};
/// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
/// // Wrong: assumes that an error means "nothing happened".
/// let before = adapter.current_revision(ctx).await?;
/// let now = match adapter.up(ctx, None).await {
///     Ok(outcome) => outcome.to,
///     Err(_) => before,
/// };
///
/// // Right: queries the database.
/// let now = match adapter.up(ctx, None).await {
///     Ok(outcome) => outcome.to,
///     Err(_) => adapter.current_revision(ctx).await?,
/// };
/// # Ok(())
/// # }
/// ```
///
/// An adapter that cannot do something must not pretend to have done it:
///
/// ```
/// # use fraisier_adapter_api::*;
/// # struct Wrong;
/// # struct Right;
/// # #[async_trait]
/// # impl MigrationAdapter for Wrong {
/// #     async fn describe(&self) -> Result<AdapterDescription, AdapterError> { unreachable!() }
/// #     async fn current_revision(&self, _: &AdapterCtx) -> Result<Option<Revision>, AdapterError> { unreachable!() }
/// #     async fn up(&self, _: &AdapterCtx, _: Option<Revision>) -> Result<MigrationOutcome, AdapterError> { unreachable!() }
/// #     async fn down_to(&self, _: &AdapterCtx, _: Revision) -> Result<MigrationOutcome, AdapterError> { unreachable!() }
/// // Wrong: a gate would treat the database as verified.
/// async fn verify(&self, _: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
///     Ok(VerifyReport::new(true).with_skipped(true))
/// }
/// # }
/// # #[async_trait]
/// # impl MigrationAdapter for Right {
/// #     async fn describe(&self) -> Result<AdapterDescription, AdapterError> { unreachable!() }
/// #     async fn current_revision(&self, _: &AdapterCtx) -> Result<Option<Revision>, AdapterError> { unreachable!() }
/// #     async fn up(&self, _: &AdapterCtx, _: Option<Revision>) -> Result<MigrationOutcome, AdapterError> { unreachable!() }
/// #     async fn down_to(&self, _: &AdapterCtx, _: Revision) -> Result<MigrationOutcome, AdapterError> { unreachable!() }
///
/// // Right: it cannot verify, and returns an error.
/// async fn verify(&self, _: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
///     Err(AdapterError::method_not_supported("verify"))
/// }
/// # }
/// ```
///
/// A complete adapter is in the [crate's documentation](crate).
#[async_trait]
pub trait MigrationAdapter: Send + Sync {
    /// Describes the adapter and what it can do with the tool that is installed now.
    ///
    /// It needs no database. A capability is listed only when the installed tool can keep it, so the
    /// result may change when the tool is upgraded; an engine that caches it calls `describe` again
    /// at the start of each deploy.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, MigrationAdapter, capability};
    /// # async fn f(adapter: &dyn MigrationAdapter) -> Result<bool, AdapterError> {
    /// let described = adapter.describe().await?;
    /// let has_window_verdict = described.supports(capability::WINDOW_SAFE);
    /// # Ok(has_window_verdict)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`](crate::AdapterErrorKind::InvalidConfig) when the tool is not installed or
    /// too old. A failed version query is an error and never means "old".
    async fn describe(&self) -> Result<AdapterDescription, AdapterError>;

    /// The revision that the database is at.
    ///
    /// `Ok(None)` means that the database has no revision yet: no migration is applied. It does not
    /// mean "unknown", which is an error. Changes nothing.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// match adapter.current_revision(ctx).await? {
    ///     Some(revision) => println!("at {revision}"),
    ///     None => println!("nothing applied yet"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DbUnreachable`](crate::AdapterErrorKind::DbUnreachable) when the database does not answer;
    /// [`MissingSecret`](crate::AdapterErrorKind::MissingSecret) when the context declares no
    /// `DATABASE_URL` and the adapter needs one.
    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError>;

    /// Applies the pending migrations: up to and including `target`, or all of them if it is `None`.
    ///
    /// `Ok` means that the target, or every migration, is applied. If there was nothing to do,
    /// [`applied`](MigrationOutcome::applied) is empty. If the database is already past the target,
    /// nothing is rolled back.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter, Revision};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// let outcome = adapter.up(ctx, Some(Revision::new("003"))).await?;
    /// for revision in &outcome.applied {
    ///     println!("applied {revision}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::AdapterErrorKind::PreconditionFailed) when there is no
    /// migration `target`; nothing was applied.
    /// [`Execution`](crate::AdapterErrorKind::Execution) when a statement fails: migrations that
    /// were applied before it remain applied, and the message names them.
    /// [`LockContention`](crate::AdapterErrorKind::LockContention) when another migration is
    /// running.
    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError>;

    /// Rolls back the migrations that were applied after `target`, which itself remains applied.
    ///
    /// `Ok` means that the database is at `target`, also when it already was.
    /// [`applied`](MigrationOutcome::applied) lists what was rolled back, in that order. Rolling
    /// back cannot restore data that a migration deleted. The migration that was applied first cannot
    /// be rolled back, because no revision comes before it.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter, Revision};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// if let Some(previous) = ctx.previous_revision.clone() {
    ///     adapter.down_to(ctx, previous).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::AdapterErrorKind::PreconditionFailed) when there is no
    /// revision `target`;
    /// [`IrreversibleRollback`](crate::AdapterErrorKind::IrreversibleRollback) when a migration
    /// cannot be rolled back, or its rollback failed midway.
    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError>;

    /// Runs the tool's own checks of the database for the applied migrations.
    ///
    /// A failed check is a result, in a report that is not [`ok`](VerifyReport::ok), and not an
    /// error. A report that examined nothing is not ok either. Changes nothing.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// let report = adapter.verify(ctx).await?;
    /// for check in report.checks.iter().filter(|check| !check.ok) {
    ///     println!("{} failed", check.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DbUnreachable`](crate::AdapterErrorKind::DbUnreachable) when the database does not answer:
    /// an error is "could not find out", a report is "found out".
    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError>;

    /// Checks the migrations before any of them runs.
    ///
    /// A finding is a result, in a report that may not be [`ok`](PreflightReport::ok), and not an
    /// error. A value that the report lacks does not mean "safe": see
    /// [`window_safe`](PreflightReport::window_safe) and
    /// [`change_set`](PreflightReport::change_set). Changes nothing.
    ///
    /// The default implementation is for adapters that cannot do this. "Cannot lint" is never "lint
    /// passed":
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// // Wrong: continues when the adapter cannot lint, or the lint failed to run.
    /// let go = adapter.preflight(ctx).await.map_or(true, |report| report.ok);
    ///
    /// // Right: continues only if there is a report and it is ok.
    /// let go = adapter.preflight(ctx).await?.ok;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`MethodNotSupported`](crate::AdapterErrorKind::MethodNotSupported) when the adapter or the
    /// installed tool cannot lint: always, unless overridden.
    /// [`InvalidConfig`](crate::AdapterErrorKind::InvalidConfig) when the directory of the
    /// migrations does not exist.
    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        let _ = ctx;
        Err(AdapterError::method_not_supported(capability::PREFLIGHT))
    }

    /// Runs the tool's own steps that follow a deploy's migrations, such as refreshing what is
    /// derived from the schema.
    ///
    /// It is called after `up` and must be repeatable: a deploy that is retried calls it again. The
    /// default implementation does nothing, for tools that have no such step.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// adapter.up(ctx, None).await?;
    /// adapter.post_migrate(ctx).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None unless overridden. [`Execution`](crate::AdapterErrorKind::Execution) when a step fails;
    /// the migrations remain applied.
    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        let _ = ctx;
        Ok(())
    }

    /// Whether this adapter may change the database. `true` by default.
    ///
    /// An adapter for a database whose schema somebody else manages returns `false`, and an engine
    /// then neither migrates nor rolls back. It is a constant property of the adapter, and calling it
    /// costs nothing.
    ///
    /// ```
    /// # use fraisier_adapter_api::MigrationAdapter;
    /// # fn f(adapter: &dyn MigrationAdapter) {
    /// if adapter.owns_database() {
    ///     println!("a failed deploy may be rolled back");
    /// }
    /// # }
    /// ```
    fn owns_database(&self) -> bool {
        true
    }
}
