//! A connection string that cannot be printed.

use std::fmt;

use crate::failure::{Advice, Failure};

/// The connection string of a database, as the engine gave it.
///
/// It has no `Display`, no `Serialize`, and a `Debug` that shows nothing. It is handed to
/// confiture as it is: what counts as a connection string is for libpq to say, and the checks here
/// only refuse what could never be one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Dsn {
    text: String,
    form: Form,
}

/// The two ways in which libpq takes a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `postgresql://user:password@host/database?option=value`.
    Url,
    /// `host=… user=… password=…`, or `service=…`.
    Keywords,
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dsn(…)")
    }
}

impl Dsn {
    /// Takes the value of the secret `logical`, unless it cannot be a connection string of
    /// `PostgreSQL`.
    ///
    /// confiture falls back on the ambient `DATABASE_URL` when it is given an empty one, and
    /// repeats a malformed one in its error message; so neither gets there.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, which quotes nothing of the value: it is empty or blank, holds a control
    /// character (such as the line end of the file it was read from), or is of another database
    /// (`mysql://…`) or of none (`postgresql//…`).
    pub(crate) fn new(logical: &str, text: String) -> Result<Self, Failure> {
        let refuse = |why: &str| {
            Err(Failure::in_config(
                format!("the secret `{logical}` {why}"),
                Advice::MakeConnectionString,
            ))
        };
        if text.trim().is_empty() {
            return refuse("is empty");
        }
        if text.chars().any(char::is_control) {
            return refuse("holds a control character, such as a line end");
        }
        match form_of(&text) {
            Some(form) => Ok(Self { text, form }),
            None => refuse("is no PostgreSQL connection string"),
        }
    }

    /// The string itself. Only for the environment of a child, and for the redactor.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// A URL without its password, wherever the password stood, and that password decoded.
    ///
    /// `None` for keywords, and for a URL in which it is not beyond doubt where a password begins
    /// and ends: one with an `@`, `/` or `?` in it that is not percent-encoded.
    pub(crate) fn split_password(&self) -> Option<(String, Option<String>)> {
        if self.form != Form::Url {
            return None;
        }
        let (scheme, rest) = self.text.split_once("://")?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (userinfo, rest) = match rest.rsplit_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        if userinfo.is_some_and(|text| text.contains(['@', '/']))
            || query.is_some_and(|text| text.contains('@'))
        {
            return None;
        }
        let mut password = None;
        let mut url = format!("{scheme}://");
        if let Some(userinfo) = userinfo {
            let user = match userinfo.split_once(':') {
                Some((user, raw)) => {
                    password = Some(percent_decoded(raw));
                    user
                }
                None => userinfo,
            };
            url.push_str(user);
            url.push('@');
        }
        url.push_str(rest);
        let mut separator = '?';
        for option in query.into_iter().flat_map(|query| query.split('&')) {
            match option.split_once('=') {
                Some((name, value)) if percent_decoded(name) == "password" => {
                    password = Some(percent_decoded(value));
                }
                // The password of a client key: libpq has no variable for it.
                Some((name, _)) if percent_decoded(name) == "sslpassword" => return None,
                _ => {
                    url.push(separator);
                    url.push_str(option);
                    separator = '&';
                }
            }
        }
        Some((url, password))
    }

    /// What the string gives as `options` of the request, decoded; of several, the last, which is
    /// the one that libpq takes.
    ///
    /// An empty one is one too: libpq then leaves `PGOPTIONS` aside.
    pub(crate) fn options(&self) -> Option<String> {
        let all = connection_options(&self.text).into_iter();
        let mut options = all.filter(|(name, _)| name == "options");
        options.next_back().map(|(_, value)| value)
    }
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

fn form_of(text: &str) -> Option<Form> {
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

#[cfg(test)]
mod tests;
