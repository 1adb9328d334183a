//! The duties of [`MigrationAdapter`], as checks that any adapter can run.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, MigrationAdapter,
    MigrationOutcome, PROTOCOL_VERSION, PreflightReport, Revision, Severity, capability,
};

/// How often a call that lost the migration lock to a cancelled one is repeated, and how long the
/// suite waits in between.
const RETRIES: (u32, Duration) = (60, Duration::from_millis(500));

/// The revision that no adapter under test has.
const NO_SUCH_REVISION: &str = "no_such_revision";

/// What the suite needs to know of the databases that it may use.
#[derive(Debug, Clone)]
pub struct Fixture {
    ctx: AdapterCtx,
    revisions: Vec<Revision>,
    broken: Option<(AdapterCtx, Vec<Revision>)>,
    unreachable: Option<AdapterCtx>,
    secrets: Vec<String>,
}

impl Fixture {
    /// A context for an empty database, and its migrations in the order in which they are applied.
    /// They must be valid, additive and reversible. The suite applies and rolls back all of them.
    ///
    /// # Panics
    ///
    /// With fewer than three migrations: some duties need that many.
    pub fn new(ctx: AdapterCtx, revisions: impl IntoIterator<Item: Into<Revision>>) -> Self {
        let revisions: Vec<Revision> = revisions.into_iter().map(Into::into).collect();
        assert!(revisions.len() >= 3, "the suite needs three migrations");
        Self {
            ctx,
            revisions,
            broken: None,
            unreachable: None,
            secrets: Vec::new(),
        }
    }

    /// Adds a context for another empty database, in which a migration fails after these were
    /// applied.
    #[must_use]
    pub fn with_broken(
        mut self,
        ctx: AdapterCtx,
        applied_before: impl IntoIterator<Item: Into<Revision>>,
    ) -> Self {
        let applied = applied_before.into_iter().map(Into::into).collect();
        self.broken = Some((ctx, applied));
        self
    }

    /// Adds a context for a database that cannot be reached.
    #[must_use]
    pub fn with_unreachable(mut self, ctx: AdapterCtx) -> Self {
        self.unreachable = Some(ctx);
        self
    }

    /// Adds a text that must appear in no result and no error: a password of the contexts.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }
}

macro_rules! duties {
    ($($name:ident: $text:literal,)+) => {
        /// One duty of an adapter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Duty {
            $(#[doc = $text] $name,)+
        }

        impl Duty {
            /// Every duty.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The duty in one sentence.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

duties! {
    Description: "`describe` returns a name, a version, the protocol version, and each capability once",
    Capabilities: "a method works if and only if it is advertised",
    ConstantOwnership: "`owns_database` returns the same value on every call",
    FreshDatabase: "`current_revision` of a database without migrations is `Ok(None)`",
    ReadOnly: "`current_revision`, `preflight` and `verify` do not change the database",
    PreflightVerdict: "a preflight report that is ok has no issue of severity error",
    PreflightPromises: "a preflight report contains what is advertised, or an issue that explains why not, and no verdict that is not advertised",
    VerifyVerdict: "a verify report that is ok has only passed checks and examined something",
    UpToTarget: "`up` with a target applies the migrations up to and including the target, in order",
    UpToHead: "`up` without a target applies every pending migration, in order",
    UpWithNothingToDo: "`up` with nothing to do is `Ok` with an empty `applied`",
    UpNeverRollsBack: "`up` to a revision that the database is past rolls nothing back",
    UnknownTarget: "an unknown target is `PreconditionFailed`, and nothing is applied or rolled back",
    PartialFailure: "a failed `up` is an error that names what remains applied",
    DownTo: "`down_to` rolls back what was applied after the target, newest first",
    DownToCurrent: "`down_to` the current revision is `Ok` with an empty `applied`",
    PostMigrateRepeatable: "`post_migrate` can be repeated",
    MissingSecret: "an undeclared secret is `MissingSecret`, and an unset variable `SecretReadFailed`",
    Unreachable: "a database that cannot be reached is `DbUnreachable`",
    ErrorFields: "an error has the code of its kind, a message, and the right adapter and operation",
    Secrets: "secrets appear in no result and no error",
    Cancellation: "after a dropped `up`, the database is at a revision and can be migrated",
    Overlap: "overlapping calls succeed or fail with `LockContention`, and each migration runs once",
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A duty that the adapter violates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The duty.
    pub duty: Duty,
    /// The call and its result.
    pub evidence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.duty, self.evidence)
    }
}

/// What the suite found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// The violations, in the order in which they were observed.
    pub findings: Vec<Finding>,
    /// The duties that were checked.
    pub checked: BTreeSet<Duty>,
}

impl Report {
    /// The duties that were not checked: the fixture lacks what they need, or the adapter does not
    /// advertise the method.
    pub fn unchecked(&self) -> impl Iterator<Item = Duty> {
        let duties = Duty::ALL.iter().copied();
        duties.filter(|duty| !self.checked.contains(duty))
    }
}

/// Checks an adapter against its duties, in the databases of the fixture.
///
/// Needs a tokio runtime with its timer. It calls the adapter about forty times.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use fraisier_adapter_api::AdapterCtx;
/// use fraisier_adapter_testing::{InMemoryAdapter, conformance};
///
/// let adapter = InMemoryAdapter::new(["001", "002", "003"]);
/// let ctx = AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", "postgresql://shop");
/// let fixture = conformance::Fixture::new(ctx, ["001", "002", "003"]);
/// let report = conformance::run(&adapter, &fixture).await;
/// for finding in &report.findings {
///     println!("{finding}");
/// }
/// assert!(report.findings.is_empty());
/// # }
/// ```
pub async fn run(adapter: &dyn MigrationAdapter, fixture: &Fixture) -> Report {
    let mut suite = Suite {
        adapter,
        fixture,
        description: None,
        report: Report::default(),
    };
    suite.describe().await;
    suite.secrets_of_the_context().await;
    suite.fresh_database().await;
    suite.forward().await;
    suite.back().await;
    suite.cancellation().await;
    suite.overlap().await;
    suite.broken().await;
    suite.unreachable().await;
    suite.report
}

struct Suite<'a> {
    adapter: &'a dyn MigrationAdapter,
    fixture: &'a Fixture,
    description: Option<AdapterDescription>,
    report: Report,
}

impl Suite<'_> {
    /// Records that a duty was checked, and a finding if it does not hold.
    fn check(&mut self, duty: Duty, holds: bool, evidence: impl FnOnce() -> String) {
        self.report.checked.insert(duty);
        if !holds {
            let evidence = self.masked(evidence());
            self.report.findings.push(Finding { duty, evidence });
        }
    }

    /// The evidence of a finding contains no secret either.
    fn masked(&self, text: String) -> String {
        let secrets = self.fixture.secrets.iter();
        secrets.fold(text, |text, secret| text.replace(secret, "***"))
    }

    /// Checks what every result must satisfy.
    fn observe<T: Debug>(&mut self, operation: &str, result: &Result<T, AdapterError>) {
        let shown = format!("{result:?}");
        let leaked = self.fixture.secrets.iter().any(|it| shown.contains(it));
        self.check(Duty::Secrets, !leaked, || format!("{operation}: {shown}"));
        let Err(error) = result else { return };
        let name = self.description.as_ref().map(|it| it.name.clone());
        let code = error.code == error.kind.code() || error.kind == AdapterErrorKind::Remote;
        let adapter = error.adapter.is_none() || name.is_none() || error.adapter == name;
        let right = error.operation.as_deref().is_none_or(|it| it == operation);
        let holds = code && adapter && right && !error.message.trim().is_empty();
        self.check(Duty::ErrorFields, holds, || {
            format!("{operation}: {error:?}")
        });
    }

    fn advertises(&self, capability: &str) -> bool {
        let description = self.description.as_ref();
        description.is_some_and(|it| it.supports(capability))
    }

    async fn up(
        &mut self,
        ctx: &AdapterCtx,
        target: Option<&Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        let result = self.adapter.up(ctx, target.cloned()).await;
        self.observe(capability::UP, &result);
        result
    }

    async fn down_to(
        &mut self,
        ctx: &AdapterCtx,
        target: &Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        let result = self.adapter.down_to(ctx, target.clone()).await;
        self.observe(capability::DOWN_TO, &result);
        result
    }

    async fn current(&mut self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        let result = self.adapter.current_revision(ctx).await;
        self.observe(capability::CURRENT_REVISION, &result);
        result
    }

    /// Checks that the database of `ctx` is at `expected`.
    async fn is_at(&mut self, duty: Duty, ctx: &AdapterCtx, expected: Option<&Revision>) {
        let found = self.current(ctx).await;
        let holds = found.as_ref().is_ok_and(|it| it.as_ref() == expected);
        self.check(duty, holds, || {
            format!("the database must be at {expected:?}; `current_revision` returned {found:?}")
        });
    }

    /// Checks an outcome: what ran, and where the database is, as far as the adapter knows.
    fn outcome(
        &mut self,
        duty: Duty,
        call: &str,
        result: &Result<MigrationOutcome, AdapterError>,
        ran: &[Revision],
        to: &Revision,
    ) {
        let holds = result.as_ref().is_ok_and(|outcome| {
            outcome.applied == ran && outcome.to.as_ref().is_none_or(|it| it == to)
        });
        self.check(duty, holds, || {
            format!("{call} must run {ran:?} and end at {to}; it returned {result:?}")
        });
    }

    async fn describe(&mut self) {
        let described = self.adapter.describe().await;
        let holds = described.as_ref().is_ok_and(|it| {
            let distinct: BTreeSet<_> = it.capabilities.iter().collect();
            !it.name.is_empty()
                && !it.version.is_empty()
                && it.protocol_version == PROTOCOL_VERSION
                && distinct.len() == it.capabilities.len()
        });
        let shown = format!("{described:?}");
        self.observe("describe", &described);
        self.check(Duty::Description, holds, || shown);
        self.description = described.ok();
        let owns = [self.adapter.owns_database(), self.adapter.owns_database()];
        self.check(Duty::ConstantOwnership, owns[0] == owns[1], || {
            format!("{owns:?}")
        });
    }

    async fn secrets_of_the_context(&mut self) {
        let declared = &self.fixture.ctx;
        if declared.env_secrets.is_empty() && declared.resolved_secrets.is_empty() {
            return;
        }
        let mut none = declared.clone();
        none.env_secrets.clear();
        none.resolved_secrets.clear();
        let names = declared
            .env_secrets
            .keys()
            .chain(declared.resolved_secrets.keys());
        let mut unset = none.clone();
        for name in names {
            unset = unset.with_env_secret(name, "FRAISIER_ADAPTER_TESTING_UNSET");
        }
        for (ctx, kind) in [
            (none, AdapterErrorKind::MissingSecret),
            (unset, AdapterErrorKind::SecretReadFailed),
        ] {
            let current = self.current(&ctx).await.map(drop);
            let up = self.up(&ctx, None).await.map(drop);
            let first = self.fixture.revisions[0].clone();
            let down = self.down_to(&ctx, &first).await.map(drop);
            for (call, result) in [("current_revision", current), ("up", up), ("down_to", down)] {
                let holds = result.as_ref().is_err_and(|error| error.kind == kind);
                self.check(Duty::MissingSecret, holds, || {
                    format!("{call} must fail with {kind}; it returned {result:?}")
                });
            }
        }
    }

    async fn fresh_database(&mut self) {
        let fixture = self.fixture;
        let ctx = &fixture.ctx;
        self.is_at(Duty::FreshDatabase, ctx, None).await;
        self.preflight(ctx).await;
        self.verify(ctx).await;
        self.is_at(Duty::ReadOnly, ctx, None).await;
        let unknown = Revision::new(NO_SUCH_REVISION);
        let up = self.up(ctx, Some(&unknown)).await;
        self.refused(&up);
        self.is_at(Duty::UnknownTarget, ctx, None).await;
    }

    fn refused(&mut self, result: &Result<MigrationOutcome, AdapterError>) {
        let kind = AdapterErrorKind::PreconditionFailed;
        let holds = result.as_ref().is_err_and(|error| error.kind == kind);
        self.check(Duty::UnknownTarget, holds, || {
            format!("must fail with {kind}; it returned {result:?}")
        });
    }

    async fn preflight(&mut self, ctx: &AdapterCtx) {
        let result = self.adapter.preflight(ctx).await;
        self.observe(capability::PREFLIGHT, &result);
        self.supported(capability::PREFLIGHT, &result);
        let Ok(report) = &result else { return };
        let errors = |report: &PreflightReport| {
            let mut severities = report.issues.iter().map(|issue| issue.severity);
            severities.any(|severity| severity == Severity::Error)
        };
        self.check(
            Duty::PreflightVerdict,
            !(report.ok && errors(report)),
            || format!("{report:?}"),
        );
        let window = self.advertises(capability::WINDOW_SAFE);
        let tiers = self.advertises(capability::RISK_TIER);
        let explained = !report.issues.is_empty();
        let judged = report.window_safe.is_some();
        let listed = report.usable_change_set().is_ok();
        let holds = (window || !judged)
            && (!window || judged || explained)
            && (!tiers || listed || explained);
        self.check(Duty::PreflightPromises, holds, || {
            format!("window_safe advertised: {window}, risk_tier advertised: {tiers}, {report:?}")
        });
    }

    async fn verify(&mut self, ctx: &AdapterCtx) {
        let result = self.adapter.verify(ctx).await;
        self.observe(capability::VERIFY, &result);
        self.supported(capability::VERIFY, &result);
        let Ok(report) = &result else { return };
        let passed = report.checks.iter().all(|check| check.ok) && !report.was_skipped;
        self.check(Duty::VerifyVerdict, !report.ok || passed, || {
            format!("{report:?}")
        });
    }

    /// Checks a method that an adapter need not implement.
    fn supported<T: Debug>(&mut self, method: &str, result: &Result<T, AdapterError>) {
        let advertised = self.advertises(method);
        let kind = AdapterErrorKind::MethodNotSupported;
        let refused = result.as_ref().is_err_and(|error| error.kind == kind);
        self.check(Duty::Capabilities, refused != advertised, || {
            format!("`{method}` advertised: {advertised}; it returned {result:?}")
        });
    }

    async fn forward(&mut self) {
        let fixture = self.fixture;
        let (ctx, all) = (&fixture.ctx, fixture.revisions.as_slice());
        let (first, last) = (&all[0], &all[all.len() - 1]);

        let up = self.up(ctx, Some(first)).await;
        self.outcome(Duty::UpToTarget, "up to the first", &up, &all[..1], first);
        self.is_at(Duty::UpToTarget, ctx, Some(first)).await;

        let up = self.up(ctx, None).await;
        self.outcome(Duty::UpToHead, "up", &up, &all[1..], last);
        self.is_at(Duty::UpToHead, ctx, Some(last)).await;

        let up = self.up(ctx, None).await;
        self.outcome(Duty::UpWithNothingToDo, "up again", &up, &[], last);
        self.is_at(Duty::UpWithNothingToDo, ctx, Some(last)).await;

        let up = self.up(ctx, Some(first)).await;
        self.outcome(Duty::UpNeverRollsBack, "up to the first", &up, &[], last);
        self.is_at(Duty::UpNeverRollsBack, ctx, Some(last)).await;

        self.verify(ctx).await;
        self.preflight(ctx).await;
        self.is_at(Duty::ReadOnly, ctx, Some(last)).await;

        for _ in 0..2 {
            let done = self.adapter.post_migrate(ctx).await;
            self.observe(capability::POST_MIGRATE, &done);
            self.check(Duty::PostMigrateRepeatable, done.is_ok(), || {
                format!("{done:?}")
            });
        }
    }

    async fn back(&mut self) {
        let fixture = self.fixture;
        let (ctx, all) = (&fixture.ctx, fixture.revisions.as_slice());
        let (first, last) = (&all[0], &all[all.len() - 1]);
        let later: Vec<Revision> = all[1..].iter().rev().cloned().collect();

        let unknown = self.down_to(ctx, &Revision::new(NO_SUCH_REVISION)).await;
        self.refused(&unknown);
        self.is_at(Duty::UnknownTarget, ctx, Some(last)).await;

        let down = self.down_to(ctx, first).await;
        self.outcome(Duty::DownTo, "down_to the first", &down, &later, first);
        self.is_at(Duty::DownTo, ctx, Some(first)).await;

        let down = self.down_to(ctx, first).await;
        self.outcome(Duty::DownToCurrent, "down_to again", &down, &[], first);
        self.is_at(Duty::DownToCurrent, ctx, Some(first)).await;
    }

    /// Starts an `up`, drops it, and migrates again.
    async fn cancellation(&mut self) {
        let fixture = self.fixture;
        let (ctx, all) = (&fixture.ctx, fixture.revisions.as_slice());
        poll_once(self.adapter.up(ctx, None));
        let found = self.current(ctx).await;
        let known = found
            .as_ref()
            .is_ok_and(|it| it.as_ref().is_some_and(|it| all.contains(it)));
        self.check(Duty::Cancellation, known, || {
            format!("after a dropped `up`, `current_revision` returned {found:?}")
        });
        let mut up = self.up(ctx, None).await;
        for _ in 0..RETRIES.0 {
            match &up {
                Err(error) if error.kind.is_retriable() => tokio::time::sleep(RETRIES.1).await,
                _ => break,
            }
            up = self.up(ctx, None).await;
        }
        self.check(Duty::Cancellation, up.is_ok(), || {
            format!("`up` after a dropped `up` returned {up:?}")
        });
        self.is_at(Duty::Cancellation, ctx, all.last()).await;
    }

    async fn overlap(&mut self) {
        let fixture = self.fixture;
        let (ctx, all) = (&fixture.ctx, fixture.revisions.as_slice());
        let adapter = self.adapter;
        let down = self.down_to(ctx, &all[0]).await;
        if down.is_err() {
            return;
        }
        let (one, other) =
            tokio::join!(adapter.current_revision(ctx), adapter.current_revision(ctx));
        self.check(Duty::Overlap, one.is_ok() && one == other, || {
            format!("two calls of `current_revision` at once returned {one:?} and {other:?}")
        });
        let (one, other) = tokio::join!(adapter.up(ctx, None), adapter.up(ctx, None));
        self.observe(capability::UP, &one);
        self.observe(capability::UP, &other);
        let mut applied: Vec<&Revision> = Vec::new();
        let mut contention = true;
        for result in [&one, &other] {
            match result {
                Ok(outcome) => applied.extend(&outcome.applied),
                Err(error) => contention &= error.kind.is_retriable(),
            }
        }
        let each_once = applied.iter().copied().eq(&all[1..]);
        self.check(Duty::Overlap, contention && each_once, || {
            format!("two calls of `up` at once returned {one:?} and {other:?}")
        });
        self.is_at(Duty::Overlap, ctx, all.last()).await;
    }

    async fn broken(&mut self) {
        let fixture = self.fixture;
        let Some((ctx, applied)) = &fixture.broken else {
            return;
        };
        let up = self.up(ctx, None).await;
        let holds = up.as_ref().is_err_and(|error| {
            let known = [AdapterErrorKind::Execution, AdapterErrorKind::SchemaError];
            let named = applied.iter().all(|it| error.message.contains(it.as_str()));
            known.contains(&error.kind) && named
        });
        self.check(Duty::PartialFailure, holds, || {
            format!("a failed `up` that applied {applied:?} returned {up:?}")
        });
        self.is_at(Duty::PartialFailure, ctx, applied.last()).await;
    }

    async fn unreachable(&mut self) {
        let fixture = self.fixture;
        let Some(ctx) = &fixture.unreachable else {
            return;
        };
        let current = self.current(ctx).await.map(drop);
        let up = self.up(ctx, None).await.map(drop);
        for (call, result) in [("current_revision", current), ("up", up)] {
            let kind = AdapterErrorKind::DbUnreachable;
            let holds = result.as_ref().is_err_and(|error| error.kind == kind);
            self.check(Duty::Unreachable, holds, || {
                format!("{call} must fail with {kind}; it returned {result:?}")
            });
        }
    }
}

/// Starts a call and drops it, unless it is ready at once.
fn poll_once<T>(future: impl Future<Output = T>) {
    let mut context = Context::from_waker(Waker::noop());
    let _started: Poll<T> = pin!(future).poll(&mut context);
}
