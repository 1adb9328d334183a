//! The two ways in which a database is migrated.

use std::fmt;

use fraisier_adapter_api::{
    AdapterCtx, AdapterError, MigrationAdapter, MigrationOutcome, Revision,
};

/// The first of three migrations: what is rolled back is what came after it.
const FIRST: &str = "001";

/// Forward to the head, or back to the first migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    /// Makes the call.
    ///
    /// # Errors
    /// The adapter's.
    pub async fn migrate(
        self,
        adapter: &dyn MigrationAdapter,
        ctx: &AdapterCtx,
    ) -> Result<MigrationOutcome, AdapterError> {
        match self {
            Self::Up => adapter.up(ctx, None).await,
            Self::Down => adapter.down_to(ctx, Revision::new(FIRST)).await,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down_to",
        })
    }
}
