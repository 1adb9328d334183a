//! Ctrl-C stops a migration, and the state of the database is printed. An observer prints the progress, and `tracing`
//! logs everything.
//!
//! `DATABASE_URL=… RUST_LOG=info cargo run --example cancel -- /srv/shop`

use std::process::ExitCode;
use std::sync::Arc;

use fraisier_adapter_api::{AdapterCtx, AdapterError};
use fraisier_adapter_confiture::ConfitureMigration;
use fraisier_adapter_confiture::observe::{Call, Event, Observer};

/// Tells what happens. It is called on the thread that looks after the commands, so it is brief.
struct Progress;

impl Observer for Progress {
    fn event(&self, call: &Call, event: &Event) {
        let operation = call.operation;
        match event {
            Event::Started { .. } => println!("{operation} has started"),
            Event::MigrationApplied { revision, .. } => println!("{operation}: {revision} applied"),
            Event::Interrupted { .. } => println!("{operation} is stopped"),
            _ => {}
        }
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, AdapterError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let workdir = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let adapter = ConfitureMigration::builder()
        .observer(Arc::new(Progress))
        .build();
    let ctx = AdapterCtx::new("shop", "production")
        .with_workdir(workdir)
        .with_env_secret("DATABASE_URL", "DATABASE_URL");

    tokio::select! {
        outcome = adapter.up(&ctx, None) => {
            println!("applied {} migrations", outcome?.applied.len());
            return Ok(ExitCode::SUCCESS);
        }
        // The other future is dropped, which stops its command.
        _ = tokio::signal::ctrl_c() => {}
    }
    adapter.settled().await;
    match adapter.current_revision(&ctx).await? {
        Some(revision) => println!("stopped; the database is at {revision}"),
        None => println!("stopped; the database is as it was: nothing is applied"),
    }
    Ok(ExitCode::from(130))
}
