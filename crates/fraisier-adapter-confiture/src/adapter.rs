//! The adapter: each operation as a method that returns a [`Failure`], and the trait on top of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind as Kind, MigrationAdapter,
    MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use crate::boundary;
use crate::builder::Builder;
use crate::failure::{Advice, Failure, Fault};
use crate::ledger;
use crate::live::Live;
use crate::observe;
use crate::observe::announcer::Announcer;
use crate::operation::{Call, Operation, current, describe, down_to, preflight, up, verify};
use crate::process::{Environment, Runner};
use crate::redact::{Redact, Redactor};
use crate::request::{Config, Request};

/// Runs confiture's migrations for a deploy engine.
///
/// Clones share the running commands, which [`settled`](Self::settled) waits for. Calls may be made at the
/// same time, on one adapter or on many.
///
/// # The current revision
///
/// confiture decides by `applied_at` what was applied last. Those times can tie, as after
/// `migrate reinit`, and run backwards, as after a clock correction. The order of application is the
/// order of the rows in the ledger (`pk_confiture`). The adapter reads them with the Python and the
/// psycopg of the confiture installation.
///
/// - [`current_revision`](MigrationAdapter::current_revision) returns the last row. An
///   [`Event::RevisionsDiffer`] reports that confiture names another migration.
/// - [`down_to`](MigrationAdapter::down_to) rolls back the rows after its target. It refuses
///   (`PreconditionFailed`, database unchanged) when `applied_at` does not increase in the order of the
///   rows, because confiture would roll back something else. confiture gets a directory of links that
///   lacks every migration that is not planned. If another deploy has applied one in the meantime,
///   confiture finds no files for it, refuses, and changes nothing.
/// - The [undo](Builder::undo_failed_up) of a failed `up` rolls back, in the same way, exactly what that
///   `up` applied.
///
/// If the configured program is not a script of a Python installation but, for example, a wrapper, the
/// interpreter is unknown. `current_revision` then returns what confiture names, with an [`Event::LedgerNotRead`].
/// `down_to` plans with `migrate status`, and refuses times that tie or differ from the order of the
/// versions.
///
/// The report of an `up` does not say in which order earlier migrations were applied. So the
/// [`from`](MigrationOutcome::from) of an `up` that applied something is the applied migration of the
/// directory whose version sorts last. That may differ from `current_revision`: to go back after an `up`,
/// call `current_revision` before it. When there was nothing to apply, `from` and `to` are the last row of
/// the ledger; where the rows cannot be read, they are what the report says.
///
/// A ledger that the role may not see, or that is not on its `search_path`, is no ledger to
/// confiture: `current_revision` is `None` then, as on a database that was never migrated. No report
/// distinguishes the two. `fraisier-adapter-confiture-ipc doctor` looks for a ledger in every schema;
/// run it if `None` is unexpected, before anything is applied. `preflight` reports the issue
/// [`LEDGER_ELSEWHERE`](crate::LEDGER_ELSEWHERE) then.
///
/// # When a call is cancelled
///
/// Dropping the future of a call, and the timeout, kill the process group of the command that runs.
/// Nothing of the call is left then on this machine. What you can assume about the database:
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
/// warning in the log; the next call asks again. A check that the builder demanded is an error there.
///
/// The death of the process around the adapter, whatever killed it, is a stop too. Every command has a
/// watcher, a small `/bin/sh` in the command's process group, which notices the death within
/// milliseconds, kills the group as a dropped call would, and removes the directory of the report.
/// In two cases the death is not noticed, and confiture continues and commits: if `/bin/sh` is missing
/// or is no shell, which an [`Event::NotWatched`] and a warning in the log report before the first command
/// starts; and if the engine forked a process that still runs and has not called `exec`.
///
/// [`Event::NoDisconnectCheck`]: crate::observe::Event::NoDisconnectCheck
/// [`Event::NotWatched`]: crate::observe::Event::NotWatched
/// [`Event::LedgerNotRead`]: crate::observe::Event::LedgerNotRead
/// [`Event::RevisionsDiffer`]: crate::observe::Event::RevisionsDiffer
#[derive(Debug, Clone)]
pub struct ConfitureMigration {
    pub(crate) config: Arc<Config>,
    runner: Runner,
}

impl Default for ConfitureMigration {
    fn default() -> Self {
        Self::new()
    }
}

/// Every operation is also an inherent method, which returns a [`Failure`]: a program can match on its
/// state. The methods of [`MigrationAdapter`] return the same failure as an [`AdapterError`].
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

    pub(crate) fn of(config: Config) -> Self {
        Self {
            config: Arc::new(config),
            runner: Runner::default(),
        }
    }

    /// How long one command of confiture may run; `None` is unlimited.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.config.timeout
    }

    /// Waits until nothing of the cancelled calls remains: no process, no thread, no file.
    ///
    /// A call that was dropped ends in the background, within a few seconds at most. A program need
    /// not wait for it before it ends.
    pub async fn settled(&self) {
        self.runner.settled().await;
    }

    /// As [`MigrationAdapter::describe`].
    ///
    /// # Errors
    ///
    /// When the program cannot be run, or is not a confiture that the adapter can use.
    pub async fn describe(&self) -> Result<AdapterDescription, Failure> {
        self.call(Operation::Describe, None, None, describe::describe)
            .await
    }

    /// As [`MigrationAdapter::current_revision`].
    ///
    /// # Errors
    ///
    /// When confiture cannot be run, or does not say where the database is.
    pub async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, Failure> {
        let operation = Operation::CurrentRevision;
        self.call(operation, Some(ctx), None, current::current_revision)
            .await
    }

    /// The applied migrations, last applied first: the revisions that [`down_to`](Self::down_to) accepts.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn applied_revisions(&self, ctx: &AdapterCtx) -> Result<Vec<Revision>, Failure> {
        let run = async |call: &Call<'_>| {
            let rows = ledger::read(call).await?.rows.into_iter();
            Ok(rows.rev().map(|row| Revision(row.version)).collect())
        };
        self.call(Operation::CurrentRevision, Some(ctx), None, run)
            .await
    }

    /// As [`MigrationAdapter::up`].
    ///
    /// # Errors
    ///
    /// When not everything was applied that was asked for; the [state](Failure::state) says what is.
    pub async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, Failure> {
        let about = target.clone();
        let run = async move |call: &Call<'_>| up::up(call, target.as_ref()).await;
        self.call(Operation::Up, Some(ctx), about, run).await
    }

    /// As [`MigrationAdapter::down_to`].
    ///
    /// # Errors
    ///
    /// When not everything was rolled back that was asked for; the [state](Failure::state) says what
    /// is.
    pub async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, Failure> {
        let about = Some(target.clone());
        let run = async move |call: &Call<'_>| down_to::down_to(call, &target).await;
        self.call(Operation::DownTo, Some(ctx), about, run).await
    }

    /// As [`MigrationAdapter::verify`]. The check of a migration without a `.verify.sql` is ok, and its
    /// detail says that there is none.
    ///
    /// # Errors
    ///
    /// When confiture cannot be run, or its report supports no verdict.
    pub async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, Failure> {
        self.call(Operation::Verify, Some(ctx), None, verify::verify)
            .await
    }

    /// As [`MigrationAdapter::preflight`].
    ///
    /// # Errors
    ///
    /// When confiture cannot be run, is a release without `preflight`, or writes no report.
    pub async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, Failure> {
        let report = self
            .call(Operation::Preflight, Some(ctx), None, preflight::preflight)
            .await?;
        if let Some(why) = preflight::why_withheld(&report) {
            tracing::warn!(why, "preflight gives no verdict on window safety");
        }
        Ok(report)
    }

    /// Runs an operation on a thread of its own, so that nothing of it blocks the caller's runtime.
    pub(crate) async fn call<T: Redact + Send + 'static>(
        &self,
        operation: Operation,
        ctx: Option<&AdapterCtx>,
        target: Option<Revision>,
        run: impl AsyncFnOnce(&Call<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        let adapter = self.clone();
        let ctx = ctx.cloned();
        let work = move || async move {
            let began = Instant::now();
            let inherited = Environment::inherited();
            let request = Request::new(&inherited, &adapter.config, operation, ctx.as_ref())?;
            let call = Arc::new(observe::Call::next(operation.as_str(), ctx.as_ref()));
            let observer = adapter.config.observer.clone();
            let announcer = Announcer::new(call, request.redactor.clone(), observer);
            let live = Live::new(&adapter.runner, &request, target.as_ref(), announcer);
            let result = run(&Call::new(&request, &live)).await;
            let result = boundary::result(operation, &request.redactor, result);
            if live.attempts.get() > 0 {
                log(operation, &result, began.elapsed(), live.attempts.get());
            }
            result
        };
        let result = self.runner.threads.run(work).await;
        result.unwrap_or_else(|error| {
            let what = format!("cannot start a thread: {error}");
            let fault = Fault::not_started(Kind::Execution, what, Advice::free_resources());
            Err(fault.redacted(Some(operation.as_str()), &Redactor::default()))
        })
    }
}

/// Logs one line for a call.
fn log<T: Redact>(
    operation: Operation,
    result: &Result<T, Failure>,
    duration: Duration,
    attempt: u32,
) {
    let operation = operation.as_str();
    match result {
        Ok(value) => {
            let (from, to, applied) = value.summary();
            tracing::info!(
                operation,
                from = from.map(Revision::as_str),
                to = to.map(Revision::as_str),
                applied,
                ?duration,
                attempt,
                "finished"
            );
        }
        Err(failure) => tracing::info!(
            operation,
            kind = failure.kind().as_str(),
            ?duration,
            attempt,
            "failed"
        ),
    }
}

#[async_trait]
impl MigrationAdapter for ConfitureMigration {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        Ok(self.describe().await?)
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        Ok(self.current_revision(ctx).await?)
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        Ok(self.up(ctx, target).await?)
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        Ok(self.down_to(ctx, target).await?)
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        Ok(self.verify(ctx).await?)
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        Ok(self.preflight(ctx).await?)
    }
}
