//! The wrapper that the adapter starts instead of confiture while a case runs. It runs confiture, records
//! what confiture did, and passes everything on unchanged.
//!
//! It is this same program, started through a link. Its task is a file in the directory of the link, so
//! each case has a wrapper of its own and many can run at the same time.

mod stand;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contract_catalogue::front;
use contract_lab::runner::reason;
use serde::{Deserialize, Serialize};

pub use stand::run_as_wrapper;

/// The file with the wrapper's task, in the directory of the link.
const TASK: &str = "wrapper.json";

/// The file with the ledger as it was first read.
const LEDGER: &str = "ledger.json";

/// The number of the call that began last.
const BEGUN: &str = "begun";

/// The task of a wrapper.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The binary that it runs.
    pub program: PathBuf,
    /// The output of `--version`, once it is known, because many calls need it.
    pub version: Option<String>,
    /// The version that the binary prints, and the version to show instead. The adapter refuses a version
    /// that is no final release, but the candidate has to be judged.
    pub says: Option<(String, String)>,
    /// The project, in which no new file may remain.
    pub project: PathBuf,
    /// Whether the path of the report is a directory.
    pub unwritable_report: bool,
}

/// The observation of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The arguments after the program name.
    pub argv: Vec<String>,
    /// The exit status; 128 plus the number of the signal for a call that a signal ended.
    pub exit: i32,
    /// What was written to the path of the report.
    pub report: Option<String>,
    /// A file in the directory of the report, which is not the report.
    pub elsewhere: Option<String>,
    /// What the directory of links contained.
    #[serde(default)]
    pub links: Option<Vec<String>>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// New files in the working directory.
    pub files: Vec<String>,
}

impl Seen {
    /// Why it failed.
    pub fn reason(&self) -> String {
        reason(self.report.as_deref(), [&self.stdout, &self.stderr])
    }

    /// Whether it only asks for the version, as the adapter does before other calls.
    pub fn asks_version(&self) -> bool {
        self.argv == ["--version"]
    }
}

/// A wrapper in a directory of its own.
#[derive(Debug)]
pub struct Wrapper(tempfile::TempDir);

impl Wrapper {
    /// Puts the script, its link and its task in place. `myself` is the program that calls
    /// [`run_as_wrapper`] when it starts.
    pub fn new(myself: &Path, task: &Task) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("confiture-gate-")
            .tempdir()?;
        fs::write(directory.path().join(TASK), serde_json::to_vec(task)?)?;
        front::put_in_place(directory.path(), myself)?;
        Ok(Self(directory))
    }

    /// The program to start.
    pub fn program(&self) -> PathBuf {
        self.0.path().join(front::SCRIPT)
    }

    /// The ledger as the adapter first read it, if it did.
    #[must_use]
    pub fn ledger(&self) -> Option<String> {
        fs::read_to_string(self.0.path().join(LEDGER)).ok()
    }

    /// Whether the latest call began and did not end: it was killed, and the wrapper with it.
    pub fn is_unfinished(&self) -> bool {
        let begun = fs::read_to_string(self.0.path().join(BEGUN));
        begun.is_ok_and(|number| {
            let number = number.parse().unwrap_or_default();
            !place(self.0.path(), number).exists()
        })
    }

    /// The observations, in the order of the calls.
    pub fn seen(&self) -> io::Result<Vec<Seen>> {
        seen_in(self.0.path())
    }
}

/// The observations so far below `directory`, in the order of the calls.
fn seen_in(directory: &Path) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    while let Ok(bytes) = fs::read(place(directory, seen.len())) {
        seen.push(serde_json::from_slice(&bytes)?);
    }
    Ok(seen)
}

/// The file with the observation of the call of this number.
fn place(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("seen-{number}.json"))
}
