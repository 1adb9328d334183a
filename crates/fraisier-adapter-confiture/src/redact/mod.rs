//! Masks secrets in everything that callers, observers and the log get.

mod forms;
mod lookalikes;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use fraisier_adapter_api::Revision;
use serde_json::Value;

use self::forms::{credentials, forms, strings_in_json};
use crate::libpq::percent_decoded;
use crate::process::Captured;

/// What replaces a secret.
pub const MASK: &str = "***";

/// How many consecutive bytes of a secret are a fragment of it. They are masked wherever they are, so it
/// does not matter where confiture, `PostgreSQL` or a limit of ours cut it. What is shorter is masked as a
/// whole.
const FRAGMENT: usize = 8;

/// A secret shorter than this, in characters, is masked only where it stands alone, as in `password "a"`:
/// masked inside words it would make no word readable, and a reader could not distinguish it from a letter.
const ALONE: usize = 4;

/// Replaces secrets in texts by [`MASK`].
///
/// It knows the connection string of a call whole and in its pieces (the password as it was
/// written, percent-decoded, and as it looks inside JSON or a Python `repr`; the user together
/// with the password; the parts that libpq would take for a host or a port when a password contains
/// an unencoded `@`, `/` or `:`), and the values of the context's other secrets, with the strings in
/// one that is JSON. Eight consecutive bytes of a secret are masked wherever they stand, so one that
/// was cut, folded or printed line by line is masked too. Beyond these it masks whatever looks
/// like the URL of a database or like `password=…`.
///
/// Host, port, database and user name are no secrets: without them no message about a connection
/// would say anything.
#[derive(Clone)]
pub struct Redactor {
    /// The fragments of all forms, in order.
    fragments: Vec<[u8; FRAGMENT]>,
    /// What is masked as a whole only: short secrets, and connection strings, whose host may be seen.
    whole: BTreeSet<String>,
    /// The forms in which secrets are printed.
    forms: BTreeSet<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Default for Redactor {
    /// Knows no secret, and masks what looks like one.
    fn default() -> Self {
        Self::new([], [])
    }
}

impl Redactor {
    /// A redactor of these connection strings and these other secrets.
    #[must_use]
    pub fn new<'a>(
        dsns: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (mut whole, mut known) = (BTreeSet::new(), BTreeSet::new());
        for dsn in dsns {
            let (strings, passwords) = credentials(dsn);
            whole.extend(strings.iter().flat_map(|text| forms(text)));
            known.extend(passwords.iter().flat_map(|text| forms(text)));
        }
        for secret in secrets {
            known.extend(forms(secret));
            known.insert(percent_decoded(secret.trim()));
            if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(secret) {
                let strings = strings_in_json(value);
                known.extend(strings.iter().flat_map(|text| forms(text)));
            }
        }
        known.remove("");
        let windows = known.iter().flat_map(|it| it.as_bytes().windows(FRAGMENT));
        let mut fragments: Vec<_> = windows.filter_map(|it| it.try_into().ok()).collect();
        fragments.sort_unstable();
        fragments.dedup();
        fragments.shrink_to_fit();
        whole.extend(known.iter().filter(|it| it.len() < FRAGMENT).cloned());
        Self {
            fragments,
            whole,
            forms: known,
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut spans = self.find(text);
        spans.extend(lookalikes::find(text));
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_by_key(|span| (span.start, span.end));
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        for span in spans {
            if span.start >= done {
                masked.push_str(&text[done..span.start]);
                // Adjacent secrets get one mask.
                if !masked.ends_with(MASK) {
                    masked.push_str(MASK);
                }
            }
            done = done.max(span.end);
        }
        masked.push_str(&text[done..]);
        Cow::Owned(masked)
    }

    /// Where known secrets are in a text. Each range begins and ends between characters.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, window) in text.as_bytes().windows(FRAGMENT).enumerate() {
            if self.is_fragment(window) {
                let start = floor_char_boundary(text, at);
                let mut ends = at + FRAGMENT..text.len();
                let end = ends.find(|it| text.is_char_boundary(*it));
                let end = end.unwrap_or(text.len());
                match found.last_mut() {
                    Some(span) if start <= span.end => span.end = end,
                    _ => found.push(start..end),
                }
            }
        }
        for form in &self.whole {
            let first = form.chars().next().map_or(1, char::len_utf8);
            let mut from = 0;
            while let Some(at) = text[from..].find(form.as_str()) {
                let span = from + at..from + at + form.len();
                from = span.start + first;
                if form.chars().count() >= ALONE || stands_alone(text, &span) {
                    found.push(span);
                }
            }
        }
        found
    }

    fn is_fragment(&self, window: &[u8]) -> bool {
        self.fragments
            .binary_search_by(|it| it[..].cmp(window))
            .is_ok()
    }

    /// A name such as a revision, without secrets. A name is compared, so it is not changed where it is
    /// more likely to be equal to a secret than to be one: a fragment of a secret counts here only
    /// when it is of more than one kind of character, as `hunter2x` is and `drop_table`, `ADD_COLUMN`
    /// and `20260119` are not.
    #[must_use]
    pub fn identifier<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let mut windows = name.as_bytes().windows(FRAGMENT);
        if windows.any(|it| is_no_name(it) && self.is_fragment(it)) {
            self.text(name)
        } else {
            Cow::Borrowed(name)
        }
    }

    /// Masks secrets in texts for people.
    pub(crate) fn prose<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        for text in texts {
            *text = self.text(text).into_owned();
        }
    }

    /// Masks secrets in names that programs compare.
    pub(crate) fn names<'a>(&self, names: impl IntoIterator<Item = &'a mut String>) {
        for name in names {
            *name = self.identifier(name).into_owned();
        }
    }

    /// Where output was omitted, a secret may have been cut in two. Removes what may be such a half on both
    /// sides, if it is shorter than a fragment; longer halves are masked anyway.
    pub(crate) fn uncut(&self, captured: &mut Captured) {
        if captured.omitted == 0 {
            return;
        }
        let mut head = String::from_utf8_lossy(&captured.head).into_owned();
        let tail = String::from_utf8_lossy(&captured.tail).into_owned();
        let (mut begun, mut ended) = (0, 0);
        for form in &self.forms {
            for (at, _) in form.char_indices().skip(1) {
                let (first, last) = form.split_at(at);
                if first.len() < FRAGMENT && head.ends_with(first) {
                    begun = begun.max(first.len());
                }
                if last.len() < FRAGMENT && tail.starts_with(last) {
                    ended = ended.max(last.len());
                }
            }
        }
        head.truncate(head.len() - begun);
        captured.head = head.into_bytes();
        captured.tail = tail.into_bytes().split_off(ended);
    }

    /// At most about `limit` bytes of a text that is already without secrets: its beginning and,
    /// where errors stand, its end.
    #[must_use]
    pub fn bounded(text: &str, limit: usize) -> Cow<'_, str> {
        if text.len() <= limit {
            return Cow::Borrowed(text);
        }
        let head = floor_char_boundary(text, limit / 4);
        let tail = floor_char_boundary(text, text.len() - (limit - limit / 4));
        Cow::Owned(with_gap(&text[..head], (tail - head) as u64, &text[tail..]))
    }
}

/// A stream as text, with a line that says how much of it was omitted. Invalid UTF-8 is replaced.
pub(crate) fn text_of(captured: &Captured) -> String {
    let head = String::from_utf8_lossy(&captured.head);
    if captured.omitted == 0 {
        return head.into_owned();
    }
    with_gap(
        &head,
        captured.omitted,
        &String::from_utf8_lossy(&captured.tail),
    )
}

/// The two ends of a text, with a line between them that says how much is missing.
fn with_gap(head: &str, omitted: u64, tail: &str) -> String {
    format!("{head}\n[… {omitted} bytes omitted …]\n{tail}")
}

/// The last boundary of a character that is not after `at`.
pub(crate) fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Whether no letter or digit touches this place.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !touches(text[..span.start].chars().next_back()) && !touches(text[span.end..].chars().next())
}

/// Whether a fragment is made as no symbolic name is: of letters in upper and lower case or with digits,
/// or of anything else. `hunter2x` is, and `drop_table`, `ADD_COLUMN` and `20260119` are not.
fn is_no_name(fragment: &[u8]) -> bool {
    let kinds: [fn(&u8) -> bool; 3] = [
        u8::is_ascii_lowercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
    ];
    let found = kinds.iter().filter(|kind| fragment.iter().any(kind));
    found.count() > 1
        || !fragment
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// A value without secrets. Only this module can construct it.
#[derive(Debug)]
pub(crate) struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub(crate) fn new(mut value: T, redactor: &Redactor) -> Self
    where
        T: Redact,
    {
        value.redact(redactor);
        Self(value)
    }

    pub(crate) fn get(&self) -> &T {
        &self.0
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// A value that knows which of its texts are prose, and which are names that programs compare.
pub(crate) trait Redact {
    /// Masks the secrets in every text.
    #[doc(hidden)]
    fn redact(&mut self, redactor: &Redactor);

    /// What the log says of a result: the revisions before and after, and how many migrations were applied
    /// or rolled back.
    fn summary(&self) -> (Option<&Revision>, Option<&Revision>, usize) {
        (None, None, 0)
    }
}
