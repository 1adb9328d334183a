//! An adapter without a database.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, ChangeSet, MigrationAdapter,
    MigrationOutcome, PreflightReport, Revision, RiskTier, SchemaChange, VerifyCheck, VerifyReport,
    async_trait, capability,
};

/// The secret that names the database of a call.
const DATABASE_URL: &str = "DATABASE_URL";

/// A method of [`MigrationAdapter`] that can be scripted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// [`MigrationAdapter::describe`]
    Describe,
    /// [`MigrationAdapter::current_revision`]
    CurrentRevision,
    /// [`MigrationAdapter::up`]
    Up,
    /// [`MigrationAdapter::down_to`]
    DownTo,
    /// [`MigrationAdapter::verify`]
    Verify,
    /// [`MigrationAdapter::preflight`]
    Preflight,
    /// [`MigrationAdapter::post_migrate`]
    PostMigrate,
}

impl Method {
    /// The name of the method, as in [`AdapterError::operation`].
    ///
    /// ```
    /// # use fraisier_adapter_testing::Method;
    /// assert_eq!(Method::DownTo.as_str(), "down_to");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::CurrentRevision => capability::CURRENT_REVISION,
            Self::Up => capability::UP,
            Self::DownTo => capability::DOWN_TO,
            Self::Verify => capability::VERIFY,
            Self::Preflight => capability::PREFLIGHT,
            Self::PostMigrate => capability::POST_MIGRATE,
        }
    }
}

/// What one call does differently from an ordinary one.
#[derive(Debug, Clone, Default)]
pub struct Step {
    delay: Duration,
    error: Option<AdapterError>,
}

impl Step {
    /// The call fails with this error and changes nothing.
    ///
    /// ```
    /// # use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    /// # use fraisier_adapter_testing::Step;
    /// Step::fail(AdapterError::new(AdapterErrorKind::LockContention, "another deploy is running"));
    /// ```
    #[must_use]
    pub fn fail(error: AdapterError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    /// The call takes this long before it returns. `up` and `down_to` wait before each migration, so
    /// that a call that is dropped in between has done a part of its work.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        Self::default().with_delay(delay)
    }

    /// Adds a delay to a step that fails.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    async fn begin(&self) -> Result<(), AdapterError> {
        self.wait().await;
        self.error.clone().map_or(Ok(()), Err)
    }

    async fn wait(&self) {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }
}

/// One call that an engine made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The target of an `up` or `down_to`.
    pub target: Option<Revision>,
    /// The fraise of the context; `None` for `describe`, which has no context.
    pub fraise: Option<String>,
}

/// A [`MigrationAdapter`] whose databases are in memory.
///
/// It behaves as an adapter must: the migrations run in order, what a failed `up` applied remains applied,
/// a second `up` for the same database fails with
/// [`LockContention`](AdapterErrorKind::LockContention), and a target that does not exist is
/// [`PreconditionFailed`](AdapterErrorKind::PreconditionFailed). It passes
/// [`conformance::run`](crate::conformance::run).
///
/// Like a real adapter it reads the secret `DATABASE_URL` of the context. Each value of it is a
/// database of its own, empty at first.
///
/// Clones share everything, so a test keeps one and passes another to the engine.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), fraisier_adapter_api::AdapterError> {
/// use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind, MigrationAdapter};
/// use fraisier_adapter_testing::{InMemoryAdapter, Method, Step};
///
/// let adapter = InMemoryAdapter::new(["001", "002"]);
/// let contention = AdapterError::new(AdapterErrorKind::LockContention, "another deploy is running");
/// adapter.script(Method::Up, Step::fail(contention));
///
/// let ctx = AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", "postgresql://shop");
/// assert!(adapter.up(&ctx, None).await.unwrap_err().kind.is_retriable());
/// assert_eq!(adapter.up(&ctx, None).await?.to, Some("002".into()));
/// assert_eq!(adapter.calls().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InMemoryAdapter {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    description: AdapterDescription,
    migrations: Vec<Revision>,
    broken: HashMap<Revision, AdapterError>,
    applied: BTreeMap<String, Vec<Revision>>,
    unreachable: HashSet<String>,
    locked: HashSet<String>,
    script: HashMap<Method, VecDeque<Step>>,
    preflight: Option<PreflightReport>,
    verify: Option<VerifyReport>,
    calls: Vec<Call>,
}

impl InMemoryAdapter {
    /// An adapter for these migrations, in this order.
    ///
    /// # Panics
    ///
    /// When a revision occurs twice.
    pub fn new(migrations: impl IntoIterator<Item: Into<Revision>>) -> Self {
        let migrations: Vec<Revision> = migrations.into_iter().map(Into::into).collect();
        let distinct: HashSet<&Revision> = migrations.iter().collect();
        assert_eq!(distinct.len(), migrations.len(), "a revision occurs twice");
        let description = AdapterDescription::new("in-memory", env!("CARGO_PKG_VERSION"))
            .with_capabilities([
                capability::CURRENT_REVISION,
                capability::UP,
                capability::DOWN_TO,
                capability::VERIFY,
                capability::PREFLIGHT,
                capability::POST_MIGRATE,
                capability::WINDOW_SAFE,
                capability::RISK_TIER,
                capability::PENDING_SCOPE,
            ]);
        let shared = Shared {
            description,
            migrations,
            broken: HashMap::new(),
            applied: BTreeMap::new(),
            unreachable: HashSet::new(),
            locked: HashSet::new(),
            script: HashMap::new(),
            preflight: None,
            verify: None,
            calls: Vec::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Replaces what `describe` returns. An adapter that does not advertise
    /// [`PREFLIGHT`](capability::PREFLIGHT) or [`VERIFY`](capability::VERIFY) refuses that method
    /// with [`MethodNotSupported`](AdapterErrorKind::MethodNotSupported); one that does not
    /// advertise [`WINDOW_SAFE`](capability::WINDOW_SAFE) or [`RISK_TIER`](capability::RISK_TIER)
    /// leaves that part out of its report.
    pub fn set_description(&self, description: AdapterDescription) {
        self.lock().description = description;
    }

    /// Sets the revisions that are applied in a database, in the order of their application.
    pub fn set_applied(
        &self,
        database_url: &str,
        applied: impl IntoIterator<Item: Into<Revision>>,
    ) {
        let applied = applied.into_iter().map(Into::into).collect();
        self.lock().applied.insert(database_url.into(), applied);
    }

    /// The revisions that are applied in a database, in the order of their application.
    #[must_use]
    pub fn applied(&self, database_url: &str) -> Vec<Revision> {
        self.lock().applied_in(database_url)
    }

    /// Makes every `up` that reaches this migration fail with this error. The migrations before it
    /// are applied.
    pub fn break_migration(&self, migration: impl Into<Revision>, error: AdapterError) {
        self.lock().broken.insert(migration.into(), error);
    }

    /// Undoes [`break_migration`](Self::break_migration).
    pub fn repair_migration(&self, migration: impl Into<Revision>) {
        self.lock().broken.remove(&migration.into());
    }

    /// Sets whether a database can be reached. While it cannot, each call that needs it fails with
    /// [`DbUnreachable`](AdapterErrorKind::DbUnreachable).
    pub fn set_reachable(&self, database_url: &str, reachable: bool) {
        let mut shared = self.lock();
        if reachable {
            shared.unreachable.remove(database_url);
        } else {
            shared.unreachable.insert(database_url.into());
        }
    }

    /// Sets what every `preflight` returns, instead of a report that is ok, window-safe, and lists
    /// an additive change for each pending migration.
    pub fn set_preflight(&self, report: PreflightReport) {
        self.lock().preflight = Some(report);
    }

    /// Sets what every `verify` returns, instead of a report with a passed check for each applied
    /// migration.
    pub fn set_verify(&self, report: VerifyReport) {
        self.lock().verify = Some(report);
    }

    /// Scripts the next call of this method that has no step yet. A call without a step behaves as
    /// usual.
    pub fn script(&self, method: Method, step: Step) {
        self.lock()
            .script
            .entry(method)
            .or_default()
            .push_back(step);
    }

    /// Every call so far, in order, cancelled and failed ones included.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call and returns its step.
    fn call(&self, method: Method, ctx: Option<&AdapterCtx>, target: Option<&Revision>) -> Step {
        let mut shared = self.lock();
        shared.calls.push(Call {
            method,
            target: target.cloned(),
            fraise: ctx.map(|ctx| ctx.fraise.clone()),
        });
        let steps = shared.script.get_mut(&method);
        steps.and_then(VecDeque::pop_front).unwrap_or_default()
    }

    fn refusal(&self, method: Method, kind: AdapterErrorKind, message: &str) -> AdapterError {
        AdapterError::new(kind, message)
            .with_adapter(&self.lock().description.name)
            .with_operation(method.as_str())
    }

    /// The database of the context, if it can be reached.
    fn database(&self, method: Method, ctx: &AdapterCtx) -> Result<String, AdapterError> {
        let url = ctx.secret(DATABASE_URL)?;
        if self.lock().unreachable.contains(&url) {
            let kind = AdapterErrorKind::DbUnreachable;
            return Err(self.refusal(method, kind, "the database cannot be reached"));
        }
        Ok(url)
    }

    fn supports(&self, method: Method) -> Result<(), AdapterError> {
        if self.lock().description.supports(method.as_str()) {
            return Ok(());
        }
        Err(AdapterError::method_not_supported(method.as_str()))
    }

    /// Locks the database for one `up` or `down_to`.
    fn exclusive(&self, method: Method, url: &str) -> Result<Exclusive<'_>, AdapterError> {
        if self.lock().locked.insert(url.to_owned()) {
            return Ok(Exclusive {
                adapter: self,
                url: url.to_owned(),
            });
        }
        let kind = AdapterErrorKind::LockContention;
        Err(self.refusal(
            method,
            kind,
            "another migration of this database is running",
        ))
    }

    fn unknown(&self, method: Method, target: &Revision) -> AdapterError {
        let kind = AdapterErrorKind::PreconditionFailed;
        self.refusal(method, kind, &format!("there is no revision {target}"))
    }
}

impl Shared {
    fn applied_in(&self, url: &str) -> Vec<Revision> {
        self.applied.get(url).cloned().unwrap_or_default()
    }

    /// What is not applied yet, up to and including `target`.
    fn pending(&self, url: &str, target: Option<&Revision>) -> Vec<Revision> {
        let applied = self.applied_in(url);
        let last = target.and_then(|target| self.migrations.iter().position(|it| it == target));
        let end = last.map_or(self.migrations.len(), |index| index + 1);
        let wanted = self.migrations[..end].iter();
        wanted.filter(|it| !applied.contains(it)).cloned().collect()
    }
}

/// The migration lock of a database, until it is dropped.
struct Exclusive<'a> {
    adapter: &'a InMemoryAdapter,
    url: String,
}

impl Exclusive<'_> {
    fn apply(&self, revision: &Revision) -> Result<(), AdapterError> {
        let mut shared = self.adapter.lock();
        if let Some(error) = shared.broken.get(revision) {
            return Err(error.clone());
        }
        let applied = shared.applied.entry(self.url.clone()).or_default();
        applied.push(revision.clone());
        Ok(())
    }

    fn roll_back(&self, revision: &Revision) {
        let mut shared = self.adapter.lock();
        let applied = shared.applied.entry(self.url.clone()).or_default();
        applied.retain(|it| it != revision);
    }

    fn current(&self) -> Option<Revision> {
        self.adapter.applied(&self.url).last().cloned()
    }
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        self.adapter.lock().locked.remove(&self.url);
    }
}

impl fmt::Debug for InMemoryAdapter {
    /// Without the connection strings of the databases.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryAdapter")
            .field("migrations", &self.lock().migrations)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MigrationAdapter for InMemoryAdapter {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        self.call(Method::Describe, None, None).begin().await?;
        Ok(self.lock().description.clone())
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        let method = Method::CurrentRevision;
        self.call(method, Some(ctx), None).begin().await?;
        let url = self.database(method, ctx)?;
        Ok(self.applied(&url).last().cloned())
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        let step = self.call(Method::Up, Some(ctx), target.as_ref());
        if step.error.is_some() {
            step.begin().await?;
        }
        let url = self.database(Method::Up, ctx)?;
        let unknown = target
            .as_ref()
            .filter(|target| !self.lock().migrations.contains(target));
        if let Some(target) = unknown {
            return Err(self.unknown(Method::Up, target));
        }
        let exclusive = self.exclusive(Method::Up, &url)?;
        let from = exclusive.current();
        let pending = self.lock().pending(&url, target.as_ref());
        for revision in &pending {
            step.wait().await;
            exclusive.apply(revision)?;
        }
        let log = format!("applied {} migrations", pending.len());
        Ok(MigrationOutcome::new(from, exclusive.current())
            .with_applied(pending)
            .with_log(log))
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        let step = self.call(Method::DownTo, Some(ctx), Some(&target));
        if step.error.is_some() {
            step.begin().await?;
        }
        let url = self.database(Method::DownTo, ctx)?;
        let exclusive = self.exclusive(Method::DownTo, &url)?;
        let applied = self.applied(&url);
        let last = applied
            .iter()
            .position(|it| *it == target)
            .ok_or_else(|| self.unknown(Method::DownTo, &target))?;
        let from = exclusive.current();
        let undone: Vec<Revision> = applied[last + 1..].iter().rev().cloned().collect();
        for revision in &undone {
            step.wait().await;
            exclusive.roll_back(revision);
        }
        let log = format!("rolled back {} migrations", undone.len());
        Ok(MigrationOutcome::new(from, exclusive.current())
            .with_applied(undone)
            .with_log(log))
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        self.call(Method::Verify, Some(ctx), None).begin().await?;
        self.supports(Method::Verify)?;
        let url = self.database(Method::Verify, ctx)?;
        if let Some(report) = self.lock().verify.clone() {
            return Ok(report);
        }
        let applied = self.applied(&url);
        let checks = applied.iter().map(|it| VerifyCheck::new(it.as_str(), true));
        Ok(VerifyReport::new(!applied.is_empty())
            .with_skipped(applied.is_empty())
            .with_checks(checks.collect()))
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        let method = Method::Preflight;
        self.call(method, Some(ctx), None).begin().await?;
        self.supports(method)?;
        let url = self.database(method, ctx)?;
        let shared = self.lock();
        if let Some(report) = shared.preflight.clone() {
            return Ok(report);
        }
        let mut report = PreflightReport::new(true);
        if shared.description.supports(capability::WINDOW_SAFE) {
            report = report.with_window_safe(true);
        }
        if shared.description.supports(capability::RISK_TIER) {
            let pending = shared.pending(&url, None);
            let changes = pending.iter().map(|revision| {
                SchemaChange::new("create_table", format!("table_{revision}"))
                    .with_migration(revision.as_str())
                    .with_tier(RiskTier::Additive)
            });
            report = report.with_change_set(ChangeSet::new(changes.collect()));
        }
        Ok(report)
    }

    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        let step = self.call(Method::PostMigrate, Some(ctx), None);
        step.begin().await?;
        self.database(Method::PostMigrate, ctx).map(drop)
    }
}
