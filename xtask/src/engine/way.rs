//! The variants of the engine that are compared.

use serde::Deserialize;

/// How the engine reaches confiture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The adapter that the published engine is shipped with.
    Shipped,
    /// The published engine, which starts our program for every call.
    Program,
    /// The published engine, built with the drop-in.
    #[serde(rename = "compiled-in")]
    InProcess,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shipped, Self::Program, Self::InProcess];

    /// Those with our adapter.
    pub const OURS: [Self; 2] = [Self::Program, Self::InProcess];

    /// The name of the variant.
    pub fn word(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Program => "program",
            Self::InProcess => "compiled-in",
        }
    }
}
