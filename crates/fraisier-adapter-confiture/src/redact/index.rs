//! Finds secrets and fragments of them in one pass over a text: cut, folded, line by line, or whole.
//!
//! [`FRAGMENT`] consecutive bytes of a secret are masked wherever they are, so it does not matter where
//! confiture, `PostgreSQL` or a limit of ours cut it. What is shorter is masked as a whole.

use std::ops::Range;

/// How many consecutive bytes of a secret are a fragment of it.
pub(super) const FRAGMENT: usize = 8;

/// A secret shorter than this, in characters, is masked only where it stands alone, as in `password "a"`:
/// masked inside words it would make no word readable, and a reader could not tell it from a letter.
const ALONE: usize = 4;

/// The secrets of a call, as numbers that are compared with the last bytes of a text.
#[derive(Clone, Default)]
pub(super) struct Index {
    fragments: Numbers,
    /// What is shorter than a fragment, with its length in the highest byte.
    short: Numbers,
    /// What is masked as a whole only, and the fragments that it begins with.
    whole: Vec<String>,
    begins: Numbers,
    /// The first and the last bytes of each secret, less than a fragment.
    ends: Vec<(String, String)>,
}

impl Index {
    /// Adds a form of a secret.
    pub(super) fn add_secret(&mut self, form: &str) {
        let bytes = form.as_bytes();
        if bytes.len() < FRAGMENT {
            self.add_short(bytes);
        } else {
            self.fragments.0.extend(bytes.windows(FRAGMENT).map(number));
        }
        self.add_ends(form);
    }

    /// Adds the ends of a text whose fragments are those of another one.
    pub(super) fn add_ends(&mut self, form: &str) {
        let most = (FRAGMENT - 1).min(form.len().saturating_sub(1));
        let first = (0..=most).rev().find(|at| form.is_char_boundary(*at));
        let last = (form.len() - most..form.len()).find(|at| form.is_char_boundary(*at));
        self.ends.push((
            form[..first.unwrap_or(0)].to_owned(),
            form[last.unwrap_or(form.len())..].to_owned(),
        ));
    }

    /// Adds a text whose fragments may be seen.
    pub(super) fn add_whole(&mut self, form: String) {
        match form.as_bytes().first_chunk::<FRAGMENT>() {
            Some(first) => {
                self.begins.0.push(number(first));
                self.whole.push(form);
            }
            None => self.add_short(form.as_bytes()),
        }
    }

    fn add_short(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.short.0.push(with_length(number(bytes), bytes.len()));
        }
    }

    /// Has to be called after the last secret.
    pub(super) fn finish(&mut self) {
        for numbers in [&mut self.fragments, &mut self.short, &mut self.begins] {
            numbers.finish();
        }
        self.whole.sort_unstable();
        self.whole.dedup();
        self.ends.sort_unstable();
        self.ends.dedup();
    }

    /// Where secrets are in a text, on boundaries of characters.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let bytes = text.as_bytes();
        let mut last = 0;
        for (at, byte) in bytes.iter().enumerate() {
            last = (last << 8) | u64::from(*byte);
            let end = at + 1;
            if end >= FRAGMENT {
                let start = end - FRAGMENT;
                if self.fragments.contain(last) {
                    match found.last_mut() {
                        Some(span) if start <= span.end => span.end = end,
                        _ => found.push(start..end),
                    }
                }
                if self.begins.contain(last) {
                    let whole = self
                        .whole
                        .iter()
                        .filter(|it| bytes[start..].starts_with(it.as_bytes()));
                    found.extend(
                        whole
                            .map(|it| start..start + it.len())
                            .max_by_key(|span| span.end),
                    );
                }
            }
            if !self.short.0.is_empty() {
                for length in 1..FRAGMENT.min(end + 1) {
                    let span = end - length..end;
                    if self.short.contain(with_length(last, length)) && is_distinct(text, &span) {
                        found.push(span);
                    }
                }
            }
        }
        for span in &mut found {
            while !text.is_char_boundary(span.start) {
                span.start -= 1;
            }
            while !text.is_char_boundary(span.end) {
                span.end += 1;
            }
        }
        found
    }

    /// Whether a name has a fragment that is in it by no accident.
    pub(super) fn is_in_name(&self, name: &str) -> bool {
        let mut fragments = name.as_bytes().windows(FRAGMENT);
        fragments.any(|it| is_no_name(it) && self.fragments.contain(number(it)))
    }

    /// How many bytes at the end of a text may be the beginning of a secret, and are no fragment.
    pub(super) fn begun_at_end(&self, text: &str) -> usize {
        let longest = |(first, _): &(String, String)| {
            let mut lengths = (1..=first.len()).rev();
            lengths.find(|at| first.is_char_boundary(*at) && text.ends_with(&first[..*at]))
        };
        self.ends.iter().filter_map(longest).max().unwrap_or(0)
    }

    /// How many bytes at the beginning of a text may be the end of a secret, and are no fragment.
    pub(super) fn ended_at_start(&self, text: &str) -> usize {
        let longest = |(_, last): &(String, String)| {
            let mut starts = 0..last.len();
            let start =
                starts.find(|at| last.is_char_boundary(*at) && text.starts_with(&last[*at..]));
            start.map(|at| last.len() - at)
        };
        self.ends.iter().filter_map(longest).max().unwrap_or(0)
    }
}

/// Sorted numbers. One look at the filter is enough for nearly every place of a text.
#[derive(Clone, Default)]
struct Numbers(Vec<u64>, Vec<u64>);

impl Numbers {
    fn finish(&mut self) {
        let Self(numbers, filter) = self;
        numbers.sort_unstable();
        numbers.dedup();
        numbers.shrink_to_fit();
        *filter = vec![0; (numbers.len() / 2).next_power_of_two().max(1 << 6)];
        for number in numbers {
            let (word, bit) = place(*number, filter.len());
            filter[word] |= bit;
        }
    }

    fn contain(&self, number: u64) -> bool {
        let (word, bit) = place(number, self.1.len());
        self.1[word] & bit != 0 && self.0.binary_search(&number).is_ok()
    }
}

/// The word and the bit of a number in a filter of so many words, a power of two.
fn place(number: u64, words: usize) -> (usize, u64) {
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
    let word = usize::try_from(hash >> 6).unwrap_or_default();
    (word & (words - 1), 1 << (hash & 63))
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The last bytes of a number, and how many they are.
fn with_length(last: u64, length: usize) -> u64 {
    let bits = 8 * length;
    (last & ((1 << bits) - 1)) | ((length as u64) << 56)
}

/// Whether this place is masked although it is short: no letter or digit touches it, or it has a few
/// characters.
fn is_distinct(text: &str, span: &Range<usize>) -> bool {
    let Some(found) = text.get(span.clone()) else {
        return false;
    };
    let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    found.chars().count() >= ALONE
        || !touches(text[..span.start].chars().next_back())
            && !touches(text[span.end..].chars().next())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn index(secret: &str) -> Index {
        let mut index = Index::default();
        index.add_secret(secret);
        index.finish();
        index
    }

    fn masked(secret: &str, text: &str) -> Vec<String> {
        let found = index(secret).find(text).into_iter();
        found.map(|span| text[span].to_owned()).collect()
    }

    #[test]
    fn a_fragment_is_found_from_its_first_byte_to_its_last() {
        let secret = "hV7q-Tz2mXw9";
        for (text, fragments) in [
            ("PASSWORD 'hV7q-Tz2m... |", vec!["hV7q-Tz2m"]),
            ("…-Tz2mXw9' and more", vec!["-Tz2mXw9"]),
            ("hV7q-Tz\n2mXw9", vec![]),
            ("hV7q-Tz2mXw9hV7q-Tz2mXw9", vec!["hV7q-Tz2mXw9hV7q-Tz2mXw9"]),
        ] {
            assert_eq!(masked(secret, text), fragments, "{text}");
        }
    }

    #[test]
    fn a_fragment_ends_between_characters() {
        assert_eq!(masked("日本語の暗号", "x日本語"), ["日本語"]);
        assert_eq!(masked("aé日本語", "é日本"), ["é日本"]);
        // Characters that share two of three bytes with one of the secret's.
        assert_eq!(masked("日本語", "x日本誓x"), ["日本誓"]);
        assert_eq!(masked("語abcdefg", "x䪞abcdefg"), ["䪞abcdefg"]);
    }

    #[test]
    fn what_only_looks_alike_to_the_filter_is_no_fragment() {
        let text: String = (0..50_000).map(|number: u32| number.to_string()).collect();
        assert_eq!(masked("hV7q-Tz2mXw9-and-so-on", &text), [""; 0]);
    }

    /// What bounds the memory: a number for each byte, and no automaton.
    #[test]
    fn a_long_secret_takes_a_number_for_each_byte() {
        let numbers: Vec<String> = (0..20_000).map(|number: u32| number.to_string()).collect();
        let secret = numbers.join(".");
        let index = index(&secret);
        assert!(index.fragments.0.len() <= secret.len());
        assert!(index.fragments.0.capacity() <= secret.len());
        assert!(index.fragments.1.len() <= secret.len());
        let found = index.find(&format!("({})", &secret[9..]));
        assert!(
            found.len() == 1 && found[0] == (1..secret.len() - 8),
            "{found:?}"
        );
    }
}
