//! A program in the place of confiture that the adapter reads as a script of a Python installation.
//!
//! The adapter reads the ledger with the Python that a script names. So the script here names a link to
//! this program as its Python: the system starts the link for the script, and the adapter starts it
//! to read the ledger.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// The name of the script.
pub const SCRIPT: &str = "confiture";
/// The name of the link.
pub const PYTHON: &str = "python";

/// Puts the script and the link to `program` into a directory, and returns the path of the script.
///
/// # Errors
///
/// When a file cannot be written.
pub fn put_in_place(directory: &Path, program: &Path) -> io::Result<PathBuf> {
    let python = directory.join(PYTHON);
    symlink(program, &python)?;
    let script = directory.join(SCRIPT);
    let text = format!(
        "#!{}\nfrom confiture.cli.main import app\n",
        python.display()
    );
    fs::write(&script, text)?;
    fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    Ok(script)
}

/// What a program in the place of confiture is started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// To act as confiture, with these arguments.
    Confiture(Vec<String>),
    /// To act as Python and write the ledger to this report; with the original arguments.
    Ledger(PathBuf, Vec<String>),
}

/// What a program that was started by this name, with these arguments, has to do.
///
/// A program that was not started as a Python has the arguments of confiture.
#[must_use]
pub fn started(name: &Path, arguments: Vec<String>) -> Started {
    if name.file_name() != Some(PYTHON.as_ref()) {
        return Started::Confiture(arguments);
    }
    match arguments.as_slice() {
        [flag, _, report, ..] if flag == "-c" => Started::Ledger(report.into(), arguments),
        _ => Started::Confiture(arguments.into_iter().skip(1).collect()),
    }
}
