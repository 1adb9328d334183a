//! Runs confiture, the `PostgreSQL` migration tool, behind fraisier's `MigrationAdapter` trait.

pub mod invocation;
pub mod outcome;
