//! The error envelope.

use serde::Deserialize;

use super::lenient::Text;

/// `{"ok": false, "error": {…}}`: the command failed before it had a report to write, or instead.
#[derive(Debug, Deserialize)]
#[serde(from = "Wire<'_>")]
pub(crate) struct Envelope {
    /// The symbolic code, such as `CONFIG_006`; `None` when it is no text.
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
struct Wire<'a> {
    #[serde(borrow)]
    error: WireError<'a>,
}

/// Beside `error` nothing is required: the envelope is a failure in any case, and reading as much
/// of it as there is makes the failure clearer.
#[derive(Deserialize)]
struct WireError<'a> {
    #[serde(borrow, default)]
    code: Text<'a>,
    #[serde(borrow, default)]
    message: Text<'a>,
    #[serde(borrow, default)]
    actionable: Text<'a>,
    #[serde(borrow, default)]
    migration: Text<'a>,
    #[serde(borrow, default)]
    file: Text<'a>,
}

impl From<Wire<'_>> for Envelope {
    fn from(wire: Wire<'_>) -> Self {
        let owned = |text: Text<'_>| text.0.map(std::borrow::Cow::into_owned);
        Self {
            code: owned(wire.error.code),
            message: owned(wire.error.message).unwrap_or_default(),
            actionable: owned(wire.error.actionable),
            migration: owned(wire.error.migration),
            file: owned(wire.error.file),
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
