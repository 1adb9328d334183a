//! The error envelope.

use serde::Deserialize;

use super::lenient::lenient;

/// `{"ok": false, "error": {…}}`: the command failed before it had a report to write, or instead.
///
/// Beside `error` nothing is required: the envelope is a failure in any case, and reading as much
/// of it as there is makes the failure clearer.
#[derive(Debug, Deserialize)]
#[serde(from = "Wire")]
pub(crate) struct Envelope {
    /// The symbolic code, such as `CONFIG_006`; `None` when it is not a string.
    pub(crate) code: Option<String>,
    /// What happened.
    pub(crate) message: String,
    /// What confiture advises.
    pub(crate) actionable: Option<String>,
    /// The migration it is about.
    pub(crate) migration: Option<String>,
    /// The file it is about.
    pub(crate) file: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    error: WireError,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default, deserialize_with = "lenient")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    actionable: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    migration: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    file: Option<String>,
}

impl From<Wire> for Envelope {
    fn from(Wire { error }: Wire) -> Self {
        Self {
            code: error.code,
            message: error.message.unwrap_or_default(),
            actionable: error.actionable,
            migration: error.migration,
            file: error.file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_keeps_the_diagnosis() {
        let envelope: Envelope = serde_json::from_str(
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
    fn a_poor_envelope_is_still_one() {
        let envelope: Envelope =
            serde_json::from_str(r#"{"error": {"code": 7, "message": ["m"]}}"#).expect("one");
        assert_eq!(envelope.code, None);
        assert_eq!(envelope.message, "");
        assert!(serde_json::from_str::<Envelope>(r#"{"ok": false}"#).is_err());
    }
}
