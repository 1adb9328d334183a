//! What confiture writes to its report file, typed.
//!
//! Reports are read straight from the bytes into these types. A field on which a verdict rests has
//! no default: where it is missing or of another type, the bytes are no report.

mod current;
mod down_to;
mod envelope;
mod lenient;
mod preflight;
mod up;
mod verify;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

pub(crate) use self::current::Current;
pub(crate) use self::down_to::DownTo;
pub(crate) use self::envelope::Envelope;
use self::envelope::Wire;
pub(crate) use self::preflight::Preflight;
pub(crate) use self::up::{Irreversible, Up};
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

/// Reads a report, or the envelope that stands in its place.
pub(crate) fn decode<T: DeserializeOwned>(report: Option<&Report>) -> Payload<T> {
    let Some(report) = report else {
        return Payload::Nothing;
    };
    // All of it, also the fields that are not read: confiture writes UTF-8, so this was not confiture.
    let text = match std::str::from_utf8(report.bytes()) {
        Ok(text) => text,
        Err(error) => return Payload::Unreadable(error.to_string()),
    };
    match serde_json::from_str(text) {
        Ok(report) => Payload::Report(report),
        Err(cause) => match serde_json::from_str(text) {
            Ok(Wire { error }) => Payload::Envelope(error),
            Err(_) => Payload::Unreadable(cause.to_string()),
        },
    }
}

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
        decode(Some(&Report::from(bytes.to_vec())))
    }

    #[test]
    fn bytes_are_a_report_or_an_envelope_or_neither() {
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
}
