//! What is secret in a connection string.

use super::SHORT;
use crate::libpq::{connection_options, percent_decoded};

/// The settings of a connection that are secrets.
const SECRETS: [&str; 5] = [
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
];

/// The parts of a connection string that must not be seen.
pub(super) struct Credentials {
    /// The string itself, and its user with the password.
    pub(super) whole: Vec<String>,
    /// The password, and the parts of it that a parser may take for something else.
    pub(super) passwords: Vec<String>,
}

impl Credentials {
    pub(super) fn in_dsn(dsn: &str) -> Self {
        let mut whole = vec![dsn.to_owned()];
        let mut passwords = Vec::new();
        if let Some((_, rest)) = dsn.split_once("//") {
            // Up to the last `@`, whatever stands before it: a password may hold anything unencoded.
            if let Some((userinfo, _)) = rest.rsplit_once('@') {
                if let Some((_, raw)) = userinfo.split_once(':') {
                    passwords.extend(parts_of_password(raw));
                    whole.extend([userinfo.to_owned(), percent_decoded(userinfo)]);
                }
            } else {
                // `user:password` without a host; a number is a port.
                let authority = rest.split(['/', '?']).next().unwrap_or_default();
                let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit() || b == b':');
                if let Some((_, raw)) = authority.split_once(':')
                    && !raw.split(',').all(is_port)
                {
                    passwords.extend(parts_of_password(raw));
                }
            }
        }
        for (raw, unescaped) in named_passwords(dsn) {
            passwords.extend(parts_of_password(raw));
            passwords.extend(parts_of_password(&unescaped));
        }
        for (name, value) in connection_options(dsn).named {
            if SECRETS.contains(&name.as_str()) {
                passwords.extend(parts_of_password(&value));
            }
        }
        if !dsn.contains("//") {
            passwords.extend(strays(dsn).into_iter().map(str::to_owned));
        }
        Self { whole, passwords }
    }
}

/// A password as it was written, decoded, and in the parts in which it may turn up.
fn parts_of_password(raw: &str) -> Vec<String> {
    let decoded = percent_decoded(raw);
    let mut parts = vec![raw.to_owned()];
    for text in [raw, &decoded] {
        // What a parser that stops at one of these takes for a host, a port or an option.
        let cut = text.split(['@', '/', ':', '?', '#', '&', '=', ',', ' ']);
        parts.extend(cut.map(str::to_owned));
    }
    // What stands between encoded characters, unless it is too short to tell anything.
    let between = raw.split('%').enumerate().map(|(index, text)| match index {
        0 => text,
        _ => text.get(2..).unwrap_or_default(),
    });
    parts.extend(between.filter(|it| it.len() >= SHORT).map(str::to_owned));
    parts.push(decoded);
    parts
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
