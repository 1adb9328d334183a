//! The program that stands in front of confiture while a case runs: it writes down what confiture
//! did, so that it can be compared, and hands everything on as it was.
//!
//! It is this same program, started through a link. What it is to do lies beside the link, so each
//! case has a wrapper of its own and many can run at the same time.

mod files;
mod stand;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::self_test::tamper::Tamper;

pub use stand::run_as_wrapper;

/// What the wrapper is to do, beside the link it is started by.
const TASK: &str = "wrapper.json";

/// The name of the link.
const LINK: &str = "confiture";

/// What was seen of each call, numbered.
const SEEN: &str = "seen";

/// What the wrapper is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The binary it stands in front of.
    pub program: PathBuf,
    /// What `--version` prints, once it is known: it is asked before many calls.
    pub version: Option<String>,
    /// The version that it says it has, and the one that it is to say: the adapter refuses what is
    /// no final release, and the rest is to be judged all the same.
    pub says: Option<(String, String)>,
    /// The project, in which no file should be left.
    pub project: PathBuf,
    /// Whether a directory stands where the report is to be written.
    pub unwritable_report: bool,
    /// What is played in place of confiture, in a self-test.
    pub play: Option<Play>,
    /// What is changed on the way, in a self-test.
    pub tamper: Option<Tamper>,
}

/// What confiture did before, to be done again without it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Play {
    /// The answer to `--version`.
    pub version: Seen,
    /// The other calls, in order.
    pub calls: Vec<Seen>,
}

impl Play {
    /// The answer to the call that comes after `before` others.
    fn answer(&self, argv: &[String], before: usize) -> Option<Seen> {
        if argv == ["--version"] {
            return Some(self.version.clone());
        }
        let call = self.calls.get(before)?;
        let same = call.argv.get(..2) == argv.get(..2);
        same.then(|| call.clone())
    }
}

/// What was seen of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What followed the program name.
    pub argv: Vec<String>,
    /// The exit status; 128 and the number of the signal for one that a signal ended.
    pub exit: i32,
    /// What was written where the report belongs.
    pub report: Option<String>,
    /// A file beside the place where the report belongs.
    pub elsewhere: Option<String>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Files that the working directory has afterwards and had not before.
    pub files: Vec<String>,
    /// Whether the call was made; a self-test can answer in confiture's place.
    pub made: bool,
}

/// A wrapper in a directory of its own.
#[derive(Debug)]
pub struct Wrapper {
    directory: tempfile::TempDir,
}

impl Wrapper {
    /// Puts the link and its task in place. `myself` is the program that calls
    /// [`run_as_wrapper`] when it starts.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(myself: &Path, task: &Task) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("confiture-gate-")
            .tempdir()?;
        fs::create_dir(directory.path().join(SEEN))?;
        fs::write(directory.path().join(TASK), serde_json::to_vec(task)?)?;
        std::os::unix::fs::symlink(myself, directory.path().join(LINK))?;
        Ok(Self { directory })
    }

    /// The program to start.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.directory.path().join(LINK)
    }

    /// What was seen, in the order of the calls.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn seen(&self) -> io::Result<Vec<Seen>> {
        seen_in(self.directory.path())
    }
}

fn seen_in(directory: &Path) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    while let Ok(bytes) = fs::read(place(directory, seen.len())) {
        seen.push(serde_json::from_slice(&bytes)?);
    }
    Ok(seen)
}

fn place(directory: &Path, number: usize) -> PathBuf {
    directory.join(SEEN).join(format!("{number}.json"))
}
