//! Which release of confiture answers, and what it can do.

pub mod capability;
pub(crate) mod installed;
mod version;

pub use self::version::ConfitureVersion;
