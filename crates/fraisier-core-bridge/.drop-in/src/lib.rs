//! Our adapter under the name that the fraisier engine compiles in.
//!
//! The engine 1.0.0-beta.14 compiles in `[migration] adapter = "confiture"` from the crate
//! `fraisier-adapter-confiture` 1.0.0-beta.14. This package has that name and version, and the items that the
//! engine uses, so that a patch builds the unmodified engine with our adapter:
//!
//! ```console
//! $ cargo install fraisier --version =1.0.0-beta.14 --locked --ignore-rust-version \
//!     --config 'patch.crates-io.fraisier-adapter-confiture.path="crates/fraisier-core-bridge/.drop-in"'
//! ```
//!
//! The engine passes no settings to an adapter, so options come from the environment, as for the program
//! `fraisier-adapter-confiture-ipc`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use confiture::capability::Need;
use fraisier_core::adapter_axes::{
    AdapterCtx, AdapterDescription, AdapterError, MigrationAdapter, MigrationOutcome,
    PreflightReport, Revision, VerifyReport,
};
use fraisier_core_bridge::{EngineAdapter, withheld_variables};

/// A capability, and the first release of confiture that has it.
pub type CapabilityFloor = (&'static str, Option<(u32, u32, u32)>);

/// The capabilities that depend on the installed release. The engine's `doctor` lists those that the
/// installed one lacks, and its minimum is the highest of them.
pub const CAPABILITY_FLOORS: &[CapabilityFloor] = &[
    floor(Need::WindowSafe),
    floor(Need::RiskTier),
    floor(Need::DeepClassification),
    floor(Need::PendingScope),
];

const fn floor(need: Need) -> CapabilityFloor {
    let (major, minor, patch) = need.floor().since;
    (
        need.as_str(),
        Some((small(major), small(minor), small(patch))),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "checked, at compile time")]
const fn small(number: u64) -> u32 {
    assert!(number <= u32::MAX as u64, "a number of a release");
    number as u32
}

/// Our adapter for confiture, as the engine creates it.
#[derive(Debug, Clone)]
pub struct ConfitureMigration {
    /// An invalid variable is reported by every call: the engine creates its adapter where nothing can
    /// fail.
    options: Result<confiture::Builder, AdapterError>,
    adapter: Arc<Mutex<Option<Built>>>,
}

/// An adapter, and the variables that it withholds from its children.
#[derive(Debug)]
struct Built {
    withheld: BTreeSet<OsString>,
    adapter: EngineAdapter,
}

impl Default for ConfitureMigration {
    fn default() -> Self {
        Self::new()
    }
}

impl ConfitureMigration {
    /// An adapter with the options of the environment.
    #[must_use]
    pub fn new() -> Self {
        Self::with(options())
    }

    fn with(options: Result<confiture::Builder, fraisier_adapter_api::AdapterError>) -> Self {
        Self {
            options: options.map_err(fraisier_core_bridge::error),
            adapter: Arc::default(),
        }
    }

    /// The adapter that withholds what the engine withholds now.
    fn adapter(&self) -> Result<EngineAdapter, AdapterError> {
        let options = self.options.as_ref().map_err(Clone::clone)?;
        let withheld = withheld_variables();
        let mut built = self.adapter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = built.as_ref().filter(|built| built.withheld == withheld) {
            return Ok(built.adapter.clone());
        }
        let adapter = options.clone().withhold_env(&withheld).build();
        let adapter = EngineAdapter::new(Arc::new(adapter));
        *built = Some(Built {
            withheld,
            adapter: adapter.clone(),
        });
        Ok(adapter)
    }
}

/// The engine calls `preflight` and `verify` in its own working directory, which contains no migrations
/// when a timer or a webhook starts a deploy.
fn options() -> Result<confiture::Builder, fraisier_adapter_api::AdapterError> {
    confiture::ConfitureMigration::builder()
        .missing_migrations(confiture::MissingMigrations::AskConfiture)
        .overridden_by_env()
        .map_err(Into::into)
}

#[async_trait]
impl MigrationAdapter for ConfitureMigration {
    async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
        self.adapter()?.describe().await
    }

    async fn current_revision(&self, ctx: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
        self.adapter()?.current_revision(ctx).await
    }

    async fn up(
        &self,
        ctx: &AdapterCtx,
        target: Option<Revision>,
    ) -> Result<MigrationOutcome, AdapterError> {
        self.adapter()?.up(ctx, target).await
    }

    async fn down_to(
        &self,
        ctx: &AdapterCtx,
        target: Revision,
    ) -> Result<MigrationOutcome, AdapterError> {
        self.adapter()?.down_to(ctx, target).await
    }

    async fn verify(&self, ctx: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
        self.adapter()?.verify(ctx).await
    }

    async fn preflight(&self, ctx: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
        self.adapter()?.preflight(ctx).await
    }

    async fn post_migrate(&self, ctx: &AdapterCtx) -> Result<(), AdapterError> {
        self.adapter()?.post_migrate(ctx).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// The engine's own test of its `doctor` expects it.
    #[test]
    fn the_highest_minimum_is_that_of_the_engine() {
        let highest = CAPABILITY_FLOORS.iter().map(|(_, since)| *since).max();
        assert_eq!(highest, Some(Some((1, 35, 0))));
    }

    #[test]
    fn the_engine_accepts_the_drop_in() {
        let adapter: Arc<dyn MigrationAdapter> = Arc::new(ConfitureMigration::new());
        drop(adapter);
    }

    #[tokio::test]
    async fn no_child_receives_what_the_engine_withholds() {
        // A test cannot set a variable. Cargo sets this one.
        const NAME: &str = "CARGO_PKG_NAME";
        let directory = tempfile::tempdir().unwrap();
        let seen = directory.path().join("seen");
        let program = directory.path().join("confiture");
        let script = format!("#!/bin/sh\nenv >> '{}'\n", seen.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let migrations = directory.path().join("db/migrations");
        fs::create_dir_all(&migrations).unwrap();
        fs::write(migrations.join("001_a.up.sql"), "SELECT 1;").unwrap();
        let builder = confiture::ConfitureMigration::builder().program(&program);
        let adapter = ConfitureMigration::with(Ok(builder));
        let mut ctx = AdapterCtx::new("shop", "production")
            .with_resolved_secret("DATABASE_URL", "postgresql://shop@localhost/shop");
        ctx.workdir = directory.path().to_owned();
        let receives = |call: &str| {
            let environment = fs::read_to_string(&seen).expect(call);
            fs::remove_file(&seen).unwrap();
            environment
                .lines()
                .any(|line| line.starts_with(&format!("{NAME}=")))
        };

        adapter.describe().await.unwrap_err();
        assert!(receives("describe"), "nothing is withheld yet");
        fraisier_core::child_env::withhold(NAME);
        adapter.describe().await.unwrap_err();
        assert!(!receives("describe"));
        adapter.current_revision(&ctx).await.unwrap_err();
        assert!(!receives("current_revision"));
        adapter.up(&ctx, None).await.unwrap_err();
        assert!(!receives("up"));
        adapter.verify(&ctx).await.unwrap_err();
        assert!(!receives("verify"));
        adapter.preflight(&ctx).await.unwrap_err();
        assert!(!receives("preflight"));
    }

    #[tokio::test]
    async fn a_bad_variable_is_an_error_of_every_call() {
        let bad = fraisier_adapter_api::AdapterError::new(
            fraisier_adapter_api::AdapterErrorKind::InvalidConfig,
            "the variable has an invalid value",
        );
        let adapter = ConfitureMigration::with(Err(bad));
        let ctx = AdapterCtx::new("shop", "production");
        for error in [
            adapter.describe().await.unwrap_err(),
            adapter.current_revision(&ctx).await.unwrap_err(),
            adapter.up(&ctx, None).await.unwrap_err(),
            adapter
                .down_to(&ctx, Revision::new("001"))
                .await
                .unwrap_err(),
            adapter.verify(&ctx).await.unwrap_err(),
            adapter.preflight(&ctx).await.unwrap_err(),
            adapter.post_migrate(&ctx).await.unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                "[invalid_config] the variable has an invalid value"
            );
        }
    }
}
