//! The trait: each method checks its context, runs the operation, and redacts the result.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, MigrationAdapter, MigrationOutcome,
    PreflightReport, Revision, VerifyReport,
};

use crate::boundary;
use crate::builder::Builder;
use crate::drive::Driver;
use crate::operation::{Operation, preflight};
use crate::request::Request;

/// Runs confiture's migrations for a deploy engine.
///
/// Clones share what is needed to look after running commands. Calls may be made at the same time,
/// on one adapter or on many.
///
/// # Where the database was
///
/// confiture takes what was applied last in time for the current revision, and its report on an
/// `up` has no times. So [`from`](MigrationOutcome::from) of an `up`, and `to` when there was nothing
/// to apply, is the last in sort order of what had been applied of the migrations in the directory.
/// That is what [`current_revision`](MigrationAdapter::current_revision) says as long as migrations
/// are applied in the order of their versions and stay in the directory. To go back after an `up`,
/// ask `current_revision` before it, and go back to that: a `down_to` rolls back all that was applied
/// after its target in time.
///
/// A ledger that the role may not see, or that is not on its `search_path`, is no ledger to
/// confiture: `current_revision` is `None` then, as on a database that was never migrated. No report
/// tells the two apart. `fraisier-adapter-confiture-ipc doctor` looks for a ledger in every schema;
/// run it where `None` is a surprise, before anything is applied.
///
/// # When a call is cancelled
///
/// Dropping the future of a call, and the timeout, kill the process group of the command that runs.
/// Nothing of the call is left then on this machine. What may be assumed of the database:
///
/// | when the call was stopped | the database |
/// |---|---|
/// | before the future was polled | unchanged |
/// | after the work was done | the work is done; the call returns its outcome if it is still awaited |
/// | while a migration ran | completed migrations remain applied, or rolled back. The server rolls back the migration in progress within the time of the [`server_disconnect_check`](Builder::server_disconnect_check), a second by default, and holds the migration lock until then |
/// | … on a server or behind a pooler that refuses the check | the same, but the server first finishes the statement that it is at |
///
/// A migration that runs outside a transaction is never rolled back: its completed statements remain,
/// and an index that was being built concurrently remains as an invalid index.
///
/// A dropped call ends in the background, also when the last clone of the adapter is dropped;
/// [`settled`](Self::settled) waits for that. A call made before it has ended, or within the time of
/// the check, may have to wait for the migration lock.
///
/// A server that is older than `PostgreSQL` 14 and some poolers refuse a connection that asks for the
/// check. By default the call then goes on without it and reports an [`Event::NoDisconnectCheck`] and a
/// warning in the log; the next call asks again. A check that the builder was told of is an error there.
///
/// The death of the process around the adapter, whatever killed it, is a stop too. Every command has a
/// watcher, a small `/bin/sh` in the command's process group, which notices the death within
/// milliseconds, kills the group as a dropped call would, and removes the directory of the report. An
/// engine that lives sees nothing of it but one more child while a command runs. Where `/bin/sh` is
/// missing or is no shell, an [`Event::NotWatched`] and a warning in the log report it before the first
/// command starts: confiture then goes on after the engine's death, and commits. So it does where
/// the engine forked a process that runs on without `exec`, which keeps the death from being noticed.
///
/// [`Event::NoDisconnectCheck`]: crate::observe::Event::NoDisconnectCheck
/// [`Event::NotWatched`]: crate::observe::Event::NotWatched
#[derive(Debug, Clone)]
pub struct ConfitureMigration {
    driver: Driver,
}

impl Default for ConfitureMigration {
    fn default() -> Self {
        Self::new()
    }
}

impl ConfitureMigration {
    /// An adapter that runs the binary named by the variable `FRAISIER_CONFITURE_BIN`, or else
    /// `confiture` from `PATH`.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An adapter that runs this binary: a path, or a name that is looked up in `PATH`.
    #[must_use]
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self::builder().program(program).build()
    }

    /// An adapter with options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Waits until nothing is left of the calls that were given up: no process, no file.
    ///
    /// A call that was dropped ends in the background, within a few seconds at most. A program need not
    /// wait for it before it ends.
    pub async fn settled(&self) {
        self.driver.runner.settled().await;
    }

    fn request(&self, operation: Operation, ctx: &AdapterCtx) -> Result<Request, AdapterError> {
        Request::new(&self.driver.commands, operation, ctx)
    }
}

impl Builder {
    /// The adapter.
    #[must_use]
    pub fn build(self) -> ConfitureMigration {
        ConfitureMigration {
            driver: self.driver(),
        }
    }
}

#[async_trait]
impl MigrationAdapter for ConfitureMigration {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        let redactor = Arc::new(self.driver.commands.redactor());
        let answer = self.driver.describe(&redactor).await;
        boundary::result(Operation::Describe, &redactor, answer)
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        let request = self.request(Operation::CurrentRevision, ctx)?;
        request.redacted(self.driver.current_revision(&request).await)
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        let request = self.request(Operation::Up, ctx)?;
        request.redacted(self.driver.up(&request, target.as_ref()).await)
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        let request = self.request(Operation::DownTo, ctx)?;
        request.redacted(self.driver.down_to(&request, &target).await)
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        let request = self.request(Operation::Verify, ctx)?;
        request.redacted(self.driver.verify(&request).await)
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        let request = self.request(Operation::Preflight, ctx)?;
        let report = request.redacted(self.driver.preflight(&request).await)?;
        if let Some(why) = preflight::why_withheld(&report) {
            tracing::warn!("preflight gives no verdict on window safety: {why}");
        }
        Ok(report)
    }
}
