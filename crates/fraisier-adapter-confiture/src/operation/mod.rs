//! The operations: for each, what is run (`plan`) and what its output means ([`Reading`]). Neither
//! starts a process.
//!
//! [`Reading`]: reading::Reading

pub(crate) mod current;
pub(crate) mod describe;
pub(crate) mod down_to;
pub(crate) mod preflight;
pub(crate) mod reading;
mod revision;
pub(crate) mod undo;
pub(crate) mod up;
pub(crate) mod verify;
mod version;

/// An operation of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
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
}
