//! The report of `migrate current`.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{Absent, Decode, Object};

/// The revision that was applied last. The same since 0.20.0.
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

#[cfg(test)]
mod tests {
    use super::*;

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
