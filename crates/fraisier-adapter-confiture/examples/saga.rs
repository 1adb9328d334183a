//! A deploy as a saga: what was done is undone when a later step fails.
//!
//! `DATABASE_URL=… cargo run --example saga -- /srv/shop`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, MigrationAdapter};
use fraisier_adapter_confiture::ConfitureMigration;

/// Migrates and serves; goes back to where the database was when it cannot be served.
async fn deploy(
    adapter: Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    healthy: bool,
) -> Result<(), Box<dyn Error>> {
    // Asked before the `up`: this is what `down_to` can go back to.
    let before = adapter.current_revision(ctx).await?;
    let outcome = adapter.up(ctx, None).await?;
    println!("applied {} migrations", outcome.applied.len());

    let Err(error) = serve(&adapter, ctx, healthy).await else {
        return Ok(());
    };
    match before {
        Some(before) => {
            let outcome = adapter.down_to(ctx, before).await?;
            println!("rolled back {} migrations", outcome.applied.len());
        }
        None => println!("there was no revision to go back to"),
    }
    Err(error)
}

/// Stands for the steps after the migration: the new version starts, and its health is asked.
async fn serve(
    adapter: &Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    healthy: bool,
) -> Result<(), Box<dyn Error>> {
    let verified = adapter.verify(ctx).await?;
    match (verified.ok, healthy) {
        (true, true) => Ok(()),
        (true, false) => Err("the new version is not healthy".into()),
        (false, _) => Err("what was migrated does not verify".into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let workdir = arguments.next().unwrap_or_else(|| ".".into());
    let healthy = arguments.next().as_deref() != Some("--unhealthy");

    let adapter = ConfitureMigration::builder()
        .timeout(Duration::from_secs(15 * 60))
        .build();
    let ctx = AdapterCtx::new("shop", "production")
        .with_workdir(workdir)
        // The secret `DATABASE_URL` is read from the variable of the same name.
        .with_env_secret("DATABASE_URL", "DATABASE_URL");
    deploy(Arc::new(adapter), &ctx, healthy).await?;
    println!("deployed");
    Ok(())
}
