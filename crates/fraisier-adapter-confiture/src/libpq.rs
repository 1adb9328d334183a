//! Connection strings, as libpq reads them.

/// The two ways in which libpq takes a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `postgresql://user:password@host/database?option=value`.
    Url,
    /// `host=… user=… password=…`, or `service=…`.
    Keywords,
}

/// What libpq reads in a connection string: names and values, decoded, in order. Of the user and the
/// host in a URL only the password is told.
pub(crate) fn connection_options(text: &str) -> Vec<(String, String)> {
    match form_of(text) {
        Some(Form::Url) => options_of_url(text),
        Some(Form::Keywords) => options_of_keywords(text),
        None => Vec::new(),
    }
}

/// Divides the URL as libpq does, which takes `?` before an `@` for a part of the password.
fn options_of_url(url: &str) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let Some((_, rest)) = url.split_once("://") else {
        return options;
    };
    let rest = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => {
            if let Some((_, password)) = rest[..at].split_once(':') {
                options.push(("password".to_owned(), percent_decoded(password)));
            }
            &rest[at + 1..]
        }
        _ => rest,
    };
    let query = rest.split_once('?').map(|(_, query)| query);
    options.extend(
        query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .map(|option| {
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                (percent_decoded(name), percent_decoded(value))
            }),
    );
    options
}

/// Divides keywords as libpq does; one that libpq would not understand ends the search.
fn options_of_keywords(text: &str) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let mut rest = text;
    while let Some((keyword, after)) = rest.split_once('=') {
        let (value, after) = keyword_value(after.trim_ascii_start());
        options.push((keyword.trim_ascii().to_owned(), value));
        rest = after;
    }
    options
}

/// The value at the beginning of the text, without its quotes and backslashes, and what is after
/// it.
fn keyword_value(text: &str) -> (String, &str) {
    let quoted = text.strip_prefix('\'');
    let text = quoted.unwrap_or(text);
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted.is_some() => return (value, &text[at + 1..]),
            space if quoted.is_none() && space.is_ascii_whitespace() => {
                return (value, &text[at..]);
            }
            char => value.push(char),
        }
    }
    (value, "")
}

/// Which of the two a connection string is; `None` when it is neither.
pub(crate) fn form_of(text: &str) -> Option<Form> {
    if text.starts_with("postgresql://") || text.starts_with("postgres://") {
        return Some(Form::Url);
    }
    let (keyword, _) = text.trim_start().split_once('=')?;
    let keyword = keyword.trim_end();
    let like_a_keyword =
        !keyword.is_empty() && keyword.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    like_a_keyword.then_some(Form::Keywords)
}

/// The text with every `%XX` replaced by the byte it stands for. Any other `%` stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
