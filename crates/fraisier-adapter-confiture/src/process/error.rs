//! Why a command could not be run, or left no output that can be read.

use std::io;
use std::path::PathBuf;

use super::output::Output;
use super::report::ReportProblem;

/// Why [`Runner::run`](super::Runner::run) gives no [`Output`].
///
/// Only after [`RunError::Report`] and [`RunError::Lost`] had the command been started. After every
/// other error it had not, so the database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The thread that looks after children could not be started, for example because the limit
    /// of descriptors or of threads is reached.
    #[error("cannot start the supervising thread: {source}")]
    Supervisor {
        /// What the system said.
        source: io::Error,
    },
    /// The working directory of the command does not exist, is no directory, or cannot be entered.
    #[error("cannot start in {}: {source}", dir.display())]
    WorkDir {
        /// That directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No private directory for the report could be made, for example because the disk is full.
    #[error("cannot make a private directory in {}: {source}", parent.display())]
    TempDir {
        /// The directory it was to be made in.
        parent: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program could not be started.
    #[error("cannot start {}: {source}", program.display())]
    Program {
        /// The program as it was asked for, or where it was found.
        program: PathBuf,
        /// What kind of obstacle that is.
        obstacle: Obstacle,
        /// What the system said.
        source: io::Error,
    },
    /// The program ran, but the report it left is not one that can be read.
    #[error("{problem}")]
    Report {
        /// What is wrong with the report.
        problem: ReportProblem,
        /// Everything else that is known; its `report` is `None`.
        output: Box<Output>,
    },
    /// The program was started, and how it ended is not known, because something else in this process
    /// waited for it first.
    #[error("the process was started, but its exit status was taken by someone else: {source}")]
    Lost {
        /// What the system said.
        source: io::Error,
    },
}

/// What keeps a program from being started.
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
    /// The file stayed open for writing: it is just being replaced.
    Busy,
    /// The limit of open descriptors, of processes or of memory is reached.
    Exhausted,
    /// Something else, which the source of the error tells: the file is neither a binary of this
    /// machine nor a script with a `#!` line, or the arguments are larger than the system takes.
    Other,
}
