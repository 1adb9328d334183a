//! Connection strings, divided as libpq divides them.

mod parameters;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use self::parameters::is_secret;

/// The two forms of a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `postgresql://user:password@host/database?parameter=value`.
    Url,
    /// `host=… user=… password=…`, or `service=…`.
    Keywords,
}

/// A parameter in a connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// The value without its quotes, backslashes and percent-encoding.
    pub(crate) value: String,
    /// Where the value is in the string, with its quotes.
    pub(crate) span: Range<usize>,
}

/// Why libpq refuses a connection string. It quotes no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is neither a URL nor keywords.
    NeitherForm,
    /// It cannot be divided: what is wrong, as a clause.
    Malformed(&'static str),
    /// A value cannot be decoded. The parameter, and what is wrong.
    Encoding(String, &'static str),
    /// A parameter that libpq does not have; without its name where that may be a part of a password.
    Unknown(Option<String>),
    /// The parameter has a value that libpq refuses. What it may be, as a clause.
    Value(&'static str, String),
}

/// A connection string, divided. What libpq refuses is divided as far as it can be: the redactor has to
/// find passwords there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionString {
    pub(crate) form: Option<Form>,
    /// In order: where two have the same name, libpq uses the last.
    pub(crate) settings: Vec<Setting>,
    /// Words of keywords that are no value. Behind a password they may be parts of it.
    pub(crate) strays: Vec<Setting>,
    /// The first reason why libpq refuses it.
    pub(crate) problem: Option<Problem>,
}

impl ConnectionString {
    pub(crate) fn new(text: &str) -> Self {
        let mut it = Self {
            form: form_of(text),
            settings: Vec::new(),
            strays: Vec::new(),
            problem: None,
        };
        match (it.form, text.split_once("//")) {
            (Some(Form::Keywords), _) | (None, None) => it.divide_keywords(text),
            (_, Some((scheme, _))) => it.divide_url(text, scheme.len() + 2),
            (Some(Form::Url), None) => {}
        }
        if it.form.is_none() {
            it.problem = Some(Problem::NeitherForm);
        } else if it.problem.is_none() {
            it.problem = parameters::problem(&it);
        }
        it
    }

    /// The value that libpq uses.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter().rev();
        settings
            .find(|setting| setting.name == name)
            .map(|setting| setting.value.as_str())
    }

    fn refuse(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    fn divide_url(&mut self, text: &str, start: usize) {
        let mut at = start;
        let end_of = |from: usize, marks: &[char]| {
            text[from..]
                .find(marks)
                .map_or(text.len(), |length| from + length)
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
            let host = if text[at..].starts_with('[') {
                let close = end_of(at, &[']']);
                let after = &text[(close + 1).min(text.len())..];
                if close == text.len()
                    || close == at + 1
                    || !after.is_empty() && !after.starts_with([':', '/', '?', ','])
                {
                    self.refuse(Problem::Malformed("an address in brackets is incomplete"));
                }
                let host = at + 1..close;
                at = end_of(close, &[':', '/', '?', ',']);
                host
            } else {
                let host = at..end_of(at, &[':', '/', '?', ',']);
                at = host.end;
                host
            };
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
            self.divide_query(text, at + 1);
        }
    }

    fn divide_query(&mut self, text: &str, mut at: usize) {
        while at < text.len() {
            let length = text[at..].find('&').unwrap_or(text.len() - at);
            let option = &text[at..at + length];
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if option.split('=').count() != 2 {
                self.refuse(Problem::Malformed(
                    "each parameter of the query needs one `=`, and `=` in a value is `%3D`",
                ));
            }
            let name = decoded(name).unwrap_or_else(|(name, what)| {
                self.refuse(Problem::Malformed(what));
                name
            });
            let end = at + length;
            self.encoded(&name, value, end - value.len()..end);
            at = end + 1;
        }
    }

    /// A part of a URL, where nothing is no value.
    fn component(&mut self, name: &str, text: &str, span: Range<usize>) {
        if !span.is_empty() {
            self.encoded(name, &text[span.clone()], span);
        }
    }

    fn encoded(&mut self, name: &str, value: &str, span: Range<usize>) {
        let mut name = name;
        let mut value = decoded(value).unwrap_or_else(|(value, what)| {
            self.refuse(Problem::Encoding(name.to_owned(), what));
            value
        });
        // As JDBC has it.
        if (name, value.as_str()) == ("ssl", "true") {
            (name, value) = ("sslmode", "require".into());
        }
        self.set(name, value, span);
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

    fn divide_keywords(&mut self, text: &str) {
        let blank = |c: char| c.is_ascii_whitespace() || c == '\x0b';
        let mut at = 0;
        loop {
            at = text.len() - text[at..].trim_start_matches(blank).len();
            if at == text.len() {
                return;
            }
            let name = at..text[at..]
                .find(|c| c == '=' || blank(c))
                .map_or(text.len(), |length| at + length);
            let after = text[name.end..].trim_start_matches(blank);
            let Some(value) = after.strip_prefix('=') else {
                self.refuse(Problem::Malformed(
                    "a value that contains spaces needs quotes, and each value a name and `=` before it",
                ));
                let value = text[name.clone()].to_owned();
                let name_of_stray = self.settings.last().map(|last| last.name.clone());
                self.strays.push(Setting {
                    name: name_of_stray.unwrap_or_default(),
                    value,
                    span: name.clone(),
                });
                at = name.end;
                continue;
            };
            let start = text.len() - value.trim_start_matches(blank).len();
            let (value, length) = keyword_value(&text[start..], blank);
            let length = length.unwrap_or_else(|| {
                self.refuse(Problem::Malformed("a quote is not closed"));
                text.len() - start
            });
            at = start + length;
            self.set(&text[name], value, start..at);
        }
    }
}

/// The value at the beginning of the text, without its quotes and backslashes, and how long it is as
/// written: nothing when a quote is not closed.
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
    is_keyword(keyword.trim_end()).then_some(Form::Keywords)
}

fn is_keyword(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// The value as libpq decodes it, or as far as it can be decoded and why libpq refuses it. Since libpq 17
/// spaces around a value are no part of it.
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
