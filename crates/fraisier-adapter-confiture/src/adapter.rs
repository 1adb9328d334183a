//! The adapter: plans, runs and decodes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, MigrationAdapter, MigrationOutcome,
    PROTOCOL_VERSION, PreflightReport, Revision, VerifyReport,
};

use crate::builder::Builder;
use crate::failure::Reader;
use crate::failure::{self, ADAPTER, in_operation};
use crate::observe::{Announcer, Event, Observer};
use crate::operation::preflight::PreflightRequest;
use crate::operation::up::Up;
use crate::operation::{Operation, current, down_to, preflight, up, verify};
use crate::process::{Invocation, Output, RunContext, Runner};
use crate::redact::Redactor;
use crate::release::capability;
use crate::release::{self, ConfitureVersion};
use crate::request::{Commands, DisconnectCheck, NoDisconnectCheck, Request};

/// How long `--version` may take. It touches no database, so a program that takes longer hangs; a
/// cold start of Python on a busy machine does not come near.
const PROBE: Duration = Duration::from_secs(60);

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
/// confiture: `current_revision` is `None` then, as on a database that was never migrated.
///
/// # When a call is given up
///
/// Dropping the future of a call, and the timeout, stop the command it runs. Nothing of the call is
/// left then on this machine. How it is stopped is the builder's [`stop`](Builder::stop), and decides
/// what may be assumed of the database:
///
/// | what happened | the database |
/// |---|---|
/// | given up before the future was polled | untouched |
/// | the work was done when the signal came | done; the call returns its outcome if it is still awaited |
/// | [`Stop::Kill`], the default, or the [`grace`](Builder::grace) of an interrupt ran out | migrations that had ended stay applied, or rolled back; the one under way is rolled back, within the time of the [`server_disconnect_check`](Builder::server_disconnect_check), which is a second by default. Until then the lock is held |
/// | … where there is no such check | the same, once the statement that the server is at has ended |
/// | [`Stop::Interrupt`] | migrations that had ended stay; the session and the migration lock are gone when the call has ended |
/// | … while the server was at a statement | the migration is rolled back |
/// | … while the server waited for confiture | **part of the migration may be committed**: see below |
///
/// A migration that runs outside a transaction is never rolled back: what its statements did stays,
/// and an index that was being built concurrently stays behind invalid.
///
/// A dropped call ends in the background, also when the last clone of the adapter is dropped;
/// [`settled`](Self::settled) waits for that. A call made before it has ended, or within the time of
/// the check, may have to wait for the migration lock.
///
/// A server that is older than `PostgreSQL` 14 and some poolers refuse a connection that asks for the
/// check. By default the adapter then asks no more, says so once (a warning in the log, an
/// [`Event::NoDisconnectCheck`]), and goes on: nothing was done over a connection that was never
/// opened. [`server_disconnect_check`](Self::server_disconnect_check) tells whether it is so. A check
/// that the builder was told of is an error there.
///
/// confiture commits what is open when it gives its lock back, on an interrupt too. So an interrupt
/// between two statements of a migration, or between its last one and its row in the ledger, leaves
/// the statements committed and the ledger as it was: without the row after an `up`, with it after a
/// `down_to`. A `.py` migration that computes between its statements is caught so at nearly any
/// moment, an SQL migration now and then. A kill never does that: the server rolls back what nobody
/// commits.
///
/// After an interrupt, then, look before the next `up`.
/// [`current_revision`](MigrationAdapter::current_revision) tells what the ledger says.
/// [`verify`](MigrationAdapter::verify), with `.verify.sql` files, tells whether that is true of the
/// migrations in the ledger, and so finds this after a `down_to`; after an `up` the migration is not
/// in the ledger, and only a look at its objects in the database tells.
///
/// [`Stop::Interrupt`]: crate::Stop::Interrupt
/// [`Stop::Kill`]: crate::Stop::Kill
#[derive(Clone)]
pub struct ConfitureMigration {
    commands: Commands,
    runner: Runner,
    observer: Option<Arc<dyn Observer>>,
}

impl fmt::Debug for ConfitureMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfitureMigration")
            .field("commands", &self.commands)
            .field("runner", &self.runner)
            .field("observer", &self.observer.is_some())
            .finish()
    }
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

    pub(crate) fn from_parts(
        commands: Commands,
        runner: Runner,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            commands,
            runner,
            observer,
        }
    }

    /// Waits until nothing is left of the calls that were given up: no process, no file.
    ///
    /// A call that was dropped ends in the background, for as long as the builder's
    /// [`grace`](Builder::grace) and a few seconds at most. A program that ends before that, or drops
    /// the last clone of the adapter and then ends, leaves it to others to stop confiture.
    pub async fn settled(&self) {
        self.runner.settled().await;
    }

    /// Whether the server is asked to notice that confiture is gone, as far as the calls so far have
    /// shown: see [`Builder::server_disconnect_check`].
    #[must_use]
    pub fn server_disconnect_check(&self) -> DisconnectCheck {
        self.commands.check.state()
    }

    fn request(&self, operation: Operation, ctx: &AdapterCtx) -> Result<Request, AdapterError> {
        Request::new(&self.commands, ctx).map_err(|error| in_operation(error, operation))
    }

    async fn run(
        &self,
        operation: Operation,
        invocation: Invocation,
        redactor: &Arc<Redactor>,
        revision: Option<&Revision>,
        timeout: Option<Duration>,
    ) -> Result<Output, AdapterError> {
        let redact = redactor.clone();
        let announcer = Announcer::new(
            operation.as_str(),
            Arc::new(move |text: &str| redact.text(text).into_owned()),
            self.observer.clone(),
        );
        let revision = revision.map(|revision| redactor.identifier(revision.as_str()));
        if let Some(why) = self.commands.check.untold() {
            announcer.tell(&Event::NoDisconnectCheck { why });
        }
        let context = RunContext {
            timeout,
            span: announcer.span(revision.as_deref()),
            listener: Arc::new(announcer),
        };
        let outcome = self.runner.run(invocation, context).await;
        outcome.map_err(|error| failure::not_run(operation, &error, redactor))
    }

    /// Runs a command on behalf of a request, and explains it when it was not understood.
    async fn ask(
        &self,
        operation: Operation,
        request: &Request,
        invocation: Invocation,
        revision: Option<&Revision>,
    ) -> Result<Output, AdapterError> {
        let redactor = &request.redactor;
        let mut output = self
            .run(operation, invocation.clone(), redactor, revision, None)
            .await?;
        let reader = Reader {
            operation,
            output: &output,
            redactor,
        };
        if let Some(said) = failure::check_refused(&reader) {
            if !self
                .commands
                .check
                .is_dispensable(NoDisconnectCheck::Refused)
            {
                return Err(failure::without_check(&reader, &said));
            }
            let invocation = request.without_check(invocation);
            output = self
                .run(operation, invocation, redactor, revision, None)
                .await?;
        }
        let reader = Reader {
            operation,
            output: &output,
            redactor,
        };
        if reader.is_like_a_usage_error() {
            let version = self
                .version(operation, request.version(), &request.redactor)
                .await;
            if let Ok(version) = &version {
                release::probe::usable(operation, version, &request.redactor)?;
            }
            if reader.speaks_of_usage() {
                return Err(reader.usage_error(&version?));
            }
        }
        Ok(output)
    }

    async fn version(
        &self,
        operation: Operation,
        invocation: Invocation,
        redactor: &Arc<Redactor>,
    ) -> Result<ConfitureVersion, AdapterError> {
        let output = self
            .run(operation, invocation, redactor, None, Some(PROBE))
            .await?;
        release::probe::read(operation, &output, redactor)
    }

    async fn current(
        &self,
        operation: Operation,
        request: &Request,
    ) -> Result<Option<Revision>, AdapterError> {
        let output = self
            .ask(operation, request, current::plan(request), None)
            .await?;
        current::read(operation, &output, &request.redactor)
    }
}

#[async_trait]
impl MigrationAdapter for ConfitureMigration {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        let redactor = Arc::new(Redactor::default());
        let version = self
            .version(Operation::Describe, self.commands.version(), &redactor)
            .await?;
        release::probe::usable(Operation::Describe, &version, &redactor)?;
        Ok(AdapterDescription {
            name: ADAPTER.into(),
            capabilities: capability::advertised(&version),
            version: version.as_str().into(),
            protocol_version: PROTOCOL_VERSION,
        })
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        let request = self.request(Operation::CurrentRevision, ctx)?;
        self.current(Operation::CurrentRevision, &request).await
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        const OPERATION: Operation = Operation::Up;
        let request = self.request(OPERATION, ctx)?;
        let target = target.as_ref();
        let migrations = request.project.migrations(OPERATION, &request.redactor)?;
        let invocation = up::plan(&request, target, &migrations)?;
        let output = self.ask(OPERATION, &request, invocation, target).await?;
        match up::read(target, &output, &request.redactor)? {
            Up::Done(outcome) => Ok(outcome),
            Up::NoReport => {
                let left = async {
                    let version = self
                        .version(OPERATION, request.version(), &request.redactor)
                        .await?;
                    let current = self.current(OPERATION, &request).await?;
                    Ok((version, current))
                };
                let redactor = &request.redactor;
                match left.await {
                    Ok((version, current)) => {
                        up::without_report(target, &output, redactor, &version, current)
                    }
                    Err(why) => Err(up::unexplained(&output, redactor, &why)),
                }
            }
        }
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        const OPERATION: Operation = Operation::DownTo;
        let request = self.request(OPERATION, ctx)?;
        request.project.migrations(OPERATION, &request.redactor)?;
        let invocation = down_to::plan(&request, &target)?;
        let output = self
            .ask(OPERATION, &request, invocation, Some(&target))
            .await?;
        down_to::read(&target, &output, &request.redactor)
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        const OPERATION: Operation = Operation::Verify;
        let request = self.request(OPERATION, ctx)?;
        let files = request.project.verify_files(OPERATION, &request.redactor)?;
        let output = self
            .ask(OPERATION, &request, verify::plan(&request), None)
            .await?;
        let verdict = verify::read(&files, &output, &request.redactor);
        if verdict.is_err()
            && verify::may_lack_ledger(&output)
            && self.current(OPERATION, &request).await == Ok(None)
        {
            return Ok(crate::replay::verify_without_ledger());
        }
        verdict
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        const OPERATION: Operation = Operation::Preflight;
        let request = self.request(OPERATION, ctx)?;
        let migrations = request.project.migrations(OPERATION, &request.redactor)?;
        let against = request
            .against()
            .map_err(|error| in_operation(error, OPERATION))?
            .is_some();
        let version = self
            .version(OPERATION, request.version(), &request.redactor)
            .await?;
        let invocation = preflight::plan(&request, &version)?;
        let asked = PreflightRequest::new(version, &migrations, against);
        let output = self.ask(OPERATION, &request, invocation, None).await?;
        preflight::read(&asked, &output, &request.redactor)
    }
}
