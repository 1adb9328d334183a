//! How a case compares with the baseline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How what was found compares with the baseline.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is other than it was.
    Same,
    /// Something is other, and the adapter's answer is the same.
    Differs,
    /// The adapter's answer is other than it was, an expectation fails, a promise is not kept.
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
