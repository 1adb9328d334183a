//! The trait that an adapter implements.

use async_trait::async_trait;

use crate::{
    AdapterCtx, AdapterDescription, AdapterError, MigrationOutcome, PreflightReport, Revision,
    VerifyReport, capability,
};

/// Drives one migration tool on behalf of the deploy engine.
///
/// The engine holds adapters as `Arc<dyn MigrationAdapter>` and calls them from any thread.
///
/// # What holds for every method
///
/// - **Each call stands alone.** Everything it needs is in the context. An adapter carries no
///   state from one call to the next that a caller could notice, so there is no required order:
///   `up` may be the first call there is.
/// - **Calls may overlap**, also about the same database. The adapter need not serialise them; the
///   tool's own lock decides, and a call that loses fails with
///   [`LockContention`](crate::AdapterErrorKind::LockContention) or waits. It never corrupts.
/// - **`Ok` is a statement, never a default.** It is returned when the adapter knows that what the
///   method promises is so. Silence, contradiction and surprise on the tool's side are errors.
/// - **`Err` from `up` and `down_to` says nothing about the database** unless the message does:
///   part of the work may have been done. Ask [`current_revision`](Self::current_revision).
/// - **Dropping a future cancels the call**, in the way that is gentlest to the database, and
///   leaves no process behind. What was committed by then stays. The caller learns no outcome, and
///   asks [`current_revision`](Self::current_revision) as after an error.
/// - **Futures may be dropped or polled on any thread**, and are not polled again once they are
///   ready. An adapter does not block the thread it is polled on for longer than it takes to start
///   its work.
/// - **Panics are bugs.** A tool that misbehaves is an [`AdapterError`].
/// - **No secret leaves** in a result, an error or a log.
///
/// # The likely misuse
///
/// A failed or cancelled `up` is not a database that stayed where it was:
///
/// ```
/// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter, Revision};
/// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
/// // Wrong: believes that an error means "nothing happened".
/// let before = adapter.current_revision(ctx).await?;
/// let now = match adapter.up(ctx, None).await {
///     Ok(outcome) => outcome.to,
///     Err(_) => before,
/// };
///
/// // Right: asks the database.
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
/// # use async_trait::async_trait;
/// # use fraisier_adapter_api::*;
/// # struct Wrong;
/// # struct Right;
/// # #[async_trait]
/// # impl MigrationAdapter for Wrong {
/// #     async fn describe(&self) -> Result<AdapterDescription, AdapterError> { unreachable!() }
/// #     async fn current_revision(&self, _: &AdapterCtx) -> Result<Option<Revision>, AdapterError> { unreachable!() }
/// #     async fn up(&self, _: &AdapterCtx, _: Option<Revision>) -> Result<MigrationOutcome, AdapterError> { unreachable!() }
/// #     async fn down_to(&self, _: &AdapterCtx, _: Revision) -> Result<MigrationOutcome, AdapterError> { unreachable!() }
/// // Wrong: a gate takes this for a database that was verified.
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
/// // Right: it cannot verify, and says so.
/// async fn verify(&self, _: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
///     Err(AdapterError::method_not_supported("verify"))
/// }
/// # }
/// ```
///
/// A complete adapter is in the [crate's documentation](crate).
#[async_trait]
pub trait MigrationAdapter: Send + Sync {
    /// Says who the adapter is and what it can do with the tool that is installed now.
    ///
    /// It needs no database. A capability is listed only when the installed tool can keep it, so
    /// the answer may differ after the tool was upgraded; an engine that caches it asks again when
    /// a deploy begins.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, MigrationAdapter, capability};
    /// # async fn f(adapter: &dyn MigrationAdapter) -> Result<bool, AdapterError> {
    /// let described = adapter.describe().await?;
    /// let judges_the_window = described.capabilities.iter().any(|it| it == capability::WINDOW_SAFE);
    /// # Ok(judges_the_window)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`](crate::AdapterErrorKind::InvalidConfig) when the tool is not there or is
    /// too old to be driven. A tool that cannot be asked is an error and never "an old one".
    async fn describe(&self) -> Result<AdapterDescription, AdapterError>;

    /// The revision that the database is at.
    ///
    /// `Ok(None)` means that the database was asked and has no revision yet: no migration was ever
    /// applied. It is not "unknown"; that is an error. Changes nothing.
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

    /// Applies the migrations that are still to be applied: up to and including `target`, or all
    /// of them when it is `None`.
    ///
    /// `Ok` means that the database is at the target, or at the newest revision there is. That
    /// there was nothing to do is `Ok` too, with an empty
    /// [`applied`](MigrationOutcome::applied). A target that the database is already past does not
    /// roll back.
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
    /// migration `target`; nothing was applied then.
    /// [`Execution`](crate::AdapterErrorKind::Execution) when a statement fails: what was applied
    /// before it stays applied, and the message names it.
    /// [`LockContention`](crate::AdapterErrorKind::LockContention) when another migration is
    /// running.
    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError>;

    /// Rolls back what was applied after `target`, which itself stays applied.
    ///
    /// `Ok` means that the database is at `target`, also when it already was. What was rolled back
    /// is in [`applied`](MigrationOutcome::applied), in the order it was done. Rolling back cannot
    /// restore data that a migration deleted.
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
    /// has no way down, or its way down failed midway.
    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError>;

    /// Runs the tool's own checks of the database against what is applied.
    ///
    /// A check that fails is a result, in a report that is not [`ok`](VerifyReport::ok), and not an
    /// error. Nothing examined is not ok either. Changes nothing.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// let report = adapter.verify(ctx).await?;
    /// for check in report.checks.iter().filter(|check| !check.ok) {
    ///     println!("{} does not hold", check.name);
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

    /// Looks at the migrations before any of them runs.
    ///
    /// A finding is a result, in a report that may not be [`ok`](PreflightReport::ok), and not an
    /// error. What the report does not say is not thereby safe: see
    /// [`window_safe`](PreflightReport::window_safe) and
    /// [`change_set`](PreflightReport::change_set). Changes nothing.
    ///
    /// The default implementation is for adapters that cannot do this. "Cannot lint" is never "lint
    /// passed":
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter};
    /// # async fn f(adapter: &dyn MigrationAdapter, ctx: &AdapterCtx) -> Result<(), AdapterError> {
    /// // Wrong: goes on when the adapter cannot lint, or could not.
    /// let go = adapter.preflight(ctx).await.map_or(true, |report| report.ok);
    ///
    /// // Right: goes on when there is a report, and it says so.
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

    /// Does what the tool wants done once a deploy's migrations are applied, such as refreshing
    /// what is derived from the schema.
    ///
    /// It comes after `up`, and must bear being repeated: a deploy that is tried again calls it
    /// again. The default implementation does nothing, which for a tool that wants nothing done is
    /// all there is to do.
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
    /// None unless overridden. [`Execution`](crate::AdapterErrorKind::Execution) when the work
    /// fails; the migrations stay applied.
    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        let _ = ctx;
        Ok(())
    }

    /// Whether the state of the database is this adapter's to change. `true` by default.
    ///
    /// An adapter for a database whose schema somebody else decides answers `false`, and an engine
    /// then has nothing there to bring forward or back. It is a property of the adapter: it costs
    /// nothing to ask, and the answer never changes.
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
