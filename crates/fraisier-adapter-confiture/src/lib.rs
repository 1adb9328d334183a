//! Runs confiture, the `PostgreSQL` migration tool, behind fraisier's `MigrationAdapter` trait.

pub mod invocation;
pub mod observe;
pub mod outcome;
pub mod process;
