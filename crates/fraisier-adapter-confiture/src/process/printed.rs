//! One output stream of a child: read, kept and told.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

use super::capture::Capture;
use super::listener::{Listener, Stream};
use super::output::Captured;

/// One read takes what a pipe can hold.
const CHUNK: usize = 64 * 1024;
/// How many more chunks are read of a stream that somebody outside the group holds open.
const REST: usize = 16;
/// How many bytes of a stream are kept: half from its beginning, half from its end.
const KEPT: usize = 256 * 1024;

pub(super) struct Printed<'a> {
    stream: Stream,
    pipe: Option<pipe::Receiver>,
    capture: Capture,
    listener: &'a dyn Listener,
    chunk: Vec<u8>,
}

impl<'a> Printed<'a> {
    pub(super) fn new(
        stream: Stream,
        pipe: Option<OwnedFd>,
        listener: &'a dyn Listener,
    ) -> io::Result<Self> {
        Ok(Self {
            stream,
            pipe: pipe.map(pipe::Receiver::from_owned_fd).transpose()?,
            capture: Capture::new(KEPT),
            listener,
            chunk: vec![0; CHUNK],
        })
    }

    /// Reads until the stream ends.
    pub(super) async fn pump(&mut self) {
        while let Some(pipe) = &self.pipe {
            if pipe.readable().await.is_err() || !self.read() {
                self.pipe = None;
            }
        }
    }

    /// Reads what is there now, and closes the stream.
    pub(super) fn take_rest(&mut self) {
        let _ = (0..REST).all(|_| self.read());
        self.pipe = None;
    }

    /// Reads one chunk, if one is there. Returns false when the stream has ended.
    fn read(&mut self) -> bool {
        let Some(pipe) = &self.pipe else {
            return false;
        };
        match pipe.try_read(&mut self.chunk) {
            Ok(0) => false,
            Ok(count) => {
                let chunk = &self.chunk[..count];
                self.capture.push(chunk);
                self.listener.printed(self.stream, chunk);
                true
            }
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
        }
    }

    pub(super) fn finish(self) -> Captured {
        self.listener.printed_all(self.stream);
        self.capture.finish()
    }
}
