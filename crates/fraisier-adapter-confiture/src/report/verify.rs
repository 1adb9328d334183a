//! The report of `migrate verify`.

use serde::Deserialize;
use serde::de::Deserializer;

use super::{Absent, Decode, Object, lenient};

/// What the `.verify.sql` files found.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Verify {
    /// Since 1.12.0. Before it is absent, and the counts decide.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) ok: Option<bool>,
    /// Since 1.12.0. Before it is absent, which says nothing.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) was_skipped: Option<bool>,
    /// Since 0.37.0. Before it is absent, and a missing ledger is an error.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) ledger_present: Option<bool>,
    pub(crate) verified_count: u64,
    pub(crate) failed_count: u64,
    pub(crate) skipped_count: u64,
    /// How many migrations the ledger has.
    pub(crate) total_applied: u64,
    /// One for each of them.
    pub(crate) results: Vec<Checked>,
    #[serde(default, rename = "error")]
    _error: Absent,
    #[serde(flatten)]
    _object: Object,
}

impl Decode for Verify {}

/// The verdict on one migration.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Checked {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) error: Option<String>,
    /// What the query returned; `null` where none was run.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) actual_value: Option<bool>,
    #[serde(flatten)]
    _object: Object,
}

/// What became of one `.verify.sql`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It answered true.
    Verified,
    /// It answered something else, or failed.
    Failed,
    /// There is none.
    NoFile,
    /// It has no statement. Since 1.29.0 at the latest; before, that failed.
    Skipped,
    /// A word of a release to come.
    Other(String),
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.as_str() {
            "verified" => Self::Verified,
            "failed" => Self::Failed,
            "no_file" => Self::NoFile,
            "skipped" => Self::Skipped,
            _ => Self::Other(text),
        })
    }
}

/// A field that may be absent and is no verdict where it is `null`.
fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    bool::deserialize(deserializer).map(Some)
}
