//! What the wrapper is told.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::seen::{Seen, asks_version};
use super::tamper::Tamper;

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
    /// What `--version` left.
    pub version: Seen,
    /// The other calls, in order.
    pub calls: Vec<Seen>,
}

impl Play {
    /// What the call left that comes after `before` others.
    pub(super) fn left(&self, argv: &[String], before: usize) -> Option<Seen> {
        if asks_version(argv) {
            return Some(self.version.clone());
        }
        let call = self.calls.get(before)?;
        let same = call.argv.get(..2) == argv.get(..2);
        same.then(|| call.clone())
    }
}
