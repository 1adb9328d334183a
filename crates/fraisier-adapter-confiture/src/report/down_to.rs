//! The report of `migrate down-to`.

use serde::Deserialize;

use super::{Absent, Decode, Object};

/// What `down-to` did. Every field is there since 0.20.0.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct DownTo {
    /// The revision before.
    pub(crate) from: Option<String>,
    /// The revision that was asked for.
    pub(crate) to: String,
    /// What was rolled back, the newest first.
    pub(crate) rolled_back: Vec<String>,
    /// What could not be.
    pub(crate) skipped: Vec<String>,
    /// Why it stopped.
    pub(crate) errors: Vec<String>,
    #[serde(default, rename = "error")]
    _error: Absent,
    #[serde(flatten)]
    _object: Object,
}

impl Decode for DownTo {}
