//! What the gate says: of a case, of a candidate, of a run. The JSON report is this, field by field.

mod case;
mod judgement;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use case::{CaseResult, Finding};
pub use judgement::{Capability, Cause, Judgement};

/// The version of the JSON report. It grows when a reader of the former one could misread this one.
pub const FORMAT_VERSION: u32 = 1;

/// How what was found compares with the baseline.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is other than it was.
    Same,
    /// Something is other, and the adapter's verdict is the same.
    Differs,
    /// The adapter's verdict is other than it was, an expectation fails, a promise is not kept.
    Breaks,
}

impl Class {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Breaks => "breaks",
        }
    }
}

/// The answer to "can fraisier live with this confiture?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It can.
    Yes,
    /// Something breaks.
    No,
    /// Something was not judged, and what was judged does not break.
    Unknown,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Everything one run of the gate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report of the contract gate")]
pub struct Report {
    /// The version of this format.
    pub format_version: u32,
    /// The answer for all candidates together.
    pub verdict: Verdict,
    /// Whether the run was interrupted: what follows is what was known then.
    pub interrupted: bool,
    /// Accepted differences that no longer occur. They have to leave the file.
    pub stale: Vec<String>,
    /// The judgements, in the order the candidates were named.
    pub candidates: Vec<Judgement>,
}

/// The exit statuses as `--help` shows them.
pub const STATUSES: &str = "Exit status:
  0    yes: fraisier can live with every candidate
  1    no: a candidate breaks fraisier
  2    wrong usage: the command line was not understood, what it names is not there, or a
       difference that --accept names no longer occurs
  3    unknown: it could not run, or a case was not judged
  130  interrupted; the report holds what was known";

/// The command line is wrong, whatever the machine and the network.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct WrongUsage(pub anyhow::Error);

impl Report {
    /// The report of these judgements.
    #[must_use]
    pub fn new(candidates: Vec<Judgement>, interrupted: bool, stale: Vec<String>) -> Self {
        let any = |verdict| candidates.iter().any(|judged| judged.verdict == verdict);
        let verdict = if any(Verdict::No) {
            Verdict::No
        } else if interrupted || candidates.is_empty() || any(Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Yes
        };
        Self {
            format_version: FORMAT_VERSION,
            verdict,
            interrupted,
            stale,
            candidates,
        }
    }

    /// The exit status: one meaning each.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.verdict {
            _ if self.interrupted => 130,
            Verdict::No => 1,
            _ if !self.stale.is_empty() => 2,
            Verdict::Unknown => 3,
            Verdict::Yes => 0,
        }
    }
}
