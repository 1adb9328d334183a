//! A connection string that cannot be printed.

use std::collections::BTreeMap;
use std::fmt;

use crate::failure::{Advice, Failure};
use crate::libpq::{Form, connection_options, form_of, percent_decoded};

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
        let refuse = |why: &str, next| {
            let what = format!("the secret `{logical}` {why}");
            Err(Failure::in_config(what, next))
        };
        if text.trim().is_empty() {
            return refuse("is empty", Advice::MakeConnectionString);
        }
        if text.chars().any(char::is_control) {
            let why = "holds a control character, such as a line end";
            return refuse(why, Advice::TakeOutControlCharacter);
        }
        match form_of(&text) {
            Some(form) => Ok(Self { text, form }),
            None => refuse(
                "is no PostgreSQL connection string",
                Advice::MakeConnectionString,
            ),
        }
    }

    /// The string itself. Only for the environment of a child, and for the redactor.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// A URL without its password, wherever the password stood, and that password decoded.
    ///
    /// `None` for keywords, and for a URL in which it is not beyond doubt where a password begins
    /// and ends: one with an `@`, `/`, `?` or space in it that is not percent-encoded. libpq takes a space
    /// around a value for a part of it before 17, and for none of it from then on.
    pub(crate) fn split_password(&self) -> Option<(String, Option<String>)> {
        if self.form != Form::Url || self.text.contains(' ') {
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

    /// What the string gives as `options` of the request, decoded.
    ///
    /// An empty one is one too: libpq then leaves `PGOPTIONS` aside.
    pub(crate) fn options(&self) -> Option<String> {
        let named = connection_options(&self.text).named.into_iter();
        named.collect::<BTreeMap<_, _>>().remove("options")
    }

    /// Everything that libpq reads in it, decoded; `None` when it cannot be read to its end.
    pub(crate) fn settings(&self) -> Option<BTreeMap<String, String>> {
        let options = connection_options(&self.text);
        options
            .are_whole
            .then(|| options.named.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
