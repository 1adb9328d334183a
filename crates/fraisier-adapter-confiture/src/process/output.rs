//! What a process left behind when it ended.

use std::time::Duration;

use rustix::process::Signal;

use super::report::Report;

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
            duration: Duration::ZERO,
        }
    }

    /// Whether the adapter stopped it and it was a kill that ended it.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.interrupted.is_some() && self.exit == Exit::Signal(Signal::KILL.as_raw())
    }
}
