//! Text that looks like a secret, known or not: the URL of a database, `scheme://user:password@`,
//! `password=…`, `PASSWORD '…'`, `--password …`.

use std::ops::Range;

/// How a connection string begins, known or not. `//` without a colon is how a mistyped one looks.
const URL_STARTS: [&str; 6] = [
    "postgresql://",
    "postgres://",
    "postgresql//",
    "postgres//",
    "postgresql:/",
    "postgres:/",
];

/// The words that a secret follows, in upper or lower case.
const KEYS: [&str; 6] = [
    "password",
    "passwd",
    "pwd",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
];

/// How many bytes of a quoted secret are searched for its end.
const LONGEST: usize = 256;

/// What to mask in a text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let begins = |at: usize, with: &str| {
        let here = bytes.get(at..at + with.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(with.as_bytes()))
    };
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b':' if begins(at, "://") => found.extend(url_password(text, at + 3)),
            b'p' | b'P' | b'o' | b'O' | b's' | b'S' => {
                if let Some(start) = URL_STARTS.into_iter().find(|start| begins(at, start)) {
                    let end = url_end(text, at + start.len());
                    found.extend((end > at + start.len()).then_some(at..end));
                }
                if let Some(key) = KEYS.into_iter().find(|key| begins(at, key)) {
                    let is_option = text[..at].ends_with("--");
                    found.extend(value(text, at + key.len(), is_option));
                }
            }
            _ => {}
        }
    }
    found
}

/// Where the URL that goes on at `from` ends: at a space, a quote or a bracket.
fn url_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(|c: char| c.is_whitespace() || "\"'`<>│".contains(c))
        .map_or(text.len(), |length| from + length)
}

/// The password in the URL whose authority begins at `from`.
fn url_password(text: &str, from: usize) -> Option<Range<usize>> {
    let url = &text[from..url_end(text, from)];
    let authority = url.split(['/', '?', '#']).next()?;
    let (user, rest) = authority.split_once(':')?;
    // With a port behind the colon, an `@` after the authority is a part of the path.
    let is_port = rest.bytes().all(|byte| byte.is_ascii_digit());
    let searched = if is_port { authority } else { url };
    let at = searched.rfind('@')?;
    let start = user.len() + 1;
    (!user.contains('@') && start < at).then_some(from + start..from + at)
}

/// The value in `password=value`, `password: value`, `PASSWORD 'value'` or, where it `is_option`,
/// `--password value`, when what ends at `from` is such a key.
fn value(text: &str, from: usize, is_option: bool) -> Option<Range<usize>> {
    let assigned = assigned(&text[from..]);
    let value = assigned.or_else(|| follows(&text[from..], is_option))?;
    let unescaped = value.trim_start_matches('\\');
    let mut quotes = ['"', '\''].into_iter();
    let quote = quotes.find(|quote| unescaped.starts_with(*quote));
    let (value, length) = if let Some(quote) = quote {
        // Two quotes where the literal is a part of another one.
        let within = unescaped.trim_start_matches(quote);
        let quotes = unescaped.len() - within.len();
        if quotes > 2 || quotes == 2 && !within.starts_with(char::is_alphanumeric) {
            return None;
        }
        (within, quoted_length(within, quote, quotes == 2))
    } else if let (None, Some((tag, within))) = (assigned, dollar_quoted(value)) {
        let end = within.find(&format!("${tag}$"));
        let end = end.or_else(|| within.find('\n'));
        (within, end.unwrap_or(within.len()))
    } else {
        let ends = |c: char| c.is_whitespace() || "&\"',;)".contains(c);
        (value, value.find(ends).unwrap_or(value.len()))
    };
    let start = text.len() - value.len();
    (length > 0).then_some(start..start + length)
}

/// What follows `=` or `:`.
fn assigned(after_key: &str) -> Option<&str> {
    let rest = after_key.trim_start_matches([' ', '"', '\'', '\\']);
    let value = rest.strip_prefix(['=', ':'])?;
    Some(value.trim_start_matches(' '))
}

/// What follows a space. A word follows `password` in prose too, so only a literal of SQL counts, or the
/// value of an option.
fn follows(after_key: &str, is_option: bool) -> Option<&str> {
    let value = after_key.trim_start();
    let prefixes = ["E", "e", "U&", "u&"];
    let literal = prefixes.iter().find_map(|it| value.strip_prefix(it));
    let literal = literal.unwrap_or(value).trim_start_matches('\\');
    if value.len() == after_key.len() {
        None
    } else if literal.starts_with('\'') || dollar_quoted(literal).is_some() {
        Some(literal)
    } else {
        (is_option && !value.starts_with('-')).then_some(value)
    }
}

/// The tag of a literal such as `$tag$text$tag$`, and what follows its first tag.
fn dollar_quoted(text: &str) -> Option<(&str, &str)> {
    let (tag, within) = text.strip_prefix('$')?.split_once('$')?;
    let is_tag = tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then_some((tag, within))
}

/// How long the text in quotes is. A quote that is doubled or behind a backslash is a part of it, unless
/// `doubled` quotes end it. Where none ends it soon, the text was cut, and the line ends it.
fn quoted_length(text: &str, quote: char, doubled: bool) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next()
        && at <= LONGEST
    {
        let is_before_quote = !doubled && chars.peek().is_some_and(|(_, next)| *next == quote);
        let is_escape = char == '\\' && is_before_quote && text[at + 2..].contains(quote);
        if is_escape || char == quote && is_before_quote {
            chars.next();
        } else if char == quote {
            return text[..at].trim_end_matches('\\').len();
        }
    }
    text.find('\n').unwrap_or(text.len())
}
