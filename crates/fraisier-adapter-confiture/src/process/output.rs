//! What a command returns: its output, or why there is none.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Signal;

use super::report::Report;

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
            ..Self::default()
        }
    }
}

/// Why the adapter stopped a running process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The configured timeout, this long, ran out.
    Timeout(Duration),
    /// The caller dropped the future.
    Dropped,
}

/// The output of a finished process.
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
    /// Set when the adapter stopped it; it may have completed its work before that.
    pub interrupted: Option<Interruption>,
    /// How long it ran.
    pub duration: Duration,
}

impl Output {
    /// The output of a command that ended by itself and printed nothing.
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

    /// Whether it ended because the adapter killed it.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.interrupted.is_some() && self.exit == Exit::Signal(Signal::KILL.as_raw())
    }
}

/// Why [`Runner::run`](super::Runner::run) returns no [`Output`].
///
/// Only after [`RunError::Report`] and [`RunError::Lost`] had the command been started. After every
/// other error it had not, so the database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The thread that looks after the command could not be started, for example because the limit of
    /// descriptors or of threads is reached.
    #[error("cannot start the supervising thread: {0}")]
    Supervisor(io::Error),
    /// This working directory of the command does not exist, is no directory, or cannot be entered.
    #[error("cannot start in {dir}: {1}", dir = .0.display())]
    WorkDir(PathBuf, io::Error),
    /// No private directory could be made in this one, for example because the disk is full.
    #[error("cannot make a private directory in {dir}: {1}", dir = .0.display())]
    TempDir(PathBuf, io::Error),
    /// This program could not be started: as it was asked for, or where it was found.
    #[error("cannot start {program}: {2}", program = .0.display())]
    Program(PathBuf, Obstacle, io::Error),
    /// The program ran, but the report it wrote cannot be read. The `report` of the output is `None`.
    #[error("the report cannot be read: {0}")]
    Report(io::Error, Box<Output>),
    /// The program was started, and how it ended is not known, because something else in this process
    /// waited for it first.
    #[error("the process was started, but its exit status was taken by someone else: {0}")]
    Lost(io::Error),
}

/// Whether the error is a shortage on this machine: of descriptors, memory or threads.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    Errno::from_io_error(error).is_some_and(|errno| SHORTAGES.contains(&errno))
}

/// Why a program cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// There is no such file, or no program of that name on `PATH`.
    NotFound,
    /// The file is there, but the interpreter its first line names is not: a virtual environment
    /// that was moved, or whose Python was removed.
    NoInterpreter,
    /// The file may not be executed.
    NotExecutable,
    /// The file stayed open for writing: it is being replaced.
    Busy,
    /// The limit of open descriptors, of processes or of memory is reached.
    Exhausted,
    /// Something else, which the source of the error describes: the file is neither a binary of this
    /// machine nor a script with a `#!` line, or the arguments are larger than the system accepts.
    Other,
}
