//! The operations: for each, what is run (`plan`) and what its outcome means (`decode`). Neither
//! starts a process.

pub(crate) mod current;
pub(crate) mod down_to;
pub(crate) mod judge;
pub(crate) mod preflight;
pub(crate) mod refusal;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod version;
