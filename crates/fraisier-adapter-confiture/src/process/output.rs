//! What a process left behind when it ended.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// A signal of this number killed it.
    Signal(i32),
}

/// The bytes a process printed on one stream, bounded: when it printed more than the limit, the
/// beginning and the end are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The beginning; everything, when nothing was omitted.
    pub head: Vec<u8>,
    /// How many bytes between `head` and `tail` were dropped.
    pub omitted: u64,
    /// The end; empty when nothing was omitted.
    pub tail: Vec<u8>,
}

impl From<Vec<u8>> for Captured {
    fn from(head: Vec<u8>) -> Self {
        Self {
            head,
            omitted: 0,
            tail: Vec::new(),
        }
    }
}

/// A report. A large one stays in its file, open and without a name, until it is decoded.
#[derive(Debug, Clone)]
pub struct Report(Content);

#[derive(Debug, Clone)]
enum Content {
    Bytes(Vec<u8>),
    /// So many bytes of a file.
    File(Arc<File>, u64),
}

impl From<Vec<u8>> for Report {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Content::Bytes(bytes))
    }
}

impl Report {
    pub(crate) fn in_file(file: File, size: u64) -> Self {
        Self(Content::File(Arc::new(file), size))
    }

    /// All of it, at once.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or became shorter.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        match &self.0 {
            Content::Bytes(bytes) => Ok(bytes.into()),
            Content::File(file, size) => {
                let size = usize::try_from(*size).map_err(io::Error::other)?;
                let mut bytes = vec![0; size];
                file.read_exact_at(&mut bytes, 0)?;
                Ok(bytes.into())
            }
        }
    }

    /// Whether it is so large that it stays in its file.
    pub(crate) fn is_large(&self) -> bool {
        matches!(self.0, Content::File(..))
    }
}

/// Why the adapter asked a running process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The configured timeout, this long, ran out.
    Timeout(Duration),
    /// The caller dropped the future.
    Dropped,
}

/// Everything a finished process left, for a reader to judge.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// The report; `None` when it was never written.
    pub report: Option<Report>,
    /// What it printed on standard output.
    pub stdout: Captured,
    /// What it printed on standard error.
    pub stderr: Captured,
    /// Set when the adapter stopped it; it may have finished its work all the same.
    pub interrupted: Option<Interruption>,
    /// Set when the adapter stopped it and it was a kill that ended it.
    pub killed: bool,
    /// How long it ran.
    pub duration: Duration,
}

impl Output {
    /// What a command left that ended by itself and printed nothing, in no measured time.
    #[must_use]
    pub fn new(exit: Exit, report: Option<Vec<u8>>) -> Self {
        Self {
            exit,
            report: report.map(Report::from),
            stdout: Captured::default(),
            stderr: Captured::default(),
            interrupted: None,
            killed: false,
            duration: Duration::ZERO,
        }
    }
}
