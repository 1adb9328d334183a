//! The task of the wrapper.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
}
