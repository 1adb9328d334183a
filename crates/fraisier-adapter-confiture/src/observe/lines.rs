//! Splits a stream into lines of bounded length.

use std::borrow::Cow;

use crate::redact::Redactor;

/// How much of a line is looked at.
const LOOKED_AT: usize = 16 * 1024;
/// How much of a longer line is told; far enough below [`LOOKED_AT`] that the redactor has seen
/// every secret whole that begins in what is told.
const TOLD: usize = 8 * 1024;

/// Takes chunks of a stream and gives its lines.
#[derive(Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
    /// The current line is longer than [`LOOKED_AT`].
    cut: bool,
}

/// One line, without its end.
pub(super) struct Line<'a> {
    bytes: &'a [u8],
    cut: bool,
}

impl Lines {
    /// Calls `each` for every line that `chunk` completes.
    pub(super) fn push(&mut self, mut chunk: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(at) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(at);
            chunk = &rest[1..];
            if self.pending.is_empty() && line.len() <= LOOKED_AT {
                each(Line::new(line, false));
            } else {
                self.extend(line);
                each(Line::new(&self.pending, self.cut));
                self.pending.clear();
                self.cut = false;
            }
        }
        self.extend(chunk);
    }

    /// The line that has begun and not ended.
    pub(super) fn begun(&self) -> Option<Line<'_>> {
        (!self.pending.is_empty()).then(|| Line::new(&self.pending, self.cut))
    }

    fn extend(&mut self, part: &[u8]) {
        let room = LOOKED_AT.saturating_sub(self.pending.len());
        self.cut |= part.len() > room;
        self.pending
            .extend_from_slice(&part[..room.min(part.len())]);
    }
}

impl<'a> Line<'a> {
    fn new(bytes: &'a [u8], cut: bool) -> Self {
        let bytes = if cut {
            bytes
        } else {
            bytes.strip_suffix(b"\r").unwrap_or(bytes)
        };
        Self { bytes, cut }
    }

    /// The line as text, invalid UTF-8 replaced.
    pub(super) fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes)
    }

    /// The line as an event tells it. One that is cut is without secrets before that: a piece of one
    /// would be known to no redactor.
    pub(super) fn told(&self, redactor: &Redactor) -> String {
        let text = self.text();
        if !self.cut {
            return text.into_owned();
        }
        let mut text = redactor.text(&text).into_owned();
        let mut end = TOLD.min(text.len().saturating_sub(TOLD));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]]) -> (Vec<String>, Option<String>) {
        let mut lines = Lines::default();
        let mut whole = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| whole.push(line.told(&Redactor::default())));
        }
        let begun = lines.begun().map(|line| line.text().into_owned());
        (whole, begun)
    }

    #[test]
    fn lines_are_found_across_chunks() {
        let (whole, begun) = split(&[
            b"a", b"b
c

d", b"", b"e",
        ]);
        assert_eq!(whole, ["ab", "c", ""]);
        assert_eq!(begun.as_deref(), Some("de"));
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        assert_eq!(split(&[b"\xff!\n"]).0, ["\u{fffd}!"]);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let long = vec![b'x'; 10 * LOOKED_AT];
        for chunks in [
            vec![&long[..], b"\nnext\n"],
            vec![&[&long[..], b"\nnext\n"].concat()],
        ] {
            let (whole, begun) = split(&chunks);
            assert_eq!(whole[0].len(), TOLD + '…'.len_utf8());
            assert_eq!((whole[1].as_str(), begun), ("next", None));
        }
    }

    #[test]
    fn a_secret_across_the_cut_does_not_show() {
        let secret = "s3cret".repeat(100);
        let redactor = Redactor::new([], [secret.as_str()]);
        for before in [TOLD - 3, LOOKED_AT - 3] {
            let text = format!("{}{secret}{}\n", "x".repeat(before), "y".repeat(LOOKED_AT));
            Lines::default().push(text.as_bytes(), |line| {
                let told = line.told(&redactor);
                assert!(!told.contains('s'), "{before}");
            });
        }
        let crowded = format!("{}\n", secret.repeat(40));
        Lines::default().push(crowded.as_bytes(), |line| {
            let told = line.told(&redactor);
            assert!(!told.contains('s'));
        });
    }
}
