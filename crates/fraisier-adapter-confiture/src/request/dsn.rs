//! A connection string that cannot be printed.

use std::collections::BTreeMap;
use std::fmt;

use crate::failure::{Advice, Fault};
use crate::libpq::{ConnectionString, Form, Problem, is_secret};

/// The connection string of a database, as the engine gave it.
///
/// It has no `Display`, no `Serialize`, and a `Debug` that shows nothing. confiture gets it unchanged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Dsn {
    text: String,
    divided: ConnectionString,
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dsn(…)")
    }
}

impl Dsn {
    /// The value of the secret `logical`.
    ///
    /// confiture falls back on the ambient `DATABASE_URL` when it is given an empty one, and repeats a
    /// malformed one in its error message; so neither gets there.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, which quotes no value: it is empty, contains a control character (such as the
    /// line end of the file it was read from), or is no connection string that libpq accepts.
    pub(crate) fn new(logical: &str, text: String) -> Result<Self, Fault> {
        let refuse = |why: &str, next| {
            let what = format!("the secret `{logical}` {why}");
            Err(Fault::in_config(what, next))
        };
        if text.trim().is_empty() {
            return refuse("is empty", Advice::write_connection_string());
        }
        if text.chars().any(char::is_control) {
            let why = "holds a control character, such as a line end";
            return refuse(why, Advice::remove_control_character());
        }
        let divided = ConnectionString::new(&text);
        let (why, next) = match &divided.problem {
            None => return Ok(Self { text, divided }),
            Some(Problem::NeitherForm) => (
                "is not a PostgreSQL connection string".to_owned(),
                Advice::write_connection_string(),
            ),
            Some(Problem::Malformed(what)) => (
                format!("is not a connection string that libpq can read: {what}"),
                Advice::write_connection_string(),
            ),
            Some(Problem::Encoding(name, what)) => (
                format!("is not a connection string that libpq can read: in `{name}`, {what}"),
                Advice::write_connection_string(),
            ),
            Some(Problem::Unknown(Some(name))) => (
                format!("has the parameter `{name}`, which libpq does not know"),
                Advice::remove_parameter(),
            ),
            Some(Problem::Unknown(None)) => (
                "has a parameter that libpq does not know".to_owned(),
                Advice::write_connection_string(),
            ),
            Some(Problem::Value(name, expected)) => (
                format!("has a wrong value for the parameter `{name}`, which must be {expected}"),
                // A `/` in a password ends the host and the port of a URL.
                if *name == "port" {
                    Advice::write_connection_string()
                } else {
                    Advice::correct_setting()
                },
            ),
        };
        refuse(&why, next)
    }

    /// The string itself. Only for the environment of a child, and for the redactor.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// The value of a parameter, decoded.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.divided.get(name)
    }

    /// Every parameter, decoded, by name.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let settings = self.divided.settings.iter();
        settings
            .map(|it| (it.name.clone(), it.value.clone()))
            .collect()
    }

    /// A URL without its password, and that password decoded.
    ///
    /// # Errors
    ///
    /// What prevents it, as a clause: the string is not a URL, it is not beyond doubt where a password
    /// begins and ends, or it has a secret for which libpq has no variable. libpq takes a space around a
    /// value for a part of it before 17, and not from then on.
    pub(crate) fn split_password(&self) -> Result<(String, Option<&str>), String> {
        if self.divided.form != Some(Form::Url) {
            return Err("it is not a URL".into());
        }
        let (authority, query) = self.text.split_once('?').unwrap_or((&self.text, ""));
        let is_plain = match authority
            .split_once("//")
            .and_then(|(_, it)| it.split_once('@'))
        {
            Some((credentials, rest)) => !credentials.contains('/') && !rest.contains('@'),
            None => true,
        };
        if !is_plain || query.contains('@') || self.text.contains(' ') {
            return Err("an `@`, `/`, `?` or space is not percent-encoded".into());
        }
        let mut url = String::new();
        let mut end = 0;
        for setting in self
            .divided
            .settings
            .iter()
            .filter(|it| is_secret(&it.name))
        {
            if setting.name != "password" {
                return Err(format!("libpq has no variable for `{}`", setting.name));
            }
            // With its `:`, or its name and one of the marks around it.
            let mut start = setting.span.start - 1;
            let mut after = setting.span.end;
            if start > authority.len() {
                start = self.text[..start]
                    .rfind(['?', '&'])
                    .map_or(start, |mark| mark + 1);
                after += usize::from(self.text[after..].starts_with('&'));
            }
            url.push_str(&self.text[end..start]);
            end = after;
        }
        url.push_str(&self.text[end..]);
        // What is before the query may end in the same marks.
        if let Some(query) = url.find('?') {
            let kept = url[query..].trim_end_matches(['?', '&']).len();
            url.truncate(query + kept);
        }
        Ok((url, self.get("password")))
    }
}

#[cfg(test)]
mod tests;
