//! The error envelope.

use serde::{Deserialize, Deserializer};

use super::Object;
use super::lenient::lenient;

/// `{"ok": false, "error": {…}}`: the command failed before it had a report to write, or instead.
#[derive(Deserialize)]
pub(super) struct Wire {
    pub(super) error: Envelope,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_envelope_contains_the_diagnosis() {
        let Wire {
            error: envelope, ..
        } = serde_json::from_str(
            r#"{"ok": false, "error": {"code": "ROLLBACK_600", "message": "Cannot roll back",
                "severity": "error", "details": {}, "migration": "003", "file": null, "line": null,
                "actionable": "Add the missing .down.sql"}, "command": "migrate down-to"}"#,
        )
        .expect("an envelope");
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
        let Wire {
            error: envelope, ..
        } = serde_json::from_str(r#"{"error": {"code": 7, "message": ["m"]}}"#).expect("one");
        assert_eq!(envelope.code, None);
        assert_eq!(envelope.message, "");
        assert!(serde_json::from_str::<Wire>(r#"{"ok": false}"#).is_err());
    }
}
