//! A call that migrates, on a thread of its own, which another thread can drop.

use std::fmt;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use fraisier_adapter_api::{AdapterCtx, MigrationOutcome, Revision};
use fraisier_adapter_confiture::{ConfitureMigration, Failure};
use tokio::sync::oneshot;

use crate::stage::block_on;

/// Forward to the head, or back to the migration `001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    /// Makes the call.
    pub async fn migrate(
        self,
        adapter: &ConfitureMigration,
        ctx: &AdapterCtx,
    ) -> Result<MigrationOutcome, Failure> {
        match self {
            Self::Up => adapter.up(ctx, None).await,
            Self::Down => adapter.down_to(ctx, Revision::new("001")).await,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down_to",
        })
    }
}

/// What a call returned; `None` if it was dropped.
pub type Outcome = Option<Result<MigrationOutcome, Failure>>;

/// A running call; dropping this drops the call too.
pub struct Running {
    drop_it: oneshot::Sender<()>,
    call: JoinHandle<Outcome>,
}

impl Running {
    pub fn start(adapter: ConfitureMigration, ctx: AdapterCtx, direction: Direction) -> Self {
        let (drop_it, asked) = oneshot::channel();
        let call = thread::spawn(move || {
            block_on(async {
                tokio::select! {
                    outcome = direction.migrate(&adapter, &ctx) => Some(outcome),
                    _ = asked => None,
                }
            })
        });
        Self { drop_it, call }
    }

    /// Drops the future. Returns `None` if the call had not ended.
    pub fn cancel(self) -> anyhow::Result<Outcome> {
        let _ = self.drop_it.send(());
        self.call.join().map_err(|_| anyhow!("the call panicked"))
    }

    /// Waits for the call to end by itself.
    pub fn finish(self) -> anyhow::Result<Result<MigrationOutcome, Failure>> {
        let outcome = self.call.join().map_err(|_| anyhow!("the call panicked"))?;
        outcome.context("the call was dropped")
    }
}
