//! Finds fragments of secrets: cut, folded, line by line, or split between two texts.
//!
//! A fragment that is long enough to be of use, [`FRAGMENT`] bytes, is masked wherever it stands. So
//! it does not matter where confiture, `PostgreSQL` or a bound of ours cut the secret.

use std::collections::HashSet;
use std::ops::Range;

/// How many consecutive bytes of a secret are a fragment of it.
pub(super) const FRAGMENT: usize = 8;

/// How many bits the filter before the set has.
const FILTER: usize = 1 << 16;

/// Every fragment of some secrets, as a number.
#[derive(Clone)]
pub(super) struct Fragments {
    known: HashSet<u64>,
    /// A bit for each hash that occurs: nearly every place of a text is done with one look.
    filter: Vec<u64>,
}

impl Fragments {
    /// The fragments of these texts that `counts` accepts.
    pub(super) fn new<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        counts: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut known = HashSet::new();
        let mut filter = vec![0; FILTER / 64];
        for text in texts {
            let fragments = text.as_bytes().windows(FRAGMENT);
            for fragment in fragments.filter(|it| counts(it)).map(number) {
                let bit = hash(fragment);
                filter[bit / 64] |= 1 << (bit % 64);
                known.insert(fragment);
            }
        }
        Self { known, filter }
    }

    /// Where fragments of the secrets stand in a text, on boundaries of characters.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if self.known.is_empty() {
            return found;
        }
        let mut last = 0;
        for (at, byte) in text.bytes().enumerate() {
            last = (last << 8) | u64::from(byte);
            let end = at + 1;
            if end < FRAGMENT || !self.holds(last) {
                continue;
            }
            let start = end - FRAGMENT;
            match found.last_mut() {
                Some(span) if start <= span.end => span.end = end,
                _ => found.push(start..end),
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

    fn holds(&self, fragment: u64) -> bool {
        let bit = hash(fragment);
        self.filter[bit / 64] & (1 << (bit % 64)) != 0 && self.known.contains(&fragment)
    }
}

fn number(fragment: &[u8]) -> u64 {
    fragment
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn hash(fragment: u64) -> usize {
    let bits = FILTER.trailing_zeros();
    usize::try_from(fragment.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secret: &str, text: &str) -> Vec<String> {
        Fragments::new([secret], |_| true)
            .find(text)
            .into_iter()
            .map(|span| text[span].to_owned())
            .collect()
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
}
