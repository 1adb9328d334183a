//! What confiture writes to its report file, typed.
//!
//! Reports are read straight from the bytes into these types. A field on which a verdict rests has
//! no default: where it is missing or of another type, the bytes are no report.

mod preflight;
mod up;
mod verify;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::value::RawValue;

pub(crate) use self::preflight::Preflight;
pub(crate) use self::up::Up;
pub(crate) use self::verify::{Checked, Status, Verify};
use crate::process::Report;

/// What the bytes of a report file are.
#[derive(Debug)]
pub(crate) enum Payload<T> {
    /// There are none.
    Nothing,
    /// A report of the command that was run.
    Report(T),
    /// confiture's word for "it failed", which goes to the same file.
    Envelope(Envelope),
    /// Neither; why it is no report.
    Unreadable(String),
}

/// A report of one command.
pub(crate) trait Decode: DeserializeOwned {
    /// What another document of the command means; `None` when it is not one.
    fn from_other(_: &str) -> Option<Self> {
        None
    }
}

/// Decodes a report, or the envelope in its place.
pub(crate) fn decode<T: Decode>(report: Option<Report>) -> Payload<T> {
    let Some(report) = report else {
        return Payload::Nothing;
    };
    // All of it, also the fields that are not read: confiture writes UTF-8, so this was not confiture.
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
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Object {}

/// A field that a report does not have. `error` is one: what has it is an envelope, whatever else it has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Absent;

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

/// Any report; with `{"ok": false, "error": {…}}` the command failed before it had one to write, or instead.
#[derive(Deserialize)]
struct Wire {
    error: Option<Envelope>,
    #[serde(flatten)]
    _object: Object,
}

/// What an envelope says of the failure.
///
/// No field is required: the envelope is a failure in any case, and each field that can be read makes
/// the failure clearer.
#[derive(Debug, Deserialize)]
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
    #[serde(flatten)]
    _object: Object,
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    lenient(deserializer).map(Option::unwrap_or_default)
}

/// `migrate current`: the revision that was applied last. The same since 0.20.0.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Current {
    /// `null` when the ledger is empty. Present in any case.
    #[serde(deserialize_with = "present")]
    pub(crate) revision: Option<String>,
    /// `null` together with `revision` and only then.
    #[serde(deserialize_with = "present")]
    pub(crate) name: Option<String>,
    #[serde(default, rename = "error")]
    _error: Absent,
    #[serde(flatten)]
    _object: Object,
}

impl Decode for Current {}

/// An `Option` whose key must be present.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(D::Error::custom("a blank text"));
    }
    Ok(text)
}

/// `migrate down-to`: what it did. Every field is there since 0.20.0.
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

/// `migrate status`: the migrations of the directory, and which are applied. Every field is there since 0.20.0.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct MigrationList {
    pub(crate) migrations: Vec<Listed>,
    #[serde(default, rename = "error")]
    _error: Absent,
    #[serde(flatten)]
    _object: Object,
}

impl Decode for MigrationList {}

/// A migration of the directory.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Listed {
    pub(crate) version: String,
    /// `applied` or `pending`.
    pub(crate) status: String,
    pub(crate) applied_at: Option<String>,
    #[serde(flatten)]
    _object: Object,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: &[u8]) -> Payload<Current> {
        decode(Some(Report::from(bytes.to_vec())))
    }

    #[test]
    fn bytes_are_decoded_as_report_envelope_or_neither() {
        let report = br#"{"revision": "002", "name": "b"}"#;
        assert!(matches!(payload(report), Payload::Report(_)));
        let without_error = br#"{"error": null, "revision": "002", "name": "b"}"#;
        assert!(matches!(payload(without_error), Payload::Report(_)));
        let envelope = br#"{"ok": false, "error": {"code": "LOCK_1300", "message": "held"}}"#;
        assert!(matches!(payload(envelope), Payload::Envelope(_)));
        let both = br#"{"revision": "002", "name": "b", "ok": false,
                        "error": {"code": "X_1", "message": "m"}}"#;
        assert!(matches!(payload(both), Payload::Envelope(_)));
        for neither in [
            &b""[..],
            b"{}",
            b"null",
            b"[]",
            b"{\"revision\": \"002\", \"name\": \"b\"} trailing",
            b"{\"revision\": \"002\", \"name\": \"b\"}{}",
            b"{\"revision\": \"002\", \"revision\": null, \"name\": \"b\"}",
            b"{\"revision\": \"002\", \"name\": \"b\", \"error\": \"broken\"}",
            b"\xff\xfe",
            b"{\"revision\": \"002\", \"name\": \"b\", \"more\": \"\xff\"}",
        ] {
            assert!(
                matches!(payload(neither), Payload::Unreadable(_)),
                "{neither:?}"
            );
        }
        assert!(matches!(decode::<Current>(None), Payload::Nothing));
    }

    #[test]
    fn an_array_is_never_read_as_an_object() {
        fn refuse<T: Decode>(text: &str) {
            let report = Report::from(text.as_bytes().to_vec());
            let payload = decode::<T>(Some(report));
            assert!(matches!(payload, Payload::Unreadable(_)), "{text}");
        }
        refuse::<Current>(r#"["002", "b"]"#);
        refuse::<Current>(r#"{"error": ["LOCK_1300", "held"]}"#);
        refuse::<Current>(r#"[{"code": "LOCK_1300"}]"#);
        refuse::<DownTo>(r#"["003", "001", [], [], []]"#);
        refuse::<MigrationList>(
            r#"[[{"version": "001", "status": "applied", "applied_at": null}]]"#,
        );
        refuse::<MigrationList>(r#"{"migrations": [["001", "applied", null]]}"#);
        let up = |applied: &str, superuser: &str| {
            format!(
                r#"{{"success": true, "applied": [{applied}], "skipped": [],
                "skipped_superuser": [{superuser}], "pending": [], "errors": [],
                "dry_run": false, "dry_run_execute": false}}"#
            )
        };
        let read = decode::<Up>(Some(Report::from(up("", "").into_bytes())));
        assert!(matches!(read, Payload::Report(_)));
        refuse::<Up>(&up(r#"["001", "a"]"#, ""));
        refuse::<Up>(&up("", r#"["004", "it says so"]"#));
        refuse::<Up>(r#"[["Irreversible"], ["001"]]"#);
        let verify = |result: &str| {
            format!(
                r#"{{"verified_count": 1, "failed_count": 0, "skipped_count": 0,
                "total_applied": 1, "results": [{result}]}}"#
            )
        };
        refuse::<Verify>(&verify(r#"["001", "a", "verified", null]"#));
        let preflight = |summary: &str, issue: &str| {
            format!(r#"{{"ok": true, "summary": {summary}, "issues": [{issue}]}}"#)
        };
        refuse::<Preflight>(&preflight("[0, 1]", ""));
        let summary = r#"{"errors": 0, "migrations_checked": 1}"#;
        refuse::<Preflight>(&preflight(summary, r#"["info", "C", "m"]"#));
    }

    #[test]
    fn a_success_with_the_key_of_a_refusal_is_a_success() {
        let text = br#"{"success": true, "applied": [{"version": "001"}], "skipped": [],
            "skipped_superuser": [], "pending": [], "errors": [], "dry_run": false,
            "dry_run_execute": false, "irreversible_versions": ["001"]}"#;
        let Payload::Report(report) = decode::<Up>(Some(Report::from(text.to_vec()))) else {
            panic!("a report");
        };
        assert!(report.success && report.applied.len() == 1);
    }

    #[test]
    fn an_error_envelope_contains_the_diagnosis() {
        let wire: Wire = serde_json::from_str(
            r#"{"ok": false, "error": {"code": "ROLLBACK_600", "message": "Cannot roll back",
                "severity": "error", "details": {}, "migration": "003", "file": null, "line": null,
                "actionable": "Add the missing .down.sql"}, "command": "migrate down-to"}"#,
        )
        .expect("an envelope");
        let envelope = wire.error.expect("an envelope");
        assert_eq!(envelope.code.as_deref(), Some("ROLLBACK_600"));
        assert_eq!(envelope.message, "Cannot roll back");
        assert_eq!(
            envelope.actionable.as_deref(),
            Some("Add the missing .down.sql")
        );
        assert_eq!(envelope.migration.as_deref(), Some("003"));
        assert_eq!(envelope.file, None);
    }

    #[test]
    fn an_incomplete_error_envelope_is_recognised() {
        let wire: Wire =
            serde_json::from_str(r#"{"error": {"code": 7, "message": ["m"]}}"#).expect("one");
        let envelope = wire.error.expect("an envelope");
        assert_eq!(envelope.code, None);
        assert_eq!(envelope.message, "");
        let wire: Wire = serde_json::from_str(r#"{"ok": false}"#).expect("none");
        assert!(wire.error.is_none());
    }

    #[test]
    fn a_null_revision_differs_from_a_missing_one() {
        let read = |text| serde_json::from_str::<Current>(text);
        let head = read(r#"{"revision": "002", "name": "b", "applied_at": "…", "ok": true}"#);
        assert_eq!(head.expect("a report").revision.as_deref(), Some("002"));
        let empty = read(r#"{"revision": null, "name": null, "applied_at": null}"#);
        assert_eq!(empty.expect("a report").revision, None);
        for text in [
            r#"{"name": null}"#,
            r#"{"revision": "002"}"#,
            r#"{"revision": 2, "name": "b"}"#,
            r#"{"revision": "", "name": "b"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
