//! Finds secrets in pieces: cut, folded, line by line, or split between two texts.
//!
//! A piece of a secret that is long enough to be of use, [`RUN`] bytes, is masked wherever it stands.
//! So it does not matter where confiture, `PostgreSQL` or a bound of ours cut the secret.

use std::collections::HashSet;
use std::ops::Range;

/// How many consecutive bytes of a secret are a piece of it.
pub(super) const RUN: usize = 8;

/// How many bits the filter before the set has.
const FILTER: usize = 1 << 16;

/// Every run of some secrets.
#[derive(Clone)]
pub(super) struct Runs {
    runs: HashSet<u64>,
    /// A bit for each hash that occurs: nearly every place of a text is done with one look.
    filter: Vec<u64>,
}

impl Runs {
    /// The runs of these texts that `counts` accepts.
    pub(super) fn new<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        counts: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut runs = HashSet::new();
        let mut filter = vec![0; FILTER / 64];
        for text in texts {
            for run in text.as_bytes().windows(RUN).filter(|run| counts(run)) {
                let run = number(run);
                let bit = hash(run);
                filter[bit / 64] |= 1 << (bit % 64);
                runs.insert(run);
            }
        }
        Self { runs, filter }
    }

    /// Where pieces of the secrets stand in a text, on boundaries of characters.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if self.runs.is_empty() {
            return found;
        }
        let mut run = 0;
        for (at, byte) in text.bytes().enumerate() {
            run = (run << 8) | u64::from(byte);
            let end = at + 1;
            if end < RUN || !self.holds(run) {
                continue;
            }
            let start = end - RUN;
            match found.last_mut() {
                Some(last) if start <= last.end => last.end = end,
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

    fn holds(&self, run: u64) -> bool {
        let bit = hash(run);
        self.filter[bit / 64] & (1 << (bit % 64)) != 0 && self.runs.contains(&run)
    }
}

fn number(run: &[u8]) -> u64 {
    run.iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn hash(run: u64) -> usize {
    let bits = FILTER.trailing_zeros();
    usize::try_from(run.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secret: &str, text: &str) -> Vec<String> {
        Runs::new([secret], |_| true)
            .find(text)
            .into_iter()
            .map(|span| text[span].to_owned())
            .collect()
    }

    #[test]
    fn a_piece_is_found_from_its_first_byte_to_its_last() {
        let secret = "hV7q-Tz2mXw9";
        for (text, pieces) in [
            ("PASSWORD 'hV7q-Tz2m... |", vec!["hV7q-Tz2m"]),
            ("…-Tz2mXw9' and more", vec!["-Tz2mXw9"]),
            ("hV7q-Tz\n2mXw9", vec![]),
            ("hV7q-Tz2mXw9hV7q-Tz2mXw9", vec!["hV7q-Tz2mXw9hV7q-Tz2mXw9"]),
        ] {
            assert_eq!(masked(secret, text), pieces, "{text}");
        }
    }

    #[test]
    fn a_piece_ends_between_characters() {
        assert_eq!(masked("日本語の暗号", "x日本語"), ["日本語"]);
        assert_eq!(masked("aé日本語", "é日本"), ["é日本"]);
    }
}
