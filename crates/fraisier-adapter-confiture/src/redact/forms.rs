//! What is secret in a connection string, and the forms in which programs print a secret.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::FRAGMENT;
use crate::libpq::{ConnectionString, is_secret, percent_decoded};

/// Percent-encoding does not change letters, digits, and what is removed here.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Text between encoded characters that is shorter reveals nothing, and is not masked.
const SHORTEST: usize = 4;

/// What is secret in a connection string: the string itself, and the user together with the password; and the
/// passwords, with those parts of them that a parser may read as something else.
pub(super) fn credentials(dsn: &str) -> (Vec<String>, BTreeSet<String>) {
    let mut whole = vec![dsn.to_owned()];
    let mut passwords = BTreeSet::new();
    let parsed = ConnectionString::parse(dsn);
    for setting in parsed.settings.iter().chain(&parsed.strays) {
        if is_secret(&setting.name) {
            add_password(&mut passwords, &setting.value);
            add_password(&mut passwords, dsn[setting.span.clone()].trim_matches('\''));
        }
    }
    // Without `@host`, libpq takes `user:password` for a host and a port.
    let ports = parsed.get("port").unwrap_or_default().split(',');
    for port in ports.filter(|port| !port.bytes().all(|b| b.is_ascii_digit() || b == b':')) {
        add_password(&mut passwords, port);
    }
    // Up to the last `@`, whatever is before it: a password may contain anything unencoded.
    let rest = dsn.split_once("//").map_or("", |(_, rest)| rest);
    if let Some((userinfo, _)) = rest.rsplit_once('@')
        && let Some((_, password)) = userinfo.split_once(':')
    {
        add_password(&mut passwords, password);
        whole.extend([userinfo.to_owned(), percent_decoded(userinfo)]);
    }
    (whole, passwords)
}

/// Adds a password as it was written, decoded, and in the parts in which it may turn up.
fn add_password(passwords: &mut BTreeSet<String>, raw: &str) {
    let decoded = percent_decoded(raw);
    for text in [raw, &decoded] {
        // A parser that stops at one of these characters takes a part for a host, a port or an option.
        let parts = text.split(['@', '/', ':', '?', '#', '&', '=', ',', ' ']);
        passwords.extend(parts.map(str::to_owned));
    }
    let between = raw.split('%').skip(1).filter_map(|text| text.get(2..));
    let between = between.chain(raw.split('%').next());
    let telling = between.filter(|text| text.len() >= SHORTEST);
    passwords.extend(telling.map(str::to_owned));
    passwords.extend([raw.to_owned(), decoded]);
}

/// The strings of a JSON value, such as a service account, that are long enough to be secrets.
pub(super) fn strings_in_json(value: Value) -> Vec<String> {
    match value {
        Value::String(text) if text.len() >= FRAGMENT => vec![text],
        Value::Array(elements) => elements.into_iter().flat_map(strings_in_json).collect(),
        Value::Object(members) => {
            let values = members.into_iter().map(|(_, value)| value);
            values.flat_map(strings_in_json).collect()
        }
        _ => Vec::new(),
    }
}

/// A secret in every form in which a program might print it.
pub(super) fn forms(secret: &str) -> BTreeSet<String> {
    let secret = secret.trim();
    if secret.is_empty() {
        return BTreeSet::new();
    }
    let json = Value::from(secret).to_string();
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
