//! The in-memory adapter passes the suite, and each duty has an adapter that violates it.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, MigrationAdapter,
    MigrationOutcome, PreflightIssue, PreflightReport, Revision, Severity, VerifyReport,
    async_trait, capability,
};
use fraisier_adapter_testing::conformance::{self, Duty, Fixture, Report};
use fraisier_adapter_testing::{InMemoryAdapter, Method, Step};

const MIGRATIONS: [&str; 3] = ["001", "002", "003"];
const GOOD: &str = "postgresql://shop:hunter2@db/good";
const BROKEN: &str = "postgresql://shop:hunter2@db/broken";
const DOWN: &str = "postgresql://shop:hunter2@nowhere/shop";

fn ctx(url: &str) -> AdapterCtx {
    AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", url)
}

fn fixture() -> Fixture {
    Fixture::new(ctx(GOOD), MIGRATIONS)
        .with_broken(ctx(BROKEN), ["001"])
        .with_unreachable(ctx(DOWN))
        .with_secret("hunter2")
}

/// The double, with a migration that fails in the broken database only.
struct Faithful(InMemoryAdapter);

impl Faithful {
    fn new() -> Self {
        let double = InMemoryAdapter::new(MIGRATIONS);
        double.set_reachable(DOWN, false);
        Self(double)
    }
}

#[async_trait]
impl MigrationAdapter for Faithful {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        self.0.describe().await
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        self.0.current_revision(ctx).await
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        let broken = ctx.secret("DATABASE_URL").is_ok_and(|url| url == BROKEN);
        if broken {
            let error = AdapterError::new(AdapterErrorKind::Execution, "002 failed; applied: 001");
            self.0.break_migration("002", error);
        }
        let result = self.0.up(ctx, target).await;
        self.0.repair_migration("002");
        result
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        self.0.down_to(ctx, target).await
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        self.0.verify(ctx).await
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        self.0.preflight(ctx).await
    }

    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        self.0.post_migrate(ctx).await
    }
}

/// One violation of a duty, on top of the faithful adapter.
struct Violating {
    duty: Duty,
    inner: Faithful,
    calls: AtomicUsize,
}

impl Violating {
    fn is(&self, duty: Duty) -> bool {
        self.duty == duty
    }

    /// Counts a call; whether it is one after the first.
    fn again(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) > 0
    }

    fn error(kind: AdapterErrorKind) -> AdapterError {
        AdapterError::new(kind, "it failed")
    }
}

#[async_trait]
impl MigrationAdapter for Violating {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        let mut described = self.inner.describe().await?;
        match self.duty {
            Duty::Description => described.protocol_version = 2,
            Duty::Capabilities => described.capabilities.retain(|it| it != capability::VERIFY),
            Duty::PreflightPromises => {
                described
                    .capabilities
                    .retain(|it| it != capability::WINDOW_SAFE);
            }
            _ => {}
        }
        Ok(described)
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        if self.is(Duty::MissingSecret) && ctx.secret("DATABASE_URL").is_err() {
            return Ok(None);
        }
        let current = self.inner.current_revision(ctx).await;
        match (self.duty, current) {
            (Duty::FreshDatabase, Ok(None)) => {
                Err(Self::error(AdapterErrorKind::PreconditionFailed))
            }
            (Duty::Unreachable, Err(error)) if error.kind == AdapterErrorKind::DbUnreachable => {
                Ok(None)
            }
            (Duty::ErrorFields, Err(error)) => Err(error.with_operation("up")),
            (Duty::Secrets, Err(mut error)) => {
                error.message.push_str(DOWN);
                Err(error)
            }
            (_, current) => current,
        }
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        let known = target
            .as_ref()
            .is_none_or(|it| MIGRATIONS.contains(&it.as_str()));
        let before = self.inner.current_revision(ctx).await.ok().flatten();
        let past = before == Some("003".into());
        match self.duty {
            Duty::UnknownTarget if !known => return self.inner.up(ctx, None).await,
            Duty::UpToTarget if before.is_none() => return self.inner.up(ctx, None).await,
            Duty::UpNeverRollsBack if past && target.is_some() => {
                return self.inner.down_to(ctx, "001".into()).await;
            }
            Duty::Overlap => {
                let delay = Step::delay(Duration::from_secs(1));
                self.inner.0.script(Method::Up, delay);
            }
            Duty::Cancellation => {
                let torn = Torn(&self.inner.0);
                tokio::task::yield_now().await;
                mem::forget(torn);
            }
            _ => {}
        }
        let result = self.inner.up(ctx, target).await;
        match (self.duty, result) {
            (Duty::UpToHead, Ok(mut outcome)) => {
                outcome.applied.reverse();
                Ok(outcome)
            }
            (Duty::UpWithNothingToDo, Ok(outcome)) if outcome.applied.is_empty() => {
                Err(Self::error(AdapterErrorKind::PreconditionFailed))
            }
            (Duty::PartialFailure, Err(_)) => Err(Self::error(AdapterErrorKind::Execution)),
            (Duty::Overlap, Err(error)) if error.kind == AdapterErrorKind::LockContention => {
                Err(Self::error(AdapterErrorKind::InternalError))
            }
            (_, result) => result,
        }
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        let outcome = self.inner.down_to(ctx, target).await;
        match (self.duty, outcome) {
            (Duty::DownTo, Ok(mut outcome)) => {
                outcome.applied.reverse();
                Ok(outcome)
            }
            (Duty::DownToCurrent, Ok(outcome)) if outcome.applied.is_empty() => {
                Err(Self::error(AdapterErrorKind::PreconditionFailed))
            }
            (_, outcome) => outcome,
        }
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        match self.duty {
            Duty::VerifyVerdict => Ok(VerifyReport::new(true).with_skipped(true)),
            Duty::ReadOnly => {
                self.inner.up(ctx, None).await?;
                self.inner.verify(ctx).await
            }
            _ => self.inner.verify(ctx).await,
        }
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        let report = self.inner.preflight(ctx).await?;
        Ok(match self.duty {
            Duty::PreflightVerdict => {
                report.with_issues(vec![PreflightIssue::new(Severity::Error, "E", "broken")])
            }
            _ => report,
        })
    }

    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        if self.is(Duty::PostMigrateRepeatable) && self.again() {
            return Err(Self::error(AdapterErrorKind::Execution));
        }
        self.inner.post_migrate(ctx).await
    }

    fn owns_database(&self) -> bool {
        !(self.is(Duty::ConstantOwnership) && self.again())
    }
}

/// Breaks a migration when the call that it belongs to is dropped.
struct Torn<'a>(&'a InMemoryAdapter);

impl Drop for Torn<'_> {
    fn drop(&mut self) {
        let error = AdapterError::new(AdapterErrorKind::Execution, "torn");
        self.0.break_migration("003", error);
    }
}

fn violated(report: &Report) -> Vec<Duty> {
    report.findings.iter().map(|finding| finding.duty).collect()
}

#[tokio::test(start_paused = true)]
async fn a_faithful_adapter_passes_every_duty() {
    let report = conformance::run(&Faithful::new(), &fixture()).await;
    assert_eq!(violated(&report), [], "{:#?}", report.findings);
    assert_eq!(report.unchecked().collect::<Vec<_>>(), []);
}

#[tokio::test(start_paused = true)]
async fn each_violated_duty_is_found() {
    for duty in Duty::ALL {
        let adapter = Violating {
            duty: *duty,
            inner: Faithful::new(),
            calls: AtomicUsize::new(0),
        };
        let report = conformance::run(&adapter, &fixture()).await;
        assert!(
            violated(&report).contains(duty),
            "{duty:?}: {:#?}",
            report.findings
        );
        assert!(
            !format!("{:?}", report.findings).contains("hunter2"),
            "{duty:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn duties_that_the_fixture_cannot_check_are_listed() {
    let fixture = Fixture::new(ctx(GOOD), MIGRATIONS);
    let report = conformance::run(&Faithful::new(), &fixture).await;
    let unchecked: Vec<_> = report.unchecked().collect();
    assert_eq!(unchecked, [Duty::PartialFailure, Duty::Unreachable]);
}

#[tokio::test(start_paused = true)]
async fn an_adapter_without_preflight_and_verify_passes() {
    let adapter = Faithful::new();
    let described = adapter.describe().await.expect("described");
    adapter.0.set_description(described.with_capabilities([
        capability::CURRENT_REVISION,
        capability::UP,
        capability::DOWN_TO,
    ]));
    let report = conformance::run(&adapter, &fixture()).await;
    assert_eq!(violated(&report), [], "{:#?}", report.findings);
    let unchecked: Vec<_> = report.unchecked().collect();
    let expected = [
        Duty::PreflightVerdict,
        Duty::PreflightPromises,
        Duty::VerifyVerdict,
    ];
    assert_eq!(unchecked, expected);
}
