//! What a judgement comes to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether fraisier can live with this confiture.
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
