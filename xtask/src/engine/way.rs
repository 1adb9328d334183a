//! The two ways from the engine to the adapter.

/// How the engine reaches the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Way {
    /// The published engine, which starts our program for every call.
    Program,
    /// The published engine, built with the drop-in.
    InProcess,
}

impl Way {
    /// Both ways.
    pub const BOTH: [Self; 2] = [Self::Program, Self::InProcess];

    /// The way in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::InProcess => "in process",
        }
    }
}
