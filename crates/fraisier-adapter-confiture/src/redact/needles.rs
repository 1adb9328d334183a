//! The pieces of a secret, and the forms in which programs print them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::SHORT;
use super::runs::RUN;
use crate::request::{connection_options, percent_decoded};

/// The settings of a connection that are secrets.
const SECRETS: [&str; 5] = [
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
];

/// What must not be seen, in every form in which it may turn up.
pub(super) struct Needles {
    /// Connection strings and credentials: they are masked whole, for their parts (a host, a user)
    /// are no secrets.
    pub(super) whole: BTreeSet<String>,
    /// Passwords and other secrets: no piece of them may be seen.
    pub(super) secret: BTreeSet<String>,
}

impl Needles {
    /// Those of these connection strings and these other secrets.
    pub(super) fn new<'a>(
        dsns: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (mut whole, mut secret) = (BTreeSet::new(), BTreeSet::new());
        for dsn in dsns {
            let pieces = Pieces::of_dsn(dsn);
            for piece in &pieces.whole {
                insert(&mut whole, piece);
            }
            for piece in &pieces.passwords {
                insert(&mut secret, piece);
            }
        }
        for value in secrets {
            insert(&mut secret, value);
            let encoded = percent_forms(value.trim());
            secret.extend(encoded.into_iter().chain([percent_decoded(value.trim())]));
            for text in strings_in_json(value) {
                insert(&mut secret, &text);
            }
        }
        secret.remove("");
        Self { whole, secret }
    }
}

/// The strings in a value that is JSON, such as the account of a service, as far as they are long
/// enough to be secrets.
fn strings_in_json(value: &str) -> Vec<String> {
    use serde_json::Value;

    let mut strings = Vec::new();
    let mut left: Vec<Value> = match serde_json::from_str(value) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => vec![value],
        _ => return strings,
    };
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if text.len() >= RUN => strings.push(text),
            Value::Array(values) => left.extend(values),
            Value::Object(members) => left.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    strings
}

/// Adds a secret in every form in which a program might print it.
fn insert(needles: &mut BTreeSet<String>, secret: &str) {
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
    needles.extend([secret, json, &ascii, &sql, &markup].map(str::to_owned));
    for repr in [repr.replace("\\'", "'"), repr] {
        if !repr.is_ascii() {
            needles.insert(python_ascii(&repr));
            needles.insert(python_bytes(&repr));
        }
        needles.insert(repr);
    }
}

/// What Python's `ascii` makes of what is no ASCII.
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

/// What the `repr` of Python's `bytes` makes of what is no ASCII.
fn python_bytes(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        let _ = match byte {
            0..=0x7f => write!(text, "{}", char::from(byte)),
            _ => write!(text, "\\x{byte:02x}"),
        };
        text
    })
}

/// The parts of a connection string that must not be seen.
struct Pieces {
    /// The string itself, and its credentials.
    whole: Vec<String>,
    passwords: Vec<String>,
}

impl Pieces {
    fn of_dsn(dsn: &str) -> Self {
        let mut whole = vec![dsn.to_owned()];
        let mut passwords = Vec::new();
        if let Some((_, rest)) = dsn.split_once("//") {
            // Up to the last `@`, whatever stands before it: a password may hold anything unencoded.
            if let Some((userinfo, _)) = rest.rsplit_once('@') {
                if let Some((_, raw)) = userinfo.split_once(':') {
                    passwords.extend(pieces_of_password(raw));
                    whole.extend([userinfo.to_owned(), percent_decoded(userinfo)]);
                }
            } else {
                // `user:password` without a host; a number is a port.
                let authority = rest.split(['/', '?']).next().unwrap_or_default();
                let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit() || b == b':');
                if let Some((_, raw)) = authority.split_once(':')
                    && !raw.split(',').all(is_port)
                {
                    passwords.extend(pieces_of_password(raw));
                }
            }
        }
        for (raw, unescaped) in named_passwords(dsn) {
            passwords.extend(pieces_of_password(raw));
            passwords.extend(pieces_of_password(&unescaped));
        }
        for (name, value) in connection_options(dsn) {
            if SECRETS.contains(&name.as_str()) {
                passwords.extend(pieces_of_password(&value));
            }
        }
        if !dsn.contains("//") {
            passwords.extend(strays(dsn).into_iter().map(str::to_owned));
        }
        Self { whole, passwords }
    }
}

/// A password as it was written, decoded, encoded, and in the parts in which it may turn up.
fn pieces_of_password(raw: &str) -> Vec<String> {
    let decoded = percent_decoded(raw);
    let mut pieces = vec![raw.to_owned()];
    pieces.extend(percent_forms(&decoded));
    for text in [raw, &decoded] {
        // What a parser that stops at one of these takes for a host, a port or an option.
        let parts = text.split(['@', '/', ':', '?', '#', '&', '=', ',', ' ']);
        pieces.extend(parts.map(str::to_owned));
    }
    // What stands between encoded characters, unless it is too short to tell anything.
    let runs = raw.split('%').enumerate().map(|(index, run)| match index {
        0 => run,
        _ => run.get(2..).unwrap_or_default(),
    });
    pieces.extend(runs.filter(|run| run.len() >= SHORT).map(str::to_owned));
    pieces.push(decoded);
    pieces
}

/// The words after `password=…` that belong to no keyword: what a space that was not quoted cuts
/// off a password, and libpq then repeats.
fn strays(keywords: &str) -> Vec<&str> {
    let after = keywords.split_once("password").unwrap_or_default().1;
    let value = after.trim_start().strip_prefix('=').unwrap_or_default();
    let (first, rest) = value.trim_start().split_once(' ').unwrap_or((value, ""));
    let mut words: Vec<&str> = first.split('\'').collect();
    let (strays, next) = rest.split_once('=').unwrap_or((rest, ""));
    words.extend(strays.split([' ', '\'']));
    words.retain(|word| !word.is_empty());
    if !next.is_empty() && !strays.is_empty() {
        // The keyword after them.
        words.pop();
    }
    words
}

/// The values of `password=…` in keywords or in the query of a URL: as written, and without the
/// backslashes of a quoted keyword.
fn named_passwords(dsn: &str) -> Vec<(&str, String)> {
    let mut values = Vec::new();
    for (at, key) in dsn.match_indices("password") {
        let rest = dsn[at + key.len()..].trim_start();
        let Some(rest) = rest.strip_prefix('=') else {
            continue;
        };
        let rest = rest.trim_start();
        let raw = match rest.strip_prefix('\'') {
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.find(|c| {
                    let ends = c == '\'' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                &quoted[..end.unwrap_or(quoted.len())]
            }
            None if dsn.contains("//") => rest.split('&').next().unwrap_or_default(),
            None => rest.split(' ').next().unwrap_or_default(),
        };
        let mut unescaped = String::new();
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            unescaped.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        values.push((raw, unescaped));
    }
    values
}

/// The text percent-encoded, with digits in upper and in lower case.
fn percent_forms(text: &str) -> [String; 2] {
    [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")]
        .map(|encode: fn(u8) -> String| percent_encoded(text, encode))
}

/// The text with everything but letters, digits and `-._~` percent-encoded.
fn percent_encoded(text: &str, encode: fn(u8) -> String) -> String {
    let encode = |byte: u8| match byte {
        plain if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
            char::from(plain).to_string()
        }
        other => encode(other),
    };
    text.bytes().map(encode).collect()
}
