//! Connection strings as libpq reads them.

mod parameters;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

pub(crate) use self::parameters::is_secret;
use crate::failure::{Advice, Fault};

/// What ends a host in a URL.
const AFTER_HOST: [char; 4] = [':', '/', '?', ','];

/// The two forms of a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `postgresql://user:password@host/database?parameter=value`.
    Url,
    /// `host=… user=… password=…`, or `service=…`.
    Keywords,
}

/// A parameter in a connection string.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// The value without its quotes, backslashes and percent-encoding.
    pub(crate) value: String,
    /// Where the value is in the string, with its quotes.
    pub(crate) span: Range<usize>,
}

/// Why libpq refuses a connection string, as a clause about it that quotes no value, and what helps.
type Problem = (String, Advice);

/// A connection string, parsed. It has no `Display`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ConnectionString {
    text: String,
    form: Option<Form>,
    /// In order: where two have the same name, libpq uses the last.
    pub(crate) settings: Vec<Setting>,
    /// Words without a name and `=`. After a password they may be parts of it.
    pub(crate) strays: Vec<Setting>,
    /// The first reason why libpq refuses it.
    problem: Option<Problem>,
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionString(…)")
    }
}

impl ConnectionString {
    /// Parses the text. If libpq refuses it, it is parsed as far as possible: the redactor has to find
    /// passwords there too.
    pub(crate) fn parse(text: &str) -> Self {
        let mut it = Self {
            text: text.to_owned(),
            form: form_of(text),
            settings: Vec::new(),
            strays: Vec::new(),
            problem: None,
        };
        match (it.form, text.split_once("//")) {
            (Some(Form::Keywords), _) | (_, None) => it.parse_keywords(text),
            (_, Some((scheme, _))) => it.parse_url(text, scheme.len() + 2),
        }
        if it.form.is_none() {
            let what = "is not a PostgreSQL connection string";
            it.problem = Some((what.to_owned(), Advice::write_connection_string()));
        } else if it.problem.is_none() {
            it.problem = parameters::problem(&it);
        }
        it
    }

    /// The value of the secret `logical`.
    ///
    /// confiture falls back on the ambient `DATABASE_URL` if the connection string is empty, and repeats a
    /// malformed one in its error message. So neither is passed to it.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, which quotes no value: it is empty, contains a control character (such as the
    /// line end of the file it was read from), or is not a connection string that libpq accepts.
    pub(crate) fn new(logical: &str, text: &str) -> Result<Self, Fault> {
        let parsed = Self::parse(text);
        let problem = if text.trim().is_empty() {
            Some(("is empty".into(), Advice::write_connection_string()))
        } else if text.chars().any(char::is_control) {
            let why = "contains a control character, such as a line end";
            Some((why.into(), Advice::remove_control_character()))
        } else {
            parsed.problem.clone()
        };
        match problem {
            None => Ok(parsed),
            Some((why, next)) => Err(Fault::in_config(
                format!("the secret `{logical}` {why}"),
                next,
            )),
        }
    }

    /// The string itself. Only for the environment of a child.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// The value that libpq uses, decoded.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter().rev();
        settings
            .find(|setting| setting.name == name)
            .map(|setting| setting.value.as_str())
    }

    /// A URL without its password, and that password decoded.
    ///
    /// # Errors
    ///
    /// What prevents it, as a clause: the string is not a URL, it is not beyond doubt where a password
    /// begins and ends, or it has a secret for which libpq has no variable. Before 17, libpq takes a space
    /// around a value for a part of it.
    pub(crate) fn split_password(&self) -> Result<(String, Option<&str>), String> {
        if self.form != Some(Form::Url) {
            return Err("it is not a URL".into());
        }
        let (authority, query) = self.text.split_once('?').unwrap_or((&self.text, ""));
        let (_, after) = authority.split_once("//").unwrap_or_default();
        let (credentials, hosts) = after.split_once('@').unwrap_or_default();
        if credentials.contains('/')
            || hosts.contains('@')
            || query.contains('@')
            || self.text.contains(' ')
        {
            return Err("an `@`, `/`, `?` or space is not percent-encoded".into());
        }
        let mut url = String::new();
        let mut end = 0;
        for Setting { name, span, .. } in self.settings.iter().filter(|it| is_secret(&it.name)) {
            if name != "password" {
                return Err(format!("libpq has no variable for `{name}`"));
            }
            // With its `:`, or its name and one of the marks around it.
            let (mut start, mut after) = (span.start - 1, span.end);
            if start > authority.len() {
                let mark = self.text[..start].rfind(['?', '&']);
                start = mark.map_or(start, |mark| mark + 1);
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

    fn malformed(&mut self, what: &str) {
        let what = format!("is not a connection string that libpq can read: {what}");
        let problem = (what, Advice::write_connection_string());
        self.problem.get_or_insert(problem);
    }

    fn parse_url(&mut self, text: &str, start: usize) {
        let mut at = start;
        let end_of = |from: usize, marks: &[char]| {
            let length = text[from..].find(marks);
            length.map_or(text.len(), |length| from + length)
        };
        // libpq takes a `?` before the `@` for a part of the password.
        let end = end_of(at, &['@', '/']);
        if text[end..].starts_with('@') {
            let colon = end_of(at, &[':', '@']);
            self.component("user", text, at..colon);
            self.component("password", text, (colon + 1).min(end)..end);
            at = end + 1;
        }
        let authority = at;
        let (mut hosts, mut ports) = (String::new(), String::new());
        loop {
            let is_address = text[at..].starts_with('[');
            let host = if is_address {
                at + 1..end_of(at, &[']'])
            } else {
                at..end_of(at, &AFTER_HOST)
            };
            at = end_of(host.end, &AFTER_HOST);
            if is_address && (host.is_empty() || at != host.end + 1) {
                self.malformed("an address in brackets is incomplete");
            }
            hosts.push_str(&text[host]);
            if text[at..].starts_with(':') {
                let port = at + 1..end_of(at, &['/', '?', ',']);
                at = port.end;
                ports.push_str(&text[port]);
            }
            if !text[at..].starts_with(',') {
                break;
            }
            at += 1;
            hosts.push(',');
            ports.push(',');
        }
        for (name, list) in [("host", hosts), ("port", ports)] {
            if !list.is_empty() {
                self.encoded(name, &list, authority..at);
            }
        }
        if text[at..].starts_with('/') {
            let database = at + 1..end_of(at, &['?']);
            at = database.end;
            self.component("dbname", text, database);
        }
        if text[at..].starts_with('?') {
            self.parse_query(text, at + 1);
        }
    }

    fn parse_query(&mut self, text: &str, mut at: usize) {
        while at < text.len() {
            let option = text[at..].split('&').next().unwrap_or_default();
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if option.split('=').count() != 2 {
                self.malformed(
                    "each parameter of the query needs one `=`, and `=` in a value is `%3D`",
                );
            }
            let name = decoded(name).unwrap_or_else(|(name, what)| {
                self.malformed(what);
                name
            });
            let end = at + option.len();
            self.encoded(&name, value, end - value.len()..end);
            at = end + 1;
        }
    }

    /// Sets a part of a URL, unless it is empty.
    fn component(&mut self, name: &str, text: &str, span: Range<usize>) {
        if !span.is_empty() {
            self.encoded(name, &text[span.clone()], span);
        }
    }

    fn encoded(&mut self, name: &str, value: &str, span: Range<usize>) {
        let value = decoded(value).unwrap_or_else(|(value, what)| {
            self.malformed(&format!("in `{name}`, {what}"));
            value
        });
        // The spelling of JDBC, which libpq accepts.
        if (name, value.as_str()) == ("ssl", "true") {
            self.set("sslmode", "require".into(), span);
        } else {
            self.set(name, value, span);
        }
    }

    fn set(&mut self, name: &str, value: String, span: Range<usize>) {
        let (name, value) = match name {
            "requiressl" if value.starts_with('1') => ("sslmode", "require".into()),
            "requiressl" => ("sslmode", "prefer".into()),
            _ => (name, value),
        };
        let name = name.to_owned();
        self.settings.push(Setting { name, value, span });
    }

    fn parse_keywords(&mut self, text: &str) {
        let blank = |c: char| c.is_ascii_whitespace() || c == '\x0b';
        let mut at = 0;
        loop {
            at = text.len() - text[at..].trim_start_matches(blank).len();
            if at == text.len() {
                return;
            }
            let name = text[at..].split(|c| c == '=' || blank(c)).next();
            let name = at..at + name.unwrap_or_default().len();
            let after = text[name.end..].trim_start_matches(blank);
            let Some(value) = after.strip_prefix('=') else {
                self.malformed(
                    "a value that contains spaces needs quotes, and each value a name and `=` before it",
                );
                at = name.end;
                let last = self.settings.last();
                self.strays.push(Setting {
                    name: last.map(|last| last.name.clone()).unwrap_or_default(),
                    value: text[name.clone()].to_owned(),
                    span: name,
                });
                continue;
            };
            let start = text.len() - value.trim_start_matches(blank).len();
            let (value, length) = keyword_value(&text[start..], blank);
            let length = length.unwrap_or_else(|| {
                self.malformed("a quote is not closed");
                text.len() - start
            });
            at = start + length;
            self.set(&text[name], value, start..at);
        }
    }
}

/// The value at the beginning of the text, without its quotes and backslashes, and its length as written;
/// `None` if a quote is not closed.
fn keyword_value(text: &str, blank: impl Fn(char) -> bool) -> (String, Option<usize>) {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return (value, Some(at + 1)),
            char if !quoted && blank(char) => return (value, Some(at)),
            char => value.push(char),
        }
    }
    (value, (!quoted).then_some(text.len()))
}

/// Which of the two a connection string is; `None` when it is neither.
fn form_of(text: &str) -> Option<Form> {
    if text.starts_with("postgresql://") || text.starts_with("postgres://") {
        return Some(Form::Url);
    }
    let (keyword, _) = text.trim_start().split_once('=')?;
    let keyword = keyword.trim_end().as_bytes();
    let is_keyword = keyword.iter().all(|b| b.is_ascii_lowercase() || *b == b'_');
    (is_keyword && !keyword.is_empty()).then_some(Form::Keywords)
}

/// The value as libpq decodes it, or the value as far as it can be decoded and why libpq refuses it. From
/// libpq 17 on, spaces around a value are not part of it.
fn decoded(text: &str) -> Result<String, (String, &'static str)> {
    let value = percent_decoded(text.trim_matches(' '));
    let is_broken = |code: &str| {
        let digits = code.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if text.split('%').skip(1).any(is_broken) {
        return Err((
            value,
            "a `%` is not followed by two hexadecimal digits; the character itself is `%25`",
        ));
    }
    if text.contains("%00") {
        return Err((value, "it contains `%00`"));
    }
    Ok(value)
}

/// The text with every `%XX` replaced by the byte it stands for. Any other `%` remains.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
