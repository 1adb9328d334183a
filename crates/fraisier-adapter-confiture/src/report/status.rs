//! The report of `migrate status`.

use serde::Deserialize;

use super::{Absent, Decode};

/// The migrations of the directory, and which are applied. Every field is there since 0.20.0.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct MigrationList {
    pub(crate) migrations: Vec<Listed>,
    #[serde(default, rename = "error")]
    _error: Absent,
}

impl Decode for MigrationList {}

/// A migration of the directory.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Listed {
    pub(crate) version: String,
    /// `applied` or `pending`.
    pub(crate) status: String,
    pub(crate) applied_at: Option<String>,
}
