//! The forms in which programs print a secret.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::credentials::Credentials;
use super::fragments::FRAGMENT;
use crate::libpq::percent_decoded;

/// What percent-encoding leaves as it is, beside letters and digits, stands here removed.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What must not be seen, in every form in which it may turn up.
pub(super) struct Forms {
    /// Connection strings and credentials: they are masked whole, for their parts (a host, a user)
    /// are no secrets.
    pub(super) whole: BTreeSet<String>,
    /// Passwords and other secrets: no fragment of them may be seen.
    pub(super) secret: BTreeSet<String>,
}

impl Forms {
    /// Those of these connection strings and these other secrets.
    pub(super) fn new<'a>(
        dsns: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (mut whole, mut secret) = (BTreeSet::new(), BTreeSet::new());
        for dsn in dsns {
            let credentials = Credentials::in_dsn(dsn);
            for text in &credentials.whole {
                insert(&mut whole, text);
            }
            for text in &credentials.passwords {
                insert(&mut secret, text);
            }
        }
        for value in secrets {
            insert(&mut secret, value);
            secret.insert(percent_decoded(value.trim()));
            for text in strings_in_json(value) {
                insert(&mut secret, &text);
            }
        }
        secret.remove("");
        Self { whole, secret }
    }
}

/// The strings of a JSON value, such as a service account, that are long enough to be secrets.
fn strings_in_json(value: &str) -> Vec<String> {
    use serde_json::Value;

    let mut strings = Vec::new();
    let mut left: Vec<Value> = match serde_json::from_str(value) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => vec![value],
        _ => return strings,
    };
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if text.len() >= FRAGMENT => strings.push(text),
            Value::Array(values) => left.extend(values),
            Value::Object(members) => left.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    strings
}

/// Adds a secret in every form in which a program might print it.
fn insert(forms: &mut BTreeSet<String>, secret: &str) {
    let secret = secret.trim();
    if secret.is_empty() {
        return;
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let ascii = json.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    });
    let repr = secret
        .replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t");
    // In SQL a quote is doubled, in the markup of rich a bracket is escaped.
    let sql = secret.replace('\'', "''");
    let markup = secret.replace('[', "\\[");
    forms.extend([secret, json, &ascii, &sql, &markup].map(str::to_owned));
    let encoded = utf8_percent_encode(secret, ENCODED);
    let lower = encoded.clone().map(|part| match part.as_bytes() {
        [b'%', ..] => part.to_ascii_lowercase(),
        _ => part.to_owned(),
    });
    forms.extend([lower.collect(), encoded.to_string()]);
    for repr in [repr.replace("\\'", "'"), repr] {
        if !repr.is_ascii() {
            forms.insert(python_ascii(&repr));
            forms.insert(python_bytes(&repr));
        }
        forms.insert(repr);
    }
}

/// Characters beyond ASCII as Python's `ascii` escapes them.
fn python_ascii(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, c| {
        let _ = match u32::from(c) {
            0..=0x7f => write!(text, "{c}"),
            code @ ..=0xff => write!(text, "\\x{code:02x}"),
            code @ ..=0xffff => write!(text, "\\u{code:04x}"),
            code => write!(text, "\\U{code:08x}"),
        };
        text
    })
}

/// Bytes beyond ASCII as the `repr` of Python's `bytes` escapes them.
fn python_bytes(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        let _ = match byte {
            0..=0x7f => write!(text, "{}", char::from(byte)),
            _ => write!(text, "\\x{byte:02x}"),
        };
        text
    })
}
