//! The adapter's answer in a case: the part that fraisier decides on, and what it means when that
//! part is other than it was.

mod meaning;
mod said;
#[cfg(test)]
mod tests;
mod turned;

pub use said::Said;
pub use turned::{Turned, turned};
