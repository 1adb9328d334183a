//! The contract gate: can fraisier live with this confiture?
//!
//! It runs every case of the catalogue with a confiture that may not be released yet, and judges
//! what the adapter makes of it against what it makes of a recorded release.

pub mod accept;
pub mod answer;
pub mod causes;
pub mod change;
pub mod delivery;
pub mod drift;
mod facts;
pub mod judge;
pub mod report;
pub mod result;
pub mod run;
pub mod self_test;
#[cfg(test)]
mod testing;
mod text;
pub mod wrapper;
