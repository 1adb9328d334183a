//! Takes secrets out of everything that leaves the adapter.

mod needles;
mod runs;
mod shapes;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};

use self::needles::Needles;
use self::runs::Runs;
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
/// was cut, folded or printed line by line is masked too. Beyond these it masks whatever is shaped
/// like the URL of a database or like `password=…`.
///
/// Host, port, database and user name are no secrets: without them no message about a connection
/// would say anything.
#[derive(Clone)]
pub struct Redactor {
    /// Finds the shapes first, and then what is masked wherever it occurs: one pass over a text.
    anywhere: AhoCorasick,
    /// Finds what is masked where no letter or digit touches it.
    alone: Option<AhoCorasick>,
    /// Every secret, to cut none in two.
    needles: BTreeSet<String>,
    /// Finds pieces of secrets.
    runs: Runs,
    /// Finds pieces that are in a name by no accident: see [`Redactor::identifier`].
    sure: Runs,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Default for Redactor {
    /// Knows no secret, and masks by shape only.
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
        let Needles { whole, secret } = Needles::new(dsns, secrets);
        let needles: BTreeSet<String> = whole.into_iter().chain(secret.iter().cloned()).collect();
        let (alone, anywhere): (Vec<_>, Vec<_>) = needles
            .iter()
            .cloned()
            .partition(|needle| needle.chars().count() < SHORT);
        let shapes_first: Vec<&str> = shapes::starts()
            .chain(anywhere.iter().map(String::as_str))
            .collect();
        Self {
            anywhere: automaton(&shapes_first),
            alone: (!alone.is_empty()).then(|| automaton(&alone)),
            runs: Runs::new(secret.iter().map(String::as_str), |_| true),
            sure: Runs::new(secret.iter().map(String::as_str), is_no_name),
            needles,
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut spans = self.runs.find(text);
        spans.extend(self.anywhere.find_iter(text).filter_map(|found| {
            match found.pattern().as_usize() {
                shape if shape < shapes::COUNT => shapes::span(shape, text, found.range()),
                _ => Some(found.range()),
            }
        }));
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
                if span.start > done || !masked.ends_with(MASK) {
                    masked.push_str(MASK);
                }
            }
            done = done.max(span.end);
        }
        masked.push_str(&text[done..]);
        Cow::Owned(masked)
    }

    /// The owned text without secrets, which is the same text when it holds none.
    #[must_use]
    pub fn string(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => masked,
        }
    }

    /// A name such as a revision, without secrets. A name is compared, so it is left alone where it
    /// is more likely to be equal to a secret than to be one: a piece of a secret counts here only
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

    /// What a process printed, without secrets: also without the half of one that was cut in two
    /// where output was omitted. What is no UTF-8 is replaced.
    #[must_use]
    pub fn captured(&self, captured: &Captured) -> String {
        let head = String::from_utf8_lossy(&captured.head);
        if captured.omitted == 0 && captured.tail.is_empty() {
            return self.string(head.into_owned());
        }
        let tail = String::from_utf8_lossy(&captured.tail);
        let (head, tail) = (self.uncut_end(&head), self.uncut_start(&tail));
        format!(
            "{}\n[… {} bytes omitted …]\n{}",
            self.text(head),
            captured.omitted,
            self.text(tail)
        )
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
        for needle in &self.needles {
            let longest = (1..needle.len())
                .rev()
                .filter(|at| needle.is_char_boundary(*at))
                .find(|at| text.ends_with(&needle[..*at]));
            end = end.min(text.len() - longest.unwrap_or(0));
        }
        &text[..end]
    }

    /// `text` less a beginning that may be the end of a secret.
    fn uncut_start<'a>(&self, text: &'a str) -> &'a str {
        let mut start = 0;
        for needle in &self.needles {
            let longest = (1..needle.len())
                .filter(|at| needle.is_char_boundary(*at))
                .find(|at| text.starts_with(&needle[*at..]));
            start = start.max(longest.map_or(0, |at| needle.len() - at));
        }
        &text[start..]
    }
}

/// Whether a piece of a secret is made as no symbolic name is: of letters, digits and others.
fn is_no_name(piece: &[u8]) -> bool {
    let kinds: [fn(&u8) -> bool; 4] = [
        u8::is_ascii_lowercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
        |byte| !byte.is_ascii_alphanumeric() && *byte != b'_',
    ];
    kinds.iter().filter(|kind| piece.iter().any(kind)).count() > 1
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dsn: &str) -> Redactor {
        Redactor::new([dsn], [])
    }

    #[test]
    fn a_space_that_was_not_quoted_gives_nothing_away() {
        for (dsn, said) in [
            (
                "host=h password=ab cdSecret9 dbname=x",
                "missing \"=\" after \"cdSecret9\" in connection info string",
            ),
            (
                "password='ab'cdSecret9 xy9z",
                "missing \"=\" after \"cdSecret9\" near xy9z",
            ),
            ("password = ab cdSecret9", "after \"cdSecret9\""),
            ("password=a=b cdSecret9 host=h", "after \"cdSecret9\""),
        ] {
            let told = of(dsn).text(said).into_owned();
            assert!(
                !told.contains("Secret9") && !told.contains("xy9z"),
                "{dsn}: {told}"
            );
        }
        let kept = "host h, sslmode require, user me";
        for dsn in [
            "password=abcd sslmode=require user=me host=h",
            "password = abcd sslmode = require user = me host = h",
        ] {
            assert_eq!(of(dsn).text(kept), kept);
        }
    }

    #[test]
    fn every_secret_that_libpq_finds_is_one() {
        for dsn in [
            "postgresql://h/db?pass%77ord=hV7q-Tz2mXw9",
            "postgresql://h/db?oauth_client_secret=hV7q-Tz2mXw9",
            "host=h password=hV7q-Tz2m\\Xw9",
            "password = x user=u sslpassword = 'hV7q-Tz2mXw9'",
            "scram_client_key=hV7q-Tz2mXw9",
        ] {
            assert_eq!(of(dsn).text("(hV7q-Tz2mXw9)"), "(***)", "{dsn}");
        }
    }

    #[test]
    fn what_python_makes_of_other_letters_is_masked() {
        let redactor = of("host=h password=zü€😀9");
        for form in [
            r"z\xfc\u20ac\U0001f6009",
            r"z\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x809",
            r"z\u00fc\u20ac\ud83d\ude009",
        ] {
            assert_eq!(redactor.text(form), MASK, "{form}");
        }
    }

    #[test]
    fn a_quoted_keyword_is_masked_in_every_form_of_what_it_stands_for() {
        let redactor = of(r"host=h password='q\'u\\b99'");
        for form in [r"q'u\b99", r"q\'u\\b99", "q%27u%5Cb99"] {
            assert_eq!(redactor.text(form), MASK, "{form}");
        }
    }

    #[test]
    fn the_connection_string_goes_whole() {
        let dsn = "postgresql//u:s3cr3tpw@h/db";
        let said = format!("missing \"=\" after \"{dsn}\" in connection info string\n");
        assert_eq!(
            of(dsn).text(&said),
            "missing \"=\" after \"***\" in connection info string\n"
        );
    }

    #[test]
    fn every_form_of_a_password_goes() {
        for (dsn, said) in [
            (
                "postgresql://u:p%40ssw%C3%B6rd@h/db",
                vec![
                    "p%40ssw%C3%B6rd",
                    "p@sswörd",
                    "p@ssw\\u00f6rd",
                    "p%40ssw%c3%b6rd",
                ],
            ),
            (
                "postgresql://u:hunter2@h1,h2/db",
                vec!["hunter2", "u:hunter2@h1", "xhunter2x"],
            ),
            (
                "postgresql://u@h/db?password=hunter2&sslmode=require",
                vec!["hunter2"],
            ),
            (
                "host=h password=hunter2 user=u",
                vec!["hunter2", "password=hunter2"],
            ),
            (
                "postgresql://h/db?password=ab%40cdef%2Fgh",
                vec!["ab%40cdef%2Fgh", "ab@cdef/gh", "host \"cdef\""],
            ),
            (
                "host=h password='it\\'s so' user=u",
                vec!["it's so", "it\\'s so"],
            ),
            (
                "postgresql://u:ab@cdef/gh@h/db",
                vec![
                    "ab@cdef/gh",
                    "could not translate host name \"cdef\"",
                    "\"cdef/gh@h\"",
                ],
            ),
            (
                "postgresql://u:hunter2",
                vec!["invalid integer value \"hunter2\" for port"],
            ),
            ("postgresql://u:日本語の暗号@h/db", vec!["日本語の暗号"]),
        ] {
            let redactor = of(dsn);
            for text in said {
                let masked = redactor.text(text);
                assert!(masked.contains(MASK), "{dsn}: {text} -> {masked}");
                for part in ["hunter2", "40ssw", "@ssw", "cdef", "日本"] {
                    assert!(!masked.contains(part), "{dsn}: {text} -> {masked}");
                }
            }
        }
    }

    #[test]
    fn a_short_password_goes_where_it_stands_alone() {
        let redactor = of("postgresql://u:a@h/db");
        assert_eq!(redactor.text("password is \"a\""), "password is \"***\"");
        assert_eq!(redactor.text("u:a@h"), "***@h");
        assert_eq!(redactor.text("a database"), "*** database");
        assert_eq!(redactor.text("relation data"), "relation data");
    }

    #[test]
    fn host_user_and_database_stay() {
        let said = "connection to server at \"db.example\", port 5432 failed for user \"app\"";
        assert_eq!(
            of("postgresql://app:hunter2@db.example:5432/shop").text(said),
            said
        );
        assert_eq!(of("postgresql://db.example:5432/shop").text(said), said);
    }

    #[test]
    fn what_is_shaped_like_a_secret_goes_whoever_it_belongs_to() {
        let redactor = Redactor::default();
        for (text, masked) in [
            ("see postgresql://x:y@z/db, then", "see *** then"),
            ("POSTGRES://x:y@z", "***"),
            ("host=h password=y user=u", "host=h password=*** user=u"),
            ("{'password': 'a b', 'x': 1}", "{'password': '***', 'x': 1}"),
            (
                "password authentication failed",
                "password authentication failed",
            ),
            (
                "the URL starts with postgresql://",
                "the URL starts with postgresql://",
            ),
        ] {
            assert_eq!(redactor.text(text), masked);
        }
    }

    #[test]
    fn other_secrets_go_too() {
        let redactor = Redactor::new([], ["tok3n-value", "  "]);
        assert_eq!(redactor.text("got tok3n-value"), "got ***");
        assert_eq!(format!("{redactor:?}"), "Redactor(…)");
    }

    #[test]
    fn a_secret_cut_in_two_leaves_no_half() {
        let redactor = of("postgresql://u:hunter2-and-more@h/db");
        for cut in 1.."hunter2-and-more".len() {
            let (before, after) = "hunter2-and-more".split_at(cut);
            let captured = Captured {
                head: format!("began {before}").into_bytes(),
                omitted: 7,
                tail: format!("{after} ended").into_bytes(),
            };
            let text = redactor.captured(&captured);
            assert!(
                text.starts_with("began \n") && text.ends_with("\n ended"),
                "{cut}: {text}"
            );
            assert!(text.contains("7 bytes omitted"), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let captured = Captured::from(b"a\xffhunter2\xfe".to_vec());
        let redactor = of("postgresql://u:hunter2@h/db");
        assert_eq!(redactor.captured(&captured), "a\u{fffd}***\u{fffd}");
    }

    #[test]
    fn a_revision_that_happens_to_equal_a_password_is_a_revision() {
        assert_eq!(of("postgresql://u:001@h/db").identifier("001"), "001");
        assert_eq!(
            of("postgresql://u:20260101120000@h/db").identifier("20260101120000"),
            "20260101120000"
        );
        assert_eq!(
            of("postgresql://u:s3cr3tpw@h/db").identifier("s3cr3tpw"),
            MASK
        );
    }

    #[test]
    fn bounding_keeps_both_ends_and_whole_characters() {
        let text = "ä".repeat(1000);
        let bounded = Redactor::bounded(&text, 101);
        assert!(
            bounded.len() < 160 && bounded.contains("bytes omitted"),
            "{bounded}"
        );
        assert_eq!(Redactor::bounded("short", 101), "short");
    }
}
