//! Connection strings, as libpq reads them.

/// The two ways in which libpq takes a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `postgresql://user:password@host/database?option=value`.
    Url,
    /// `host=… user=… password=…`, or `service=…`.
    Keywords,
}

/// What libpq reads in a connection string.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Names and values, decoded, in order: of two with one name libpq takes the second.
    pub(crate) named: Vec<(String, String)>,
    /// Whether the string can be read to its end: keywords in which a quote is not closed, or a name
    /// has no value, cannot. More of what libpq refuses is not told.
    pub(crate) are_whole: bool,
}

/// What libpq reads in a connection string.
pub(crate) fn connection_options(text: &str) -> Options {
    match form_of(text) {
        Some(Form::Url) => Options {
            named: options_of_url(text),
            are_whole: true,
        },
        Some(Form::Keywords) => options_of_keywords(text),
        None => Options::default(),
    }
}

/// Divides the URL as libpq does, which takes `?` before an `@` for a part of the password.
fn options_of_url(url: &str) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let Some((_, rest)) = url.split_once("://") else {
        return options;
    };
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            options.push((name.to_owned(), percent_decoded(value)));
        }
    };
    let rest = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            set("user", user);
            set("password", password);
            &rest[at + 1..]
        }
        _ => rest,
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (hosts, ports): (Vec<_>, Vec<_>) = hosts.split(',').map(host_and_port).unzip();
    set("host", &hosts.join(","));
    set("port", &ports.join(","));
    set("dbname", database);
    // An empty value counts here: libpq then takes none from a variable.
    let query = query.split('&').filter(|option| !option.is_empty());
    options.extend(query.map(|option| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        (percent_decoded(name), percent_decoded(value))
    }));
    options
}

/// The two parts of `host:port`, or of `[address]:port`.
fn host_and_port(text: &str) -> (&str, &str) {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    match in_brackets {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or_default()),
        None => text.split_once(':').unwrap_or((text, "")),
    }
}

/// Divides keywords as libpq does; one that libpq would not understand ends the search.
fn options_of_keywords(text: &str) -> Options {
    let mut named = Vec::new();
    let mut is_closed = true;
    let mut rest = text;
    while let Some((keyword, after)) = rest.split_once('=') {
        let (value, after) = keyword_value(after.trim_ascii_start());
        named.push((keyword.trim_ascii().to_owned(), value));
        is_closed = after.is_some();
        rest = after.unwrap_or_default();
    }
    let are_words = named.iter().all(|(keyword, _)| is_keyword(keyword));
    Options {
        are_whole: is_closed && are_words && rest.trim_ascii().is_empty(),
        named,
    }
}

/// The value at the beginning of the text, without its quotes and backslashes, and what is after
/// it: nothing when a quote is not closed.
fn keyword_value(text: &str) -> (String, Option<&str>) {
    let quoted = text.strip_prefix('\'');
    let text = quoted.unwrap_or(text);
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted.is_some() => return (value, Some(&text[at + 1..])),
            space if quoted.is_none() && space.is_ascii_whitespace() => {
                return (value, Some(&text[at..]));
            }
            char => value.push(char),
        }
    }
    (value, quoted.is_none().then_some(""))
}

/// Which of the two a connection string is; `None` when it is neither.
pub(crate) fn form_of(text: &str) -> Option<Form> {
    if text.starts_with("postgresql://") || text.starts_with("postgres://") {
        return Some(Form::Url);
    }
    let (keyword, _) = text.trim_start().split_once('=')?;
    is_keyword(keyword.trim_end()).then_some(Form::Keywords)
}

fn is_keyword(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// The text with every `%XX` replaced by the byte it stands for. Any other `%` stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<(String, String)> {
        connection_options(text).named
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        of.iter().map(pair).collect()
    }

    #[test]
    fn a_url_is_divided() {
        let url = "postgresql://u%40x:p%40w@[::1]:5433,h2:6/db?sslmode=require&options=&x";
        let expected = [
            ("user", "u@x"),
            ("password", "p@w"),
            ("host", "::1,h2"),
            ("port", "5433,6"),
            ("dbname", "db"),
            ("sslmode", "require"),
            ("options", ""),
            ("x", ""),
        ];
        assert_eq!(named(url), pairs(&expected));
        assert_eq!(named("postgres://h"), pairs(&[("host", "h")]));
    }

    #[test]
    fn keywords_are_divided() {
        let quoted = r"user = u password='a \' b' dbname=q'x\ y";
        let expected = [("user", "u"), ("password", "a ' b"), ("dbname", "q'x y")];
        assert_eq!(named(quoted), pairs(&expected));
        for (text, are_whole) in [
            (quoted, true),
            ("host=h ", true),
            ("host=h junk", false),
            ("host=h a junk=x", false),
            ("host='h", false),
        ] {
            assert_eq!(connection_options(text).are_whole, are_whole, "{text}");
        }
    }
}
