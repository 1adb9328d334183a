//! A deploy as a saga: when a step fails, the migrations that the deploy applied are rolled back.
//!
//! `DATABASE_URL=… cargo run --example saga -- /srv/shop`

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, MigrationAdapter};
use fraisier_adapter_confiture::ConfitureMigration;

/// Migrates and serves. If either fails, it rolls back to the revision of before.
async fn deploy(
    adapter: &dyn MigrationAdapter,
    ctx: &AdapterCtx,
    healthy: bool,
) -> Result<(), Box<dyn Error>> {
    // Before the `up`: `down_to` can go back to this revision.
    let before = adapter.current_revision(ctx).await?;
    let Err(failure) = migrate_and_serve(adapter, ctx, healthy).await else {
        return Ok(());
    };
    // A failed `up` may have applied some of its migrations, so the database is asked.
    let now = adapter.current_revision(ctx).await;
    match (before, now) {
        (before, Ok(now)) if before == now => println!("nothing to roll back"),
        (None, _) => println!("there is no revision to go back to"),
        (Some(before), _) => match adapter.down_to(ctx, before).await {
            Ok(outcome) => println!("rolled back {} migrations", outcome.applied.len()),
            Err(error) => return Err(format!("{failure}\nThe rollback failed: {error}").into()),
        },
    }
    Err(failure)
}

/// Migrates, then stands for the steps after it: the new version starts, and its health is checked.
async fn migrate_and_serve(
    adapter: &dyn MigrationAdapter,
    ctx: &AdapterCtx,
    healthy: bool,
) -> Result<(), Box<dyn Error>> {
    let outcome = adapter.up(ctx, None).await?;
    println!("applied {} migrations", outcome.applied.len());
    let verified = adapter.verify(ctx).await?;
    match (verified.ok, healthy) {
        (true, true) => Ok(()),
        (true, false) => Err("the new version is not healthy".into()),
        (false, _) => Err("the migrated database does not verify".into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let workdir = arguments.next().unwrap_or_else(|| ".".into());
    let healthy = arguments.next().as_deref() != Some("--unhealthy");

    let confiture = ConfitureMigration::builder()
        .timeout(Duration::from_secs(15 * 60))
        .build();
    // The engine uses the trait object; the handle waits for calls that were dropped.
    let adapter: Arc<dyn MigrationAdapter> = Arc::new(confiture.clone());
    let ctx = AdapterCtx::new("shop", "production")
        .with_workdir(workdir)
        // The secret `DATABASE_URL` is read from the variable of the same name.
        .with_env_secret("DATABASE_URL", "DATABASE_URL");

    let deployed = deploy(&*adapter, &ctx, healthy).await;
    confiture.settled().await;
    match deployed {
        Ok(()) => {
            println!("deployed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
