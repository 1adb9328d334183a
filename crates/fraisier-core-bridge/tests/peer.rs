//! The adapter that fraisier is shipped with, checked for the duties of the trait. The duties that it
//! violates are listed here, and in `docs/fraisier.md`.
//!
//! It needs a confiture and databases: `cargo xtask live conformance/` runs it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fraisier_adapter_api as api;
use fraisier_adapter_testing::conformance::{self, Duty, Fixture};
use fraisier_core::adapter_axes::MigrationAdapter as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shipped::ConfitureMigration;

/// The duties that it violates with the newest release.
const VIOLATED: [Duty; 5] = [
    // An unknown target of `up` is the head.
    Duty::UpToTarget,
    Duty::UpToHead,
    // An unknown target of `down_to` is a database that cannot be reached.
    Duty::UnknownTarget,
    // … and so is a migration that fails. What was applied before it is not named.
    Duty::PartialFailure,
    // The operations are named `current` and `down-to`.
    Duty::ErrorFields,
];

/// The shipped adapter, with our types.
struct Peer(ConfitureMigration);

/// The same value as a type of the other side: both have the same JSON.
fn crossed<T: DeserializeOwned>(value: impl Serialize) -> T {
    let document = serde_json::to_value(value).expect("a value can be written");
    serde_json::from_value(document).expect("both sides have the same JSON")
}

fn returned<T: DeserializeOwned, E: DeserializeOwned>(
    result: Result<impl Serialize, impl Serialize>,
) -> Result<T, E> {
    result.map(crossed).map_err(crossed)
}

#[async_trait]
impl api::MigrationAdapter for Peer {
    async fn describe(&self) -> Result<api::AdapterDescription, api::AdapterError> {
        returned(self.0.describe().await)
    }

    async fn current_revision(
        &self,
        ctx: &api::AdapterCtx,
    ) -> Result<Option<api::Revision>, api::AdapterError> {
        returned(self.0.current_revision(&crossed(ctx)).await)
    }

    async fn up(
        &self,
        ctx: &api::AdapterCtx,
        target: Option<api::Revision>,
    ) -> Result<api::MigrationOutcome, api::AdapterError> {
        returned(self.0.up(&crossed(ctx), crossed(target)).await)
    }

    async fn down_to(
        &self,
        ctx: &api::AdapterCtx,
        target: api::Revision,
    ) -> Result<api::MigrationOutcome, api::AdapterError> {
        returned(self.0.down_to(&crossed(ctx), crossed(target)).await)
    }

    async fn verify(&self, ctx: &api::AdapterCtx) -> Result<api::VerifyReport, api::AdapterError> {
        returned(self.0.verify(&crossed(ctx)).await)
    }

    async fn preflight(
        &self,
        ctx: &api::AdapterCtx,
    ) -> Result<api::PreflightReport, api::AdapterError> {
        returned(self.0.preflight(&crossed(ctx)).await)
    }

    async fn post_migrate(&self, ctx: &api::AdapterCtx) -> Result<(), api::AdapterError> {
        returned(self.0.post_migrate(&crossed(ctx)).await)
    }

    fn owns_database(&self) -> bool {
        self.0.owns_database()
    }
}

/// The variables `PEER_…` have the program and, as JSON, the contexts of three databases.
#[tokio::test]
#[ignore = "needs a confiture and databases: `cargo xtask live conformance/`"]
async fn the_shipped_adapter_violates_the_listed_duties() {
    let variable = |name: &str| std::env::var(name).expect(name);
    let context = |name: &str| -> api::AdapterCtx {
        serde_json::from_str(&variable(name)).expect("a context")
    };
    let fixture = Fixture::new(context("PEER_CTX"), ["001", "002", "003"])
        .with_broken(context("PEER_BROKEN"), ["001"])
        .with_unreachable(context("PEER_UNREACHABLE"))
        .with_secret("hunter2");
    let peer = Peer(ConfitureMigration::with_program(variable("PEER_PROGRAM")));
    let report = conformance::run(&peer, &fixture).await;
    for finding in &report.findings {
        println!("{finding}");
    }
    let found: BTreeSet<Duty> = report.findings.iter().map(|finding| finding.duty).collect();
    assert_eq!(found, BTreeSet::from(VIOLATED));
}
