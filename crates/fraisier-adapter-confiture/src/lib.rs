//! Runs confiture, the `PostgreSQL` migration tool, behind fraisier's `MigrationAdapter` trait.

#[allow(dead_code, reason = "the decoder of preflight reports, which asks it, is not there yet")]
mod guard;
pub mod invocation;
pub mod observe;
pub mod outcome;
pub mod process;
