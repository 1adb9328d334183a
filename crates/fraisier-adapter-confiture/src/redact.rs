//! Takes secrets out of everything that leaves the adapter.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use aho_corasick::{AhoCorasick, MatchKind};

use crate::dsn::percent_decoded;
use crate::outcome::Captured;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// A secret shorter than this is masked only where it stands alone, as in `password "a"`: masking
/// it inside words would leave no word readable, and a reader could not tell it from a letter.
const SHORT: usize = 4;

/// What marks the start of a connection string, whoever's it is. `//` without a colon is how a
/// mistyped one looks.
const URL_STARTS: [&str; 8] = [
    "POSTGRESQL://",
    "POSTGRES://",
    "postgresql://",
    "postgres://",
    "postgresql//",
    "postgres//",
    "postgresql:/",
    "postgres:/",
];

/// What a password follows in libpq keywords and in the query of a URL.
const PASSWORD_KEYS: [&str; 4] = ["password", "Password", "PASSWORD", "passwd"];

/// Replaces secrets in texts by [`MASK`].
///
/// It knows the connection string of a call whole and in its pieces (the password as it was
/// written, percent-decoded, and as it looks inside JSON or a Python `repr`; the user together
/// with the password; the parts that libpq would take for a host or a port when a password holds
/// an unencoded `@`, `/` or `:`), and the values of the context's other secrets. Beyond these it
/// masks whatever is shaped like the URL of a database or like `password=…`.
///
/// Host, port, database and user name are no secrets: without them no message about a connection
/// would say anything.
#[derive(Clone)]
pub struct Redactor {
    /// Finds the shapes first, and then what is masked wherever it occurs: one pass over a text.
    anywhere: Option<AhoCorasick>,
    /// Finds what is masked where no letter or digit touches it.
    alone: Option<AhoCorasick>,
    /// Every secret, to cut none in two.
    needles: BTreeSet<String>,
    /// The secrets that are in a name by no accident: see [`Redactor::identifier`].
    sure: Vec<String>,
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
        let mut needles = BTreeSet::new();
        for dsn in dsns {
            for piece in pieces(dsn) {
                insert(&mut needles, &piece);
            }
        }
        for secret in secrets {
            insert(&mut needles, secret);
        }
        let (alone, anywhere): (Vec<_>, Vec<_>) = needles
            .iter()
            .cloned()
            .partition(|needle| needle.chars().count() < SHORT);
        let shapes = URL_STARTS.into_iter().chain(PASSWORD_KEYS);
        let shapes_first: Vec<&str> = shapes.chain(anywhere.iter().map(String::as_str)).collect();
        let sure = needles.iter().filter(|needle| {
            needle.chars().count() >= 8 && !needle.bytes().all(|b| b.is_ascii_digit())
        });
        Self {
            anywhere: automaton(&shapes_first),
            alone: automaton(&alone),
            sure: sure.cloned().collect(),
            needles,
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut spans = Vec::new();
        let found = self.anywhere.iter().flat_map(|all| all.find_iter(text));
        spans.extend(found.filter_map(|found| {
            let pattern = found.pattern().as_usize();
            if pattern < URL_STARTS.len() {
                let end = url_end(text, found.end());
                (end > found.end()).then_some(found.start()..end)
            } else if pattern < URL_STARTS.len() + PASSWORD_KEYS.len() {
                password_value(text, found.end())
            } else {
                Some(found.range())
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
                masked.push_str(MASK);
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
    /// is more likely to be equal to a secret than to be one: when the secret is all digits, or
    /// shorter than eight characters.
    #[must_use]
    pub fn identifier<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.sure.iter().any(|needle| name.contains(needle)) {
            self.text(name)
        } else {
            Cow::Borrowed(name)
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
        let head = text.floor_char_boundary_(limit / 4);
        let tail = text.floor_char_boundary_(text.len() - (limit - limit / 4));
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

trait FloorCharBoundary {
    fn floor_char_boundary_(&self, at: usize) -> usize;
}

impl FloorCharBoundary for str {
    /// The last boundary of a character that is not after `at`.
    fn floor_char_boundary_(&self, at: usize) -> usize {
        (0..=at.min(self.len()))
            .rev()
            .find(|at| self.is_char_boundary(*at))
            .unwrap_or(0)
    }
}

/// Upper and lower case are told apart: that lets the search skip through text many bytes at a time.
fn automaton<T: AsRef<[u8]>>(patterns: &[T]) -> Option<AhoCorasick> {
    if patterns.is_empty() {
        return None;
    }
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(patterns)
        .ok()
}

/// Adds a secret in every form in which a program might print it.
fn insert(needles: &mut BTreeSet<String>, secret: &str) {
    let secret = secret.trim();
    if secret.is_empty() {
        return;
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let ascii = json.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    });
    let repr = secret.replace('\\', "\\\\").replace('\'', "\\'");
    needles.extend([secret, json, &ascii].map(str::to_owned));
    for repr in [repr.replace("\\'", "'"), repr] {
        if !repr.is_ascii() {
            needles.insert(python_ascii(&repr));
            needles.insert(python_bytes(&repr));
        }
        needles.insert(repr);
    }
}

/// What Python's `ascii` makes of what is no ASCII.
fn python_ascii(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, c| {
        let _ = match u32::from(c) {
            0..=0x7f => write!(text, "{c}"),
            code @ ..=0xff => write!(text, "\\x{code:02x}"),
            code @ ..=0xffff => write!(text, "\\u{code:04x}"),
            code => write!(text, "\\U{code:08x}"),
        };
        text
    })
}

/// What the `repr` of Python's `bytes` makes of what is no ASCII.
fn python_bytes(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        let _ = match byte {
            0..=0x7f => write!(text, "{}", char::from(byte)),
            _ => write!(text, "\\x{byte:02x}"),
        };
        text
    })
}

/// The parts of a connection string that must not be seen, the string itself among them.
fn pieces(dsn: &str) -> Vec<String> {
    let mut pieces = vec![dsn.to_owned()];
    if let Some((_, rest)) = dsn.split_once("//") {
        // Up to the last `@`, whatever stands before it: a password may hold anything unencoded.
        if let Some((userinfo, _)) = rest.rsplit_once('@') {
            if let Some((_, raw)) = userinfo.split_once(':') {
                pieces.extend(pieces_of_password(raw));
                pieces.push(userinfo.to_owned());
                pieces.push(percent_decoded(userinfo));
            }
        } else {
            // `user:password` without a host; a number is a port.
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit() || b == b':');
            if let Some((_, raw)) = authority.split_once(':')
                && !raw.split(',').all(is_port)
            {
                pieces.extend(pieces_of_password(raw));
            }
        }
    }
    for (raw, unescaped) in named_passwords(dsn) {
        pieces.extend(pieces_of_password(raw));
        pieces.extend(pieces_of_password(&unescaped));
    }
    if !dsn.contains("//") {
        pieces.extend(strays(dsn).into_iter().map(str::to_owned));
    }
    pieces
}

/// A password as it was written, decoded, encoded, and in the parts in which it may turn up.
fn pieces_of_password(raw: &str) -> Vec<String> {
    let decoded = percent_decoded(raw);
    let mut pieces = vec![raw.to_owned()];
    pieces.extend(
        [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")]
            .map(|encode: fn(u8) -> String| percent_encoded(&decoded, encode)),
    );
    for text in [raw, &decoded] {
        // What a parser that stops at one of these takes for a host, a port or an option.
        let parts = text.split(['@', '/', ':', '?', '#', '&', '=', ',', ' ']);
        pieces.extend(parts.map(str::to_owned));
    }
    // What stands between encoded characters, unless it is too short to tell anything.
    let runs = raw.split('%').enumerate().map(|(index, run)| match index {
        0 => run,
        _ => run.get(2..).unwrap_or_default(),
    });
    pieces.extend(runs.filter(|run| run.len() >= SHORT).map(str::to_owned));
    pieces.push(decoded);
    pieces
}

/// The words after `password=…` that belong to no keyword: what a space that was not quoted cuts
/// off a password, and libpq then repeats.
fn strays(keywords: &str) -> Vec<&str> {
    let after = keywords.split_once("password").unwrap_or_default().1;
    let value = after.trim_start().strip_prefix('=').unwrap_or_default();
    let (first, rest) = value.trim_start().split_once(' ').unwrap_or((value, ""));
    let mut words: Vec<&str> = first.split('\'').collect();
    let (strays, next) = rest.split_once('=').unwrap_or((rest, ""));
    words.extend(strays.split([' ', '\'']));
    words.retain(|word| !word.is_empty());
    if !next.is_empty() && !strays.is_empty() {
        // The keyword after them.
        words.pop();
    }
    words
}

/// The values of `password=…` in keywords or in the query of a URL: as written, and without the
/// backslashes of a quoted keyword.
fn named_passwords(dsn: &str) -> Vec<(&str, String)> {
    let mut values = Vec::new();
    for (at, key) in dsn.match_indices("password") {
        let rest = dsn[at + key.len()..].trim_start();
        let Some(rest) = rest.strip_prefix('=') else {
            continue;
        };
        let rest = rest.trim_start();
        let raw = match rest.strip_prefix('\'') {
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.find(|c| {
                    let ends = c == '\'' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                &quoted[..end.unwrap_or(quoted.len())]
            }
            None if dsn.contains("//") => rest.split('&').next().unwrap_or_default(),
            None => rest.split(' ').next().unwrap_or_default(),
        };
        let mut unescaped = String::new();
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            unescaped.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        values.push((raw, unescaped));
    }
    values
}

/// The text with everything but letters, digits and `-._~` percent-encoded.
fn percent_encoded(text: &str, encode: fn(u8) -> String) -> String {
    let encode = |byte: u8| match byte {
        plain if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
            char::from(plain).to_string()
        }
        other => encode(other),
    };
    text.bytes().map(encode).collect()
}

/// Where the URL that goes on at `from` ends: at a space, a quote or a bracket.
fn url_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(|c: char| c.is_whitespace() || "\"'`<>│".contains(c))
        .map_or(text.len(), |length| from + length)
}

/// The value in `password=value` or `password: value`, when what ends at `from` is such a key.
fn password_value(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let rest = &text[from..];
    let value = rest.trim_start_matches([' ', '"', '\'']);
    let value = value
        .strip_prefix('=')
        .or_else(|| value.strip_prefix(':'))?;
    let value = value.trim_start_matches([' ']);
    let (quoted, value) = match value.strip_prefix(['"', '\'']) {
        Some(value) => (true, value),
        None => (false, value),
    };
    let length = value
        .find(|c: char| {
            if quoted {
                c == '"' || c == '\'' || c == '\n'
            } else {
                c.is_whitespace() || "&\"',;)".contains(c)
            }
        })
        .unwrap_or(value.len());
    let start = text.len() - value.len();
    (length > 0).then_some(start..start + length)
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
