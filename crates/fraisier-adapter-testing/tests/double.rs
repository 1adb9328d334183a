//! The in-memory adapter does what a test scripts.

use std::time::Duration;

use fraisier_adapter_api::{
    AdapterCtx, AdapterError, AdapterErrorKind, MigrationAdapter, PreflightReport, Revision,
    VerifyReport,
};
use fraisier_adapter_testing::{InMemoryAdapter, Method, Step};
use tokio::time::{Instant, timeout};

const SHOP: &str = "postgresql://shop:hunter2@db/shop";

fn ctx() -> AdapterCtx {
    AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", SHOP)
}

fn three() -> InMemoryAdapter {
    InMemoryAdapter::new(["001", "002", "003"])
}

fn failure() -> AdapterError {
    AdapterError::new(AdapterErrorKind::Execution, "it failed")
}

fn revisions(names: &[&str]) -> Vec<Revision> {
    names.iter().copied().map(Revision::from).collect()
}

#[tokio::test(start_paused = true)]
async fn each_step_applies_to_one_call_of_its_method() {
    let adapter = three();
    adapter.script(Method::Verify, Step::fail(failure()));
    adapter.script(Method::Verify, Step::default());
    adapter.script(Method::Verify, Step::fail(failure()));
    adapter.up(&ctx(), None).await.expect("up has no step");
    assert_eq!(adapter.verify(&ctx()).await, Err(failure()));
    assert!(adapter.verify(&ctx()).await.expect("an ordinary call").ok);
    assert_eq!(adapter.verify(&ctx()).await, Err(failure()));
    assert!(adapter.verify(&ctx()).await.expect("no step is left").ok);
}

#[tokio::test(start_paused = true)]
async fn every_method_can_be_made_to_fail() {
    let adapter = three();
    for method in [
        Method::Describe,
        Method::CurrentRevision,
        Method::Up,
        Method::DownTo,
        Method::Verify,
        Method::Preflight,
        Method::PostMigrate,
    ] {
        adapter.script(method, Step::fail(failure()));
    }
    assert_eq!(adapter.describe().await, Err(failure()));
    assert_eq!(adapter.current_revision(&ctx()).await, Err(failure()));
    assert_eq!(adapter.up(&ctx(), None).await, Err(failure()));
    assert_eq!(adapter.down_to(&ctx(), "001".into()).await, Err(failure()));
    assert_eq!(adapter.verify(&ctx()).await, Err(failure()));
    assert_eq!(adapter.preflight(&ctx()).await, Err(failure()));
    assert_eq!(adapter.post_migrate(&ctx()).await, Err(failure()));
    assert_eq!(adapter.applied(SHOP), [], "nothing was changed");
    let operations: Vec<_> = adapter
        .calls()
        .iter()
        .map(|it| it.method.as_str())
        .collect();
    assert_eq!(
        operations,
        [
            "describe",
            "current_revision",
            "up",
            "down_to",
            "verify",
            "preflight",
            "post_migrate"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_delay_passes_before_each_migration() {
    let adapter = three();
    adapter.script(Method::Up, Step::delay(Duration::from_secs(60)));
    let started = Instant::now();
    adapter.up(&ctx(), None).await.expect("applied");
    assert_eq!(started.elapsed(), Duration::from_secs(180));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_up_keeps_applied_migrations_and_releases_the_lock() {
    let adapter = three();
    adapter.script(Method::Up, Step::delay(Duration::from_secs(60)));
    let cancelled = timeout(Duration::from_secs(90), adapter.up(&ctx(), None)).await;
    cancelled.expect_err("two migrations take longer");
    assert_eq!(adapter.applied(SHOP), revisions(&["001"]));
    let outcome = adapter.up(&ctx(), None).await.expect("the lock is free");
    assert_eq!(outcome.from, Some("001".into()));
    assert_eq!(outcome.applied, revisions(&["002", "003"]));
}

#[tokio::test(start_paused = true)]
async fn a_second_up_fails_with_lock_contention() {
    let adapter = three();
    adapter.script(Method::Up, Step::delay(Duration::from_secs(60)));
    let ctx = ctx();
    let (first, second) = tokio::join!(adapter.up(&ctx, None), adapter.up(&ctx, None));
    assert_eq!(first.expect("it had the lock").applied.len(), 3);
    let error = second.expect_err("it did not");
    assert_eq!(error.kind, AdapterErrorKind::LockContention);
    assert_eq!(error.operation.as_deref(), Some("up"));
}

#[tokio::test]
async fn a_broken_migration_stops_an_up_until_it_is_repaired() {
    let adapter = three();
    adapter.break_migration("002", failure());
    for _ in 0..2 {
        assert_eq!(adapter.up(&ctx(), None).await, Err(failure()));
        assert_eq!(adapter.applied(SHOP), revisions(&["001"]));
    }
    adapter.repair_migration("002");
    adapter.up(&ctx(), None).await.expect("repaired");
    assert_eq!(adapter.applied(SHOP).len(), 3);
}

#[tokio::test]
async fn each_connection_string_has_its_own_database() {
    let adapter = three();
    let other = ctx().with_resolved_secret("DATABASE_URL", "postgresql://other");
    adapter.set_applied(SHOP, ["001"]);
    adapter.set_reachable("postgresql://other", false);
    let current = adapter.current_revision(&ctx()).await;
    assert_eq!(current, Ok(Some("001".into())));
    let error = adapter.current_revision(&other).await.unwrap_err();
    assert_eq!(error.kind, AdapterErrorKind::DbUnreachable);
    adapter.set_reachable("postgresql://other", true);
    assert_eq!(adapter.current_revision(&other).await, Ok(None));
}

#[tokio::test]
async fn reports_can_be_replaced() {
    let adapter = three();
    let preflight = PreflightReport::new(false).with_window_safe(false);
    let verify = VerifyReport::new(false);
    adapter.set_preflight(preflight.clone());
    adapter.set_verify(verify.clone());
    assert_eq!(adapter.preflight(&ctx()).await, Ok(preflight));
    assert_eq!(adapter.verify(&ctx()).await, Ok(verify));
}

#[tokio::test]
async fn preflight_lists_what_is_pending() {
    let adapter = three();
    adapter.set_applied(SHOP, ["001"]);
    let report = adapter.preflight(&ctx()).await.expect("a report");
    let changes = &report.usable_change_set().expect("a change set").changes;
    let migrations: Vec<_> = changes.iter().map(|it| it.migration.as_deref()).collect();
    assert_eq!(migrations, [Some("002"), Some("003")]);
}

#[test]
fn debug_prints_no_connection_string() {
    let adapter = three();
    adapter.set_applied(SHOP, ["001"]);
    assert!(!format!("{adapter:?}").contains("hunter2"));
}
