//! Masks secrets in everything that callers, observers and the log get.

mod credentials;
mod forms;
mod fragments;
mod lookalikes;
mod redacted;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};

use self::forms::Forms;
use self::fragments::Fragments;
pub(crate) use self::redacted::{Redact, Redacted};
use crate::process::Captured;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// A secret shorter than this is masked only where it stands alone, as in `password "a"`: masking
/// it inside words would leave no word readable, and a reader could not tell it from a letter.
const SHORT: usize = 4;

/// Replaces secrets in texts by [`MASK`].
///
/// It knows the connection string of a call whole and in its pieces (the password as it was
/// written, percent-decoded, and as it looks inside JSON or a Python `repr`; the user together
/// with the password; the parts that libpq would take for a host or a port when a password holds
/// an unencoded `@`, `/` or `:`), and the values of the context's other secrets, with the strings in
/// one that is JSON. Eight consecutive bytes of a secret are masked wherever they stand, so one that
/// was cut, folded or printed line by line is masked too. Beyond these it masks whatever looks
/// like the URL of a database or like `password=…`.
///
/// Host, port, database and user name are no secrets: without them no message about a connection
/// would say anything.
#[derive(Clone)]
pub struct Redactor {
    /// Finds where what looks like a secret begins. It searches apart from the secrets: a beginning
    /// that nothing follows must not hide a secret that is equal to it.
    lookalikes: AhoCorasick,
    /// Finds what is masked wherever it occurs.
    anywhere: AhoCorasick,
    /// Finds what is masked where no letter or digit touches it.
    alone: Option<AhoCorasick>,
    /// Every form of every secret, to cut none in two.
    forms: BTreeSet<String>,
    /// Finds fragments of secrets.
    fragments: Fragments,
    /// Finds fragments that are in a name by no accident: see [`Redactor::identifier`].
    sure: Fragments,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Default for Redactor {
    /// Knows no secret, and masks by its looks only.
    fn default() -> Self {
        Self::new([], [])
    }
}

impl Redactor {
    /// Knows these connection strings and these other secrets.
    #[must_use]
    pub fn new<'a>(
        dsns: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let Forms { whole, secret } = Forms::new(dsns, secrets);
        let forms: BTreeSet<String> = whole.into_iter().chain(secret.iter().cloned()).collect();
        let (alone, anywhere): (Vec<_>, Vec<_>) = forms
            .iter()
            .cloned()
            .partition(|form| form.chars().count() < SHORT);
        let starts: Vec<&str> = lookalikes::starts().collect();
        Self {
            lookalikes: automaton(&starts),
            anywhere: automaton(&anywhere),
            alone: (!alone.is_empty()).then(|| automaton(&alone)),
            fragments: Fragments::new(secret.iter().map(String::as_str), |_| true),
            sure: Fragments::new(secret.iter().map(String::as_str), is_no_name),
            forms,
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut spans = self.fragments.find(text);
        spans.extend(self.anywhere.find_iter(text).map(|found| found.range()));
        spans.extend(
            self.lookalikes.find_iter(text).filter_map(|found| {
                lookalikes::span(found.pattern().as_usize(), text, found.range())
            }),
        );
        if let Some(alone) = &self.alone {
            let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            spans.extend(
                alone
                    .find_iter(text)
                    .map(|found| found.range())
                    .filter(|span| {
                        !touches(text[..span.start].chars().next_back())
                            && !touches(text[span.end..].chars().next())
                    }),
            );
        }
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_by_key(|span| (span.start, span.end));
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        for span in spans {
            if span.start >= done {
                masked.push_str(&text[done..span.start]);
                // Secrets that touch are one.
                if !masked.ends_with(MASK) {
                    masked.push_str(MASK);
                }
            }
            done = done.max(span.end);
        }
        masked.push_str(&text[done..]);
        Cow::Owned(masked)
    }

    /// A name such as a revision, without secrets. A name is compared, so it is left alone where it
    /// is more likely to be equal to a secret than to be one: a fragment of a secret counts here only
    /// when it is of more than one kind of character, as `hunter2x` is and `drop_table`, `ADD_COLUMN`
    /// and `20260119` are not.
    #[must_use]
    pub fn identifier<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.sure.find(name).is_empty() {
            Cow::Borrowed(name)
        } else {
            self.text(name)
        }
    }

    /// Takes away what may be the halves of a secret that was cut in two where output was omitted.
    pub(crate) fn uncut(&self, captured: &mut Captured) {
        if captured.omitted == 0 {
            return;
        }
        let head = String::from_utf8_lossy(&captured.head);
        let tail = String::from_utf8_lossy(&captured.tail);
        (captured.head, captured.tail) = (
            self.uncut_end(&head).as_bytes().to_owned(),
            self.uncut_start(&tail).as_bytes().to_owned(),
        );
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
        Cow::Owned(format!(
            "{}\n[… {} bytes omitted …]\n{}",
            &text[..head],
            tail - head,
            &text[tail..]
        ))
    }

    /// `text` less an ending that may be the beginning of a secret.
    fn uncut_end<'a>(&self, text: &'a str) -> &'a str {
        let mut end = text.len();
        for form in &self.forms {
            let longest = (1..form.len())
                .rev()
                .filter(|at| form.is_char_boundary(*at))
                .find(|at| text.ends_with(&form[..*at]));
            end = end.min(text.len() - longest.unwrap_or(0));
        }
        &text[..end]
    }

    /// `text` less a beginning that may be the end of a secret.
    fn uncut_start<'a>(&self, text: &'a str) -> &'a str {
        let mut start = 0;
        for form in &self.forms {
            let longest = (1..form.len())
                .filter(|at| form.is_char_boundary(*at))
                .find(|at| text.starts_with(&form[*at..]));
            start = start.max(longest.map_or(0, |at| form.len() - at));
        }
        &text[start..]
    }
}

/// A stream as text, with a line that says how much of it was omitted. Invalid UTF-8 is replaced.
pub(crate) fn text_of(captured: &Captured) -> String {
    let head = String::from_utf8_lossy(&captured.head);
    if captured.omitted == 0 {
        return head.into_owned();
    }
    let tail = String::from_utf8_lossy(&captured.tail);
    format!("{head}\n[… {} bytes omitted …]\n{tail}", captured.omitted)
}

/// Whether a fragment of a secret is made as no symbolic name is: of letters in upper and lower case
/// or with digits, or of anything else.
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

/// The last boundary of a character that is not after `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Upper and lower case are told apart: that lets the search skip through text many bytes at a time.
fn automaton<T: AsRef<[u8]>>(patterns: &[T]) -> AhoCorasick {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(patterns)
        .expect("secrets are not gigabytes long")
}
