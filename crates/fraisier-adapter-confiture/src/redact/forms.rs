//! The forms in which programs print a secret.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::index::FRAGMENT;

/// Percent-encoding does not change letters, digits, and what is removed here.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The strings of a JSON value, such as a service account, that are long enough to be secrets.
pub(super) fn strings_in_json(value: &str) -> Vec<String> {
    use serde_json::Value;

    let mut strings = Vec::new();
    let mut values: Vec<Value> = match serde_json::from_str(value) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => vec![value],
        _ => return strings,
    };
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) if text.len() >= FRAGMENT => strings.push(text),
            Value::Array(elements) => values.extend(elements),
            Value::Object(members) => values.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    strings
}

/// A secret in every form in which a program might print it.
pub(super) fn forms(secret: &str) -> BTreeSet<String> {
    let secret = secret.trim();
    if secret.is_empty() {
        return BTreeSet::new();
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let ascii = beyond_ascii(json, |c, text| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    });
    let encoded = utf8_percent_encode(secret, ENCODED);
    let lower = encoded.clone().map(|part| match part.as_bytes() {
        [b'%', ..] => part.to_ascii_lowercase(),
        _ => part.to_owned(),
    });
    // In SQL a quote is doubled, in the markup of rich a bracket is escaped.
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        json.to_owned(),
        ascii,
        secret.replace('\'', "''"),
        secret.replace('[', "\\["),
        lower.collect(),
        encoded.to_string(),
    ]);
    let mut repr = secret.to_owned();
    for (character, escaped) in [('\\', "\\\\"), ('\n', "\\n"), ('\r', "\\r"), ('\t', "\\t")] {
        repr = repr.replace(character, escaped);
    }
    for repr in [repr.replace('\'', "\\'"), repr] {
        // As Python's `ascii` escapes characters, and the `repr` of its `bytes` the bytes of them.
        forms.insert(beyond_ascii(&repr, |c, text| {
            let _ = match u32::from(c) {
                code @ ..=0xff => write!(text, "\\x{code:02x}"),
                code @ ..=0xffff => write!(text, "\\u{code:04x}"),
                code => write!(text, "\\U{code:08x}"),
            };
        }));
        forms.insert(beyond_ascii(&repr, |c, text| {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }));
        forms.insert(repr);
    }
    forms
}

/// The text with another form of each character beyond ASCII.
fn beyond_ascii(text: &str, escape: impl Fn(char, &mut String)) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut text, c| {
            if c.is_ascii() {
                text.push(c);
            } else {
                escape(c, &mut text);
            }
            text
        })
}
