//! What the wrapper saw.

use contract_lab::runner::reason;
use serde::{Deserialize, Serialize};

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
    /// What the directory of links contained.
    #[serde(default)]
    pub links: Option<Vec<String>>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Files that the working directory has afterwards and had not before.
    pub files: Vec<String>,
}

impl Seen {
    /// Why it failed.
    pub fn reason(&self) -> String {
        reason(self.report.as_deref(), [&self.stdout, &self.stderr])
    }

    /// Whether it only asks for the version, as the adapter does on the way to another call.
    pub fn asks_version(&self) -> bool {
        asks_version(&self.argv)
    }
}

/// Whether a call with these arguments asks for the version.
pub(super) fn asks_version(argv: &[String]) -> bool {
    argv == ["--version"]
}
