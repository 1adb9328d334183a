//! What one run of the gate says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judgement::Judgement;
use super::verdict::Verdict;

/// The version of the JSON report. It grows when a reader of the former one could misread this one.
pub const FORMAT_VERSION: u32 = 1;

/// Everything one run of the gate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report of the contract gate")]
pub struct Report {
    /// The version of this format.
    pub format_version: u32,
    /// The verdict on all candidates together.
    pub verdict: Verdict,
    /// Whether the run was interrupted: what follows is what was known then.
    pub interrupted: bool,
    /// Accepted differences that no longer occur. They have to leave the file.
    pub stale: Vec<String>,
    /// The judgements, in the order the candidates were named.
    pub candidates: Vec<Judgement>,
}

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
