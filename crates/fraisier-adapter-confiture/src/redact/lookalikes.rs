//! Text that looks like a secret, known or not: the URL of a database, `password=…`.

use std::ops::Range;

/// How a connection string begins, known or not. `//` without a colon is how a
/// mistyped one looks.
const URL_STARTS: [&str; 8] = [
    "POSTGRESQL://",
    "POSTGRES://",
    "postgresql://",
    "postgres://",
    "postgresql//",
    "postgres//",
    "postgresql:/",
    "postgres:/",
];

/// What a password follows in libpq keywords and in the query of a URL.
const PASSWORD_KEYS: [&str; 4] = ["password", "Password", "PASSWORD", "passwd"];

/// Where what looks like a secret begins, for a search. [`span`] knows them by their places in this list.
pub(super) fn starts<'a>() -> impl Iterator<Item = &'a str> {
    URL_STARTS.into_iter().chain(PASSWORD_KEYS)
}

/// What to mask where the start of this number was found; nothing when no secret follows it.
pub(super) fn span(number: usize, text: &str, found: Range<usize>) -> Option<Range<usize>> {
    if number < URL_STARTS.len() {
        let end = url_end(text, found.end);
        (end > found.end).then_some(found.start..end)
    } else {
        password_value(text, found.end)
    }
}

/// Where the URL that goes on at `from` ends: at a space, a quote or a bracket.
fn url_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(|c: char| c.is_whitespace() || "\"'`<>│".contains(c))
        .map_or(text.len(), |length| from + length)
}

/// The value in `password=value` or `password: value`, when what ends at `from` is such a key.
fn password_value(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = &text[from..];
    let value = rest.trim_start_matches([' ', '"', '\'']);
    let value = value
        .strip_prefix('=')
        .or_else(|| value.strip_prefix(':'))?;
    let value = value.trim_start_matches([' ']);
    let (quoted, value) = match value.strip_prefix(['"', '\'']) {
        Some(value) => (true, value),
        None => (false, value),
    };
    let length = value
        .find(|c: char| {
            if quoted {
                c == '"' || c == '\'' || c == '\n'
            } else {
                c.is_whitespace() || "&\"',;)".contains(c)
            }
        })
        .unwrap_or(value.len());
    let start = text.len() - value.len();
    (length > 0).then_some(start..start + length)
}
