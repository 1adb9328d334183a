//! Masks secrets in everything that callers, observers and the log get.

mod credentials;
mod forms;
mod index;
mod lookalikes;
mod redacted;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use self::credentials::Credentials;
use self::forms::{forms, strings_in_json};
use self::index::{FRAGMENT, Index};
pub(crate) use self::redacted::{Redact, Redacted};
use crate::libpq::percent_decoded;
use crate::process::Captured;

/// What replaces a secret.
pub const MASK: &str = "***";

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
    secrets: Index,
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
    /// Knows these connection strings and these other secrets.
    #[must_use]
    pub fn new<'a>(
        dsns: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut index = Index::default();
        let add = |index: &mut Index, secret: &str| {
            for form in forms(secret) {
                index.add_secret(&form);
            }
        };
        for dsn in dsns {
            let Credentials {
                whole,
                passwords,
                parts,
            } = Credentials::in_dsn(dsn);
            for form in whole.iter().flat_map(|text| forms(text)) {
                index.add_whole(form);
            }
            for password in passwords {
                add(&mut index, &password);
            }
            for part in parts {
                if part.len() < FRAGMENT {
                    add(&mut index, &part);
                } else {
                    // The fragments of it are those of its password.
                    index.add_ends(&part);
                }
            }
        }
        for secret in secrets {
            add(&mut index, secret);
            index.add_secret(&percent_decoded(secret.trim()));
            for text in strings_in_json(secret) {
                add(&mut index, &text);
            }
        }
        index.finish();
        Self { secrets: index }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut spans = self.secrets.find(text);
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

    /// A name such as a revision, without secrets. A name is compared, so it is not changed where it is
    /// more likely to be equal to a secret than to be one: a fragment of a secret counts here only
    /// when it is of more than one kind of character, as `hunter2x` is and `drop_table`, `ADD_COLUMN`
    /// and `20260119` are not.
    #[must_use]
    pub fn identifier<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.secrets.is_in_name(name) {
            self.text(name)
        } else {
            Cow::Borrowed(name)
        }
    }

    /// Removes what may be the halves of a secret that was cut in two where output was omitted, as far as
    /// they are shorter than what is masked anyway.
    pub(crate) fn uncut(&self, captured: &mut Captured) {
        if captured.omitted == 0 {
            return;
        }
        let mut head = String::from_utf8_lossy(&captured.head).into_owned();
        head.truncate(head.len() - self.secrets.begun_at_end(&head));
        captured.head = head.into_bytes();
        let tail = String::from_utf8_lossy(&captured.tail);
        captured.tail = tail[self.secrets.ended_at_start(&tail)..]
            .as_bytes()
            .to_owned();
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

/// The last boundary of a character that is not after `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}
