//! One output stream of a child: read, passed to the listener, and its beginning and end kept in bounded
//! memory.

use std::fs::File;
use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::io::ioctl_fionbio;

use super::output::{Captured, Stream};
use super::runner::{Activity, Listener};

/// The size of a read: the capacity of a pipe.
const CHUNK: usize = 64 * 1024;
/// How many bytes of the beginning are kept, and how many of the end.
const HALF: usize = 128 * 1024;

pub(super) struct Printed {
    stream: Stream,
    /// The pipe, until it has ended.
    pub(super) pipe: Option<File>,
    pub(super) captured: Captured,
    chunk: Vec<u8>,
}

impl Printed {
    pub(super) fn new(stream: Stream, pipe: Option<impl Into<OwnedFd>>) -> Self {
        let pipe = pipe.map(|pipe| File::from(pipe.into()));
        if let Some(pipe) = &pipe {
            // Only this end of the pipe: the child waits when the pipe is full.
            let _ = ioctl_fionbio(pipe, true);
        }
        Self {
            stream,
            pipe,
            captured: Captured::default(),
            chunk: vec![0; CHUNK],
        }
    }

    /// Reads one chunk, if there is one.
    pub(super) fn read(&mut self, listener: &mut Listener) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(&mut self.chunk) {
            Ok(count) if count > 0 => {
                let chunk = &self.chunk[..count];
                self.captured.push(chunk, HALF);
                listener(Activity::Printed(self.stream, chunk));
            }
            Err(error) if [Interrupted, WouldBlock].contains(&error.kind()) => {}
            _ => self.pipe = None,
        }
    }
}

impl Captured {
    /// Adds what was read, and keeps at most `half` bytes of the beginning and of the end.
    fn push(&mut self, chunk: &[u8], half: usize) {
        let room = half - self.head.len();
        let (head, rest) = chunk.split_at(room.min(chunk.len()));
        self.head.extend(head);
        self.tail.extend(rest);
        self.omit(self.tail.len().saturating_sub(half));
    }

    /// Without the parts of lines where bytes are missing: no redactor would recognise a secret that is cut
    /// in two there.
    pub(super) fn ended_at_lines(mut self) -> Self {
        if self.omitted == 0 {
            self.head.append(&mut self.tail);
            return self;
        }
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let whole = self.head.iter().rposition(is_end).map_or(0, |at| at + 1);
        self.omitted += (self.head.len() - whole) as u64;
        self.head.truncate(whole);
        let partial = self.tail.iter().position(is_end);
        self.omit(partial.map_or(self.tail.len(), |at| at + 1));
        self
    }

    /// Removes this many bytes of the beginning of the end.
    fn omit(&mut self, count: usize) {
        self.tail.drain(..count);
        self.omitted += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(limit: usize, chunks: &[&[u8]]) -> Captured {
        let mut captured = Captured::default();
        for chunk in chunks {
            captured.push(chunk, limit / 2);
        }
        captured.ended_at_lines()
    }

    #[test]
    fn output_within_the_limit_is_kept_byte_for_byte() {
        let kept = capture(8, &[b"ab\xff", b"\0cdef"]);
        assert_eq!(kept, Captured::from(b"ab\xff\0cdef".to_vec()));
    }

    #[test]
    fn the_middle_is_omitted_and_counted() {
        let kept = capture(16, &[b"one\ntwo\nthree\nfour\nfive\nsix\n"]);
        assert_eq!(kept.head, b"one\ntwo\n");
        assert_eq!(kept.tail, b"six\n");
        assert_eq!(kept.omitted, 16);
    }

    #[test]
    fn the_size_of_the_chunks_makes_no_difference() {
        let text: Vec<u8> = (0..500)
            .flat_map(|n: u32| format!("{n}\n").into_bytes())
            .collect();
        let whole = capture(64, &[&text]);
        for size in [1, 3, 31, 32, 33, 100] {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(capture(64, &chunks), whole, "chunks of {size}");
        }
        let total = whole.head.len() + whole.tail.len();
        assert_eq!(total as u64 + whole.omitted, text.len() as u64);
    }

    #[test]
    fn only_whole_lines_are_kept() {
        let kept = capture(10, &[b"a\npostgresql://u:secret@host/db\nb\n"]);
        assert_eq!(kept.head, b"a\n");
        assert_eq!(kept.tail, b"b\n");
    }

    #[test]
    fn memory_stays_bounded() {
        for size in [50, 700] {
            let mut captured = Captured::default();
            for _ in 0..10_000 {
                captured.push(&vec![b'x'; size], 512);
                assert!(captured.tail.capacity() <= 4096);
            }
            assert_eq!(captured.ended_at_lines().omitted, 10_000 * size as u64);
        }
    }
}
