//! The report of `migrate preflight`.

use std::path::Path;

use fraisier_adapter_api::{ChangeSet, PreflightIssue, SchemaChange, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Absent, Decode, Object, lenient, read};
use crate::request::project::version_of;

/// What a look at the migrations found. Since 0.22.0, which is the first to write it.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Preflight {
    pub(crate) ok: bool,
    /// Since 0.23.0. Before it is absent, which is no verdict.
    #[serde(default)]
    pub(crate) window_safe: Option<bool>,
    pub(crate) summary: Summary,
    pub(crate) issues: Vec<Issue>,
    /// Since 0.43.0. Before it is absent, which is no change set and not an empty one.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) change_set: Option<Changes>,
    #[serde(default, rename = "error")]
    _error: Absent,
    #[serde(flatten)]
    _object: Object,
}

impl Decode for Preflight {}

/// The counts.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Summary {
    pub(crate) errors: u64,
    pub(crate) migrations_checked: u64,
    #[serde(flatten)]
    _object: Object,
}

/// An issue, in the form that the API has for it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(from = "WireIssue")]
pub(crate) struct Issue(pub(crate) PreflightIssue);

#[derive(Deserialize)]
struct WireIssue {
    severity: Severity,
    code: String,
    message: String,
    #[serde(default, deserialize_with = "lenient")]
    migration: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    file: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    actionable: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    details: Option<Details>,
    #[serde(flatten)]
    _object: Object,
}

/// What the database said, when a migration was tried.
#[derive(Deserialize)]
struct Details {
    #[serde(default, deserialize_with = "lenient")]
    error: Option<String>,
    #[serde(flatten)]
    _object: Object,
}

impl From<WireIssue> for Issue {
    /// The API has one text for an issue; what confiture says in five goes into it.
    ///
    /// Where it speaks of a statement, confiture names the table as the migration, and only the file
    /// tells which migration that is.
    fn from(issue: WireIssue) -> Self {
        let file = issue.file.unwrap_or_default();
        let (migration, place) = match (version_of_file(&file), issue.migration) {
            (Some(version), Some(object)) if object != version => {
                let place = format!("{file}, {object}");
                (Some(version), place)
            }
            (Some(version), _) => (Some(version), file),
            (None, stated) => (stated, file),
        };
        let error = issue.details.and_then(|details| details.error);
        let more = [
            (" (", place, ")"),
            (" — ", error.unwrap_or_default(), ""),
            (" — ", issue.actionable.unwrap_or_default(), ""),
        ];
        let mut message = issue.message;
        let said = message.len();
        for (before, text, after) in more {
            if !message[..said].contains(&text) {
                message.extend([before, &text, after]);
            }
        }
        Self(PreflightIssue {
            severity: issue.severity,
            code: issue.code,
            message,
            migration,
        })
    }
}

fn version_of_file(file: &str) -> Option<String> {
    version_of(Path::new(file).file_name()?)
}

/// The changes, in the form that the API has for them.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "WireChanges<'_>")]
pub(crate) struct Changes(pub(crate) ChangeSet);

#[derive(Deserialize)]
struct WireChanges<'a> {
    contract_version: u32,
    #[serde(borrow)]
    changes: Vec<&'a RawValue>,
    #[serde(flatten)]
    _object: Object,
}

impl TryFrom<WireChanges<'_>> for Changes {
    type Error = &'static str;

    fn try_from(wire: WireChanges<'_>) -> Result<Self, Self::Error> {
        if wire.contract_version == 0 {
            return Err("there is no version 0 of the contract");
        }
        let changes = wire.changes.into_iter().map(schema_change).collect();
        Ok(Self(
            ChangeSet::new(changes).with_contract_version(wire.contract_version),
        ))
    }
}

#[derive(Deserialize)]
struct WireChange {
    #[serde(default, deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    object: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    migration: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    tier: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    detail: Option<String>,
    #[serde(flatten)]
    _object: Object,
}

/// Stands for what cannot be read, so that nothing which would change goes unmentioned.
const UNREADABLE: &str = "unreadable";

fn schema_change(entry: &RawValue) -> SchemaChange {
    let Some(change) = read::<WireChange>(entry) else {
        return SchemaChange::new(UNREADABLE, UNREADABLE)
            .with_detail("this entry of confiture's change set cannot be read");
    };
    let tier = change.tier.and_then(|tier| tier.parse().ok());
    let readable = change.kind.is_some() && change.object.is_some();
    let mut read = SchemaChange::new(
        change.kind.unwrap_or_else(|| UNREADABLE.into()),
        change.object.unwrap_or_else(|| UNREADABLE.into()),
    );
    read.migration = change.migration;
    read.tier = tier.filter(|_| readable);
    read.detail = change.detail;
    read
}

#[cfg(test)]
mod tests;
