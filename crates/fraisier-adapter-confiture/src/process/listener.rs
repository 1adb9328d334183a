//! The listener, which hears what a command does while it runs.

use super::output::{Interruption, Output};

/// One of the two streams a command prints on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdout` or `stderr`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Hears what one command does. It is called on the thread that looks after the command, and must
/// not block it.
pub trait Listener: Send + Sync {
    /// Nothing stops it when this process dies. This comes before the start, once from a runner.
    fn unwatched(&self);
    /// It was started as this process.
    fn started(&self, pid: u32);
    /// It printed these bytes.
    fn printed(&self, stream: Stream, bytes: &[u8]);
    /// It prints nothing more on this stream.
    fn printed_all(&self, stream: Stream);
    /// It was told to stop.
    fn interrupted(&self, why: Interruption);
    /// It ended with this output, which lacks the report.
    fn finished(&self, output: &Output);
}
