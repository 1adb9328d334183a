//! What confiture writes to its report file, typed.
//!
//! Reports are read straight from the bytes into these types. A field on which a verdict rests has
//! no default: where it is missing or of another type, the bytes are no report.

mod current;
mod down_to;
mod envelope;
mod lenient;
mod preflight;
mod status;
mod up;
mod verify;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};

pub(crate) use self::current::Current;
pub(crate) use self::down_to::DownTo;
pub(crate) use self::envelope::Envelope;
use self::envelope::Wire;
pub(crate) use self::preflight::Preflight;
pub(crate) use self::status::{Listed, MigrationList};
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
            (Ok(Wire { error, .. }), _) => Payload::Envelope(error),
            (Err(_), Some(report)) => Payload::Report(report),
            (Err(_), None) => Payload::Unreadable(cause.to_string()),
        },
    }
}

/// What a struct flattens so that only an object is decoded as one: serde reads a struct without it
/// from an array as well.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Object {}

/// A field that a report does not have. `error` is one: what carries it is an envelope, whatever
/// else it carries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Absent;

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
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
}
