//! The task of the wrapper.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
