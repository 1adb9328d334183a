//! The operations. Each is one async function that builds its command, runs it through [`Call`], and
//! interprets the output; the functions beside it are pure.

pub(crate) mod call;
pub(crate) mod current;
pub(crate) mod describe;
pub(crate) mod down_to;
pub(crate) mod outcome;
mod pending;
pub(crate) mod preflight;
mod progress;
pub(crate) mod server_error;
pub(crate) mod start;
pub(crate) mod undo;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod version;

/// An operation of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Describe,
    CurrentRevision,
    Up,
    DownTo,
    Verify,
    Preflight,
}

impl Operation {
    /// The name of the method.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::CurrentRevision => "current_revision",
            Self::Up => "up",
            Self::DownTo => "down_to",
            Self::Verify => "verify",
            Self::Preflight => "preflight",
        }
    }

    /// Whether it changes the database.
    pub(crate) const fn changes_database(self) -> bool {
        matches!(self, Self::Up | Self::DownTo)
    }
}
