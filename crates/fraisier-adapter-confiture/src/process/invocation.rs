//! A command as data: what would be run, with nothing run yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// One argument of an [`Invocation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// An argument known when the command is built.
    Literal(OsString),
    /// Stands for the path of the report file, which exists only once the command runs.
    ReportPath,
}

impl<T: AsRef<OsStr> + ?Sized> From<&T> for Arg {
    fn from(text: &T) -> Self {
        Self::Literal(text.as_ref().to_owned())
    }
}

/// Which variables of this process's environment a child inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// All of them, less the removed ones: `.py` migrations read the environment.
    All,
    /// Only those named, less the removed ones.
    Only(BTreeSet<OsString>),
}

/// The environment of a child, relative to this process's.
#[derive(Clone, PartialEq, Eq)]
pub struct ChildEnv {
    /// What passes from this process's environment.
    pub inherit: Inherit,
    /// What never passes, whatever `inherit` says.
    pub remove: BTreeSet<OsString>,
    /// What is set, last. Holds the DSN, so `Debug` prints names only.
    pub set: BTreeMap<OsString, OsString>,
}

impl fmt::Debug for ChildEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildEnv")
            .field("inherit", &self.inherit)
            .field("remove", &self.remove)
            .field("set", &self.set.keys())
            .finish()
    }
}

/// A `confiture` command that has not been run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The binary: a path, or a bare name looked up in `PATH`.
    pub program: PathBuf,
    /// What follows the program name.
    pub args: Vec<Arg>,
    /// The directory the child starts in.
    pub cwd: PathBuf,
    /// The environment the child sees.
    pub env: ChildEnv,
}

impl Invocation {
    /// Whether the command writes a report file.
    #[must_use]
    pub fn writes_report(&self) -> bool {
        self.args.contains(&Arg::ReportPath)
    }

    /// The argument vector, with `report` where the report's path belongs.
    #[must_use]
    pub fn argv(&self, report: &Path) -> Vec<OsString> {
        self.args
            .iter()
            .map(|arg| match arg {
                Arg::Literal(text) => text.clone(),
                Arg::ReportPath => report.as_os_str().to_owned(),
            })
            .collect()
    }
}
