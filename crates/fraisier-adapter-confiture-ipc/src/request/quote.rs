//! Part of what came, as it may stand in an error.

use fraisier_adapter_confiture::tools::Redactor;

/// How many bytes of what came are repeated in an error.
const QUOTE_LIMIT: usize = 300;

/// The text without what looks like a secret, and not longer than an error can bear.
pub(super) fn quoted(text: &str) -> String {
    let text = Redactor::default().text(text).into_owned();
    Redactor::bounded(&text, QUOTE_LIMIT).into_owned()
}
