//! Takes a large report apart while it is read, so that it is never held whole.
//!
//! The elements of its long lists are handed out one by one; everything else is left as a document
//! of its own, [`Pieces::rest`], in which those lists are empty. All values are read by `serde_json`;
//! what is decided here is only where one ends and the next begins. Whatever is not as it should be
//! ends the reading with `None`, and what the report then is has to be found out from all of it.

use std::io::Read;
use std::ops::Range;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Deserializer;

/// How much is read at a time, unless a value needs more: little enough to stay in a cache.
pub(super) const WINDOW: usize = 256 * 1024;

/// How long a single value may be.
const LONGEST: usize = 16 << 20;

pub(super) struct Pieces<R> {
    from: R,
    /// How much to read at a time.
    size: usize,
    /// What was read, checked to be UTF-8 once and not text by text.
    window: String,
    /// How much of the window is done with.
    at: usize,
    /// The beginning of a character that goes on after the window.
    cut: Vec<u8>,
    ended: bool,
    /// The report without the elements.
    pub(super) rest: String,
}

impl<R: Read> Pieces<R> {
    pub(super) fn new(from: R, size: usize) -> Self {
        Self {
            from,
            size,
            window: String::new(),
            at: 0,
            cut: Vec::new(),
            ended: false,
            rest: String::new(),
        }
    }

    /// Goes through an object; `member` takes what stands after the key.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Option<()>,
    ) -> Option<()> {
        self.each((b'{', b'}'), |this| {
            let (key, span) = this.value::<String>()?;
            this.rest.push_str(&this.window[span]);
            this.token(b':')?;
            this.rest.push(':');
            member(this, &key)
        })
    }

    /// Hands out the elements of a list.
    pub(super) fn list<T: DeserializeOwned>(&mut self, mut take: impl FnMut(T)) -> Option<()> {
        let rest = self.rest.len();
        self.each((b'[', b']'), |this| {
            take(this.value()?.0);
            Some(())
        })?;
        self.rest.truncate(rest);
        self.rest.push_str("[]");
        Some(())
    }

    /// Leaves a value as it is.
    pub(super) fn keep(&mut self) -> Option<()> {
        let (IgnoredAny, span) = self.value()?;
        self.rest.push_str(&self.window[span]);
        Some(())
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.window.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Some(*byte),
                None => self.more()?,
            }
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none() && self.ended
    }

    fn token(&mut self, token: u8) -> Option<()> {
        (self.peek()? == token).then(|| self.at += 1)
    }

    /// Goes through what stands between two brackets, separated by commas.
    fn each(
        &mut self,
        (open, close): (u8, u8),
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.token(open)?;
        self.rest.push(open.into());
        if self.peek()? != close {
            item(self)?;
            while self.peek()? == b',' {
                self.at += 1;
                self.rest.push(',');
                item(self)?;
            }
        }
        self.token(close)?;
        self.rest.push(close.into());
        Some(())
    }

    /// Reads a value; where in the window it stands.
    fn value<T: DeserializeOwned>(&mut self) -> Option<(T, Range<usize>)> {
        self.peek()?;
        loop {
            let mut values = Deserializer::from_str(&self.window[self.at..]).into_iter();
            let value = values.next()?;
            let end = self.at + values.byte_offset();
            // A number at the end of the window may go on after it. What cannot be read may be cut
            // off there, which the error does not always tell.
            if let Ok(value) = value
                && end < self.window.len()
            {
                let span = self.at..end;
                self.at = end;
                return Some((value, span));
            }
            self.more()?;
        }
    }

    /// Reads on, and lets go of what is done with.
    fn more(&mut self) -> Option<()> {
        let mut bytes = std::mem::take(&mut self.window).into_bytes();
        bytes.drain(..std::mem::take(&mut self.at));
        bytes.append(&mut self.cut);
        if bytes.len() > LONGEST {
            return None;
        }
        // What does not fit in a window is looked at again and again: each time with twice as much.
        let size = self.size.max(bytes.len());
        bytes.reserve(size);
        let mut next = (&mut self.from).take(size as u64);
        if next.read_to_end(&mut bytes).ok()? == 0 {
            self.ended = bytes.is_empty();
            return None;
        }
        self.window = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.utf8_error().error_len().is_some() => return None,
            Err(error) => {
                let whole = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                self.cut = bytes.split_off(whole);
                String::from_utf8(bytes).ok()?
            }
        };
        Some(())
    }
}
