//! The pieces of a secret, and the forms in which programs print them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::SHORT;
use crate::request::percent_decoded;

/// Everything that must not be seen of these connection strings and these other secrets, in every
/// form in which it may turn up.
pub(super) fn needles<'a>(
    dsns: impl IntoIterator<Item = &'a str>,
    secrets: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<String> {
    let mut needles = BTreeSet::new();
    for dsn in dsns {
        for piece in pieces(dsn) {
            insert(&mut needles, &piece);
        }
    }
    for secret in secrets {
        insert(&mut needles, secret);
    }
    needles
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
    let repr = secret.replace('\\', "\\\\").replace('\'', "\\'");
    needles.extend([secret, json, &ascii].map(str::to_owned));
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

/// The parts of a connection string that must not be seen, the string itself among them.
fn pieces(dsn: &str) -> Vec<String> {
    let mut pieces = vec![dsn.to_owned()];
    if let Some((_, rest)) = dsn.split_once("//") {
        // Up to the last `@`, whatever stands before it: a password may hold anything unencoded.
        if let Some((userinfo, _)) = rest.rsplit_once('@') {
            if let Some((_, raw)) = userinfo.split_once(':') {
                pieces.extend(pieces_of_password(raw));
                pieces.push(userinfo.to_owned());
                pieces.push(percent_decoded(userinfo));
            }
        } else {
            // `user:password` without a host; a number is a port.
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit() || b == b':');
            if let Some((_, raw)) = authority.split_once(':')
                && !raw.split(',').all(is_port)
            {
                pieces.extend(pieces_of_password(raw));
            }
        }
    }
    for (raw, unescaped) in named_passwords(dsn) {
        pieces.extend(pieces_of_password(raw));
        pieces.extend(pieces_of_password(&unescaped));
    }
    if !dsn.contains("//") {
        pieces.extend(strays(dsn).into_iter().map(str::to_owned));
    }
    pieces
}

/// A password as it was written, decoded, encoded, and in the parts in which it may turn up.
fn pieces_of_password(raw: &str) -> Vec<String> {
    let decoded = percent_decoded(raw);
    let mut pieces = vec![raw.to_owned()];
    pieces.extend(
        [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")]
            .map(|encode: fn(u8) -> String| percent_encoded(&decoded, encode)),
    );
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
