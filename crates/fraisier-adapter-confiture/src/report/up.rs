//! The report of `migrate up`.

use serde::Deserialize;

use super::{Absent, Decode, Object, lenient};

/// What `up` did. Every field is there since 0.20.0; `ok`, since 1.16.0, is not read, because it is
/// `true` also when a migration failed.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Up {
    /// Whether every migration that had to be applied was.
    pub(crate) success: bool,
    /// What was applied, in order.
    pub(crate) applied: Vec<Applied>,
    /// The versions of the directory that were applied before, sorted.
    pub(crate) skipped: Vec<String>,
    /// The migration it stopped before, because that needs a superuser. 0.20.0 to 0.47.0 write no
    /// report when they stop there.
    pub(crate) skipped_superuser: Vec<Superuser>,
    /// What comes after the migration it stopped before.
    pub(crate) pending: Vec<String>,
    /// Why it stopped.
    pub(crate) errors: Vec<String>,
    /// Nothing was done, only looked at. Never asked for.
    pub(crate) dry_run: bool,
    /// Everything was done and undone. Never asked for.
    pub(crate) dry_run_execute: bool,
    /// What confiture adds.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    #[serde(default, rename = "error")]
    _error: Absent,
    #[serde(flatten)]
    _object: Object,
}

/// A migration that was applied.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Applied {
    pub(crate) version: String,
    /// What follows the version in the name of the file.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) name: Option<String>,
    #[serde(flatten)]
    _object: Object,
}

/// A migration that needs a superuser.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Superuser {
    pub(crate) version: String,
    pub(crate) reason: String,
    #[serde(flatten)]
    _object: Object,
}

/// What 0.20.0 to 0.47.0 write in place of a report when they refuse to begin because a pending
/// migration has no `.down.sql`, which only `--require-reversible` makes them do.
#[derive(Deserialize)]
struct Irreversible {
    errors: Vec<String>,
    #[serde(rename = "irreversible_versions")]
    _versions: Vec<String>,
    #[serde(flatten)]
    _object: Object,
}

impl Decode for Up {
    fn from_other(text: &str) -> Option<Self> {
        let Irreversible { errors, .. } = serde_json::from_str(text).ok()?;
        Some(Self {
            errors,
            ..Self::default()
        })
    }
}
