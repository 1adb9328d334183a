//! What the replay of recordings, and tools around the adapter, need of its inside.
//!
//! An engine needs nothing of this. It stands apart so that the rest of this crate shows what an
//! engine uses, and it may change with any release.

mod connection;
pub mod ledger;
pub mod replay;

/// Runs any command: in a process group of its own, with a private report file, in bounded memory,
/// and stopped when the caller gives up.
pub mod process {
    use std::path::{Path, PathBuf};

    use crate::adapter::ConfitureMigration;
    pub use crate::process::{
        Activity, Arg, Captured, Environment, Exit, Interruption, Invocation, Links, Listener,
        Obstacle, Output, Report, RunError, Runner, Stream, can_watch, read_report,
    };

    /// The file that each call of this adapter executes.
    ///
    /// # Errors
    ///
    /// [`RunError::Program`] when the program is a name that the `PATH` of its environment does not lead
    /// to. A path is returned as it is, whether there is such a file or not.
    pub fn program_of(adapter: &ConfitureMigration) -> Result<PathBuf, RunError> {
        adapter.program_file()
    }

    /// The Python that runs this file and reads the ledger, as the adapter finds it. None when the file is
    /// not a script that `pip` or `uv` made, or its Python cannot be executed.
    #[must_use]
    pub fn interpreter_of(program: &Path) -> Option<PathBuf> {
        crate::release::installed::interpreter_of(program)
    }
}

pub use self::connection::{Connection, connection};
pub use crate::failure::{classify, every_advice};
pub use crate::observe::announcer::Announcer;
#[cfg(feature = "tools")]
pub use crate::python::{NotRun, python};
pub use crate::redact::{MASK, Redactor};
pub use crate::request::has_server_option;
pub use crate::request::project::{Migration, list as migrations_in};
pub use crate::request::sql_files::{HIDDEN_MIGRATION, NotText, VERSIONS_OUT_OF_ORDER, surprises};
