//! The internals of the adapter that the replay of recordings and this repository's tools need.
//!
//! An engine needs nothing of this. It stands apart so that the rest of this crate shows what an
//! engine uses, and it may change with any release.

pub mod replay;

use std::collections::BTreeMap;
use std::fmt;

use crate::failure::Failure;
pub use crate::failure::{classify, every_advice};
use crate::libpq::ConnectionString;
pub use crate::observe::announcer::Announcer;
#[cfg(feature = "tools")]
pub use crate::python::{NotRun, python};
pub use crate::redact::{MASK, Redactor};
pub use crate::request::has_server_option;
pub use crate::request::project::{Migration, list as migrations_in};
pub use crate::request::sql_files::{HIDDEN_MIGRATION, NotText, VERSIONS_OUT_OF_ORDER, surprises};

/// Runs any command: in a process group of its own, with a private report file, in bounded memory,
/// and stopped when the caller drops the future.
pub mod process {
    use std::path::{Path, PathBuf};

    use crate::adapter::ConfitureMigration;
    use crate::process::find_program;
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
        let config = &adapter.config;
        let environment = config.inherit.environment(&Environment::inherited());
        find_program(&config.program, environment.get("PATH"))
    }

    /// The Python that runs this file and reads the ledger, as the adapter finds it. None when the file is
    /// not a script that `pip` or `uv` made, or its Python cannot be executed.
    #[must_use]
    pub fn interpreter_of(program: &Path) -> Option<PathBuf> {
        crate::release::installed::interpreter_of(program)
    }
}

/// What a recorded ledger contains, and what is planned with it.
pub mod ledger {
    use fraisier_adapter_api::Revision;

    use crate::failure::Failure;
    use crate::ledger::{Ledger, after, answers};
    pub use crate::ledger::{Rollback, STATEMENTS};
    use crate::operation::Operation;
    use crate::redact::Redactor;

    /// What a rollback to `target` is planned to be, from the report of the script that reads the ledger.
    ///
    /// # Errors
    ///
    /// The error of a `down_to` that is refused; `None` where the report is not one of a ledger.
    pub fn rollback(report: &[u8], target: &str) -> Result<Rollback, Option<Failure>> {
        let rollback = after(&read(report).ok_or(None)?, &Revision::new(target));
        let operation = Some(Operation::DownTo.as_str());
        rollback.map_err(|fault| Some(fault.redacted(operation, &Redactor::default())))
    }

    /// The versions of the ledger in that report, in the order of the rows; `None` where the
    /// report is not one of a ledger.
    #[must_use]
    pub fn versions(report: &[u8]) -> Option<Vec<String>> {
        let rows = read(report)?.rows.into_iter();
        Some(rows.map(|row| row.version).collect())
    }

    /// The ledger in the report; an empty one where there is no such table.
    fn read(report: &[u8]) -> Option<Ledger> {
        Ledger::of(answers(report).ok()?).ok()
    }
}

/// What the adapter reads in a connection string. Its `Debug` shows nothing, for it contains the
/// password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Its parameters, decoded, by name.
    pub settings: BTreeMap<String, String>,
    /// A URL without its password, and the password; `None` when it cannot be removed.
    pub without_password: Option<(String, Option<String>)>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(…)")
    }
}

/// What the adapter reads in the connection string `text`, which is the secret `name`.
///
/// # Errors
///
/// `InvalidConfig` when libpq refuses it: see `MigrationAdapter`.
pub fn connection(name: &str, text: &str) -> Result<Connection, Failure> {
    let parsed = ConnectionString::new(name, text);
    let parsed = parsed.map_err(|fault| fault.redacted(None, &Redactor::new([text], [])))?;
    let split = parsed.split_password().ok();
    let settings = parsed.settings.iter();
    Ok(Connection {
        settings: settings
            .map(|it| (it.name.clone(), it.value.clone()))
            .collect(),
        without_password: split.map(|(url, password)| (url, password.map(str::to_owned))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_connection_string_has_no_password() {
        let found = connection("DATABASE_URL", "postgresql://me:hunter2x@h/db").expect("it is one");
        assert_eq!(format!("{found:?}"), "Connection(…)");
    }
}
