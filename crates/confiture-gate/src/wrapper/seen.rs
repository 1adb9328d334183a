//! What the wrapper observed.

use contract_lab::runner::reason;
use serde::{Deserialize, Serialize};

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
        asks_version(&self.argv)
    }
}

/// Whether a call with these arguments asks for the version.
pub(super) fn asks_version(argv: &[String]) -> bool {
    argv == ["--version"]
}
