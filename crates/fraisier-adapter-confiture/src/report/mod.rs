//! What confiture writes to its report file, typed.
//!
//! Reports are read straight from the bytes into these types. A field on which a verdict rests has
//! no default: where it is missing or of another type, the bytes are no report.

use std::path::Path;

use fraisier_adapter_api::{ChangeSet, PreflightIssue, SchemaChange, Severity};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::value::RawValue;

use crate::process::Report;
use crate::request::project::version_of;

/// What the bytes of a report file are.
#[derive(Debug)]
pub(crate) enum Payload<T> {
    /// There are none.
    Nothing,
    /// A report of the command that was run.
    Report(T),
    /// An error envelope, which confiture writes to the same file when a command fails.
    Envelope(Envelope),
    /// Neither, and why.
    Unreadable(String),
}

/// A report of one command.
pub(crate) trait Decode: DeserializeOwned {
    /// What another document that the command writes means; `None` if the text is none.
    fn from_other(_: &str) -> Option<Self> {
        None
    }
}

/// Decodes a report, or the envelope in its place.
pub(crate) fn decode<T: Decode>(report: Option<Report>) -> Payload<T> {
    let Some(report) = report else {
        return Payload::Nothing;
    };
    // All of it, unread fields included: confiture writes UTF-8, so anything else is not by confiture.
    let text = match std::str::from_utf8(&report) {
        Ok(text) => text,
        Err(error) => return Payload::Unreadable(error.to_string()),
    };
    match serde_json::from_str(text) {
        Ok(report) => Payload::Report(report),
        Err(cause) => match (serde_json::from_str(text), T::from_other(text)) {
            (
                Ok(Wire {
                    error: Some(error), ..
                }),
                _,
            ) => Payload::Envelope(error),
            (Ok(Wire { error: None, .. }), Some(report)) => Payload::Report(report),
            _ => Payload::Unreadable(cause.to_string()),
        },
    }
}

/// What a struct flattens so that only an object is decoded as one: serde reads a struct without it
/// from an array as well.
#[derive(Debug, Default, Deserialize)]
struct Object {}

/// Structs that are decoded from objects only.
macro_rules! objects {
    ($($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($fields:tt)* })*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Deserialize)]
        $visibility struct $name {
            $($fields)*
            #[serde(flatten)]
            _object: Object,
        }
    )*};
}

/// A field that a report does not have. `error` is one: what has it is an envelope, whatever else it has.
#[derive(Debug, Default)]
struct Absent;

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

/// The value, or `None` when it is no `T`: a type must not decide whether the report around it can be read.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    <&RawValue>::deserialize(deserializer).map(read)
}

/// The same of a value that was left as it stands.
fn read<'de, T: Deserialize<'de>>(value: &'de RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// A field that may be absent and is no verdict where it is `null`.
fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    bool::deserialize(deserializer).map(Some)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    lenient(deserializer).map(Option::unwrap_or_default)
}

/// An `Option` whose key must be present.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(D::Error::custom("a blank text"));
    }
    Ok(text)
}

objects! {
    /// Any report; with `{"ok": false, "error": {…}}` the command failed before it had one to write, or instead.
    struct Wire {
        error: Option<Envelope>,
    }

    /// What an envelope says of the failure.
    ///
    /// No field is required: the envelope is a failure in any case, and each field that can be read makes
    /// the failure clearer.
    pub(crate) struct Envelope {
        /// The symbolic code, such as `CONFIG_006`; `None` when it is not a string.
        #[serde(default, deserialize_with = "lenient")]
        pub(crate) code: Option<String>,
        /// What happened; empty when it is not a string.
        #[serde(default, deserialize_with = "text")]
        pub(crate) message: String,
        /// What confiture advises.
        #[serde(default, deserialize_with = "lenient")]
        pub(crate) actionable: Option<String>,
        /// The migration it is about.
        #[serde(default, deserialize_with = "lenient")]
        pub(crate) migration: Option<String>,
        /// The file it is about.
        #[serde(default, deserialize_with = "lenient")]
        pub(crate) file: Option<String>,
    }

    /// `migrate current`: the revision that was applied last. The same since 0.20.0.
    pub(crate) struct Current {
        /// `null` when the ledger is empty. Present in any case.
        #[serde(deserialize_with = "present")]
        pub(crate) revision: Option<String>,
        /// `null` together with `revision` and only then.
        #[serde(deserialize_with = "present")]
        pub(crate) name: Option<String>,
        #[serde(default, rename = "error")]
        _error: Absent,
    }

    /// `migrate down-to`: what it did. Every field is there since 0.20.0.
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
    }

    /// `migrate status`: the migrations of the directory, and which are applied. Every field is there since 0.20.0.
    pub(crate) struct MigrationList {
        pub(crate) migrations: Vec<Listed>,
        #[serde(default, rename = "error")]
        _error: Absent,
    }

    /// A migration of the directory.
    pub(crate) struct Listed {
        pub(crate) version: String,
        /// `applied` or `pending`.
        pub(crate) status: String,
        pub(crate) applied_at: Option<String>,
    }

    /// `migrate up`: what it did. Every field is there since 0.20.0; `ok`, since 1.16.0, is not read, because
    /// it is `true` also when a migration failed.
    #[derive(Default)]
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
        /// Nothing was applied. Never requested.
        pub(crate) dry_run: bool,
        /// Everything was applied and rolled back. Never requested.
        pub(crate) dry_run_execute: bool,
        /// Further remarks.
        #[serde(default)]
        pub(crate) warnings: Vec<String>,
        #[serde(default, rename = "error")]
        _error: Absent,
    }

    /// A migration that was applied.
    pub(crate) struct Applied {
        pub(crate) version: String,
        /// What follows the version in the name of the file.
        #[serde(default, deserialize_with = "lenient")]
        pub(crate) name: Option<String>,
    }

    /// A migration that needs a superuser.
    pub(crate) struct Superuser {
        pub(crate) version: String,
        pub(crate) reason: String,
    }

    /// What `up` of 0.20.0 to 0.47.0 writes in place of a report when it refuses to begin because a pending
    /// migration has no `.down.sql`, which only `--require-reversible` makes it do.
    struct Irreversible {
        errors: Vec<String>,
        #[serde(rename = "irreversible_versions")]
        _versions: Vec<String>,
    }

    /// `migrate verify`: what the `.verify.sql` files found.
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
    }

    /// The verdict on one migration.
    pub(crate) struct Checked {
        pub(crate) version: String,
        pub(crate) name: String,
        pub(crate) status: Status,
        pub(crate) error: Option<String>,
        /// What the query returned; `null` where none was run.
        #[serde(default, deserialize_with = "lenient")]
        pub(crate) actual_value: Option<bool>,
    }

    /// `migrate preflight`: what a look at the migrations found. Since 0.22.0, which is the first to write it.
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
    }

    /// The counts.
    pub(crate) struct Summary {
        pub(crate) errors: u64,
        pub(crate) migrations_checked: u64,
    }

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
    }

    /// What the database said, when a migration was tried.
    struct Details {
        #[serde(default, deserialize_with = "lenient")]
        error: Option<String>,
    }

    struct WireChanges {
        contract_version: u32,
        changes: Vec<Box<RawValue>>,
    }

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
    }
}

impl Decode for Current {}
impl Decode for DownTo {}
impl Decode for MigrationList {}
impl Decode for Verify {}
impl Decode for Preflight {}

impl Decode for Up {
    fn from_other(text: &str) -> Option<Self> {
        let Irreversible { errors, .. } = serde_json::from_str(text).ok()?;
        Some(Self {
            errors,
            ..Self::default()
        })
    }
}

/// What became of one `.verify.sql`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum Status {
    /// It answered true.
    Verified,
    /// It answered something else, or failed.
    Failed,
    /// There is none.
    NoFile,
    /// It has no statement. Since 1.29.0 at the latest; before, that failed.
    Skipped,
    /// A status of a later release.
    Other(String),
}

impl From<String> for Status {
    fn from(text: String) -> Self {
        match text.as_str() {
            "verified" => Self::Verified,
            "failed" => Self::Failed,
            "no_file" => Self::NoFile,
            "skipped" => Self::Skipped,
            _ => Self::Other(text),
        }
    }
}

/// An issue, in the form that the API has for it.
#[derive(Debug, Deserialize)]
#[serde(from = "WireIssue")]
pub(crate) struct Issue(pub(crate) PreflightIssue);

impl From<WireIssue> for Issue {
    /// The API has one text for an issue. The five texts of confiture are joined in it.
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
#[serde(try_from = "WireChanges")]
pub(crate) struct Changes(pub(crate) ChangeSet);

impl TryFrom<WireChanges> for Changes {
    type Error = &'static str;

    fn try_from(wire: WireChanges) -> Result<Self, Self::Error> {
        if wire.contract_version == 0 {
            return Err("there is no version 0 of the contract");
        }
        let changes = wire.changes.iter().map(|it| schema_change(it)).collect();
        Ok(Self(
            ChangeSet::new(changes).with_contract_version(wire.contract_version),
        ))
    }
}

/// Stands for what cannot be read, so that no change is omitted.
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
