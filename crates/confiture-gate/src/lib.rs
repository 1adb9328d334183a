//! The contract gate: can fraisier live with this confiture?
//!
//! It runs every case of the catalogue with a confiture that may not be released yet, and judges
//! what the adapter makes of it against what it makes of a recorded release.
//!
//! | module | one reason |
//! |---|---|
//! | [`run`] | runs the cases of a candidate, and concludes |
//! | [`wrapper`] | stands in front of confiture, and writes down what it did |
//! | [`drift`] | what confiture did differently |
//! | [`answer`] | what the adapter made of it, and whether that permits more than before |
//! | [`change`] | what can change, the words for it, and what to do about it |
//! | [`judge`](mod@judge) | which drift explains which symptom |
//! | [`delivery`] | whether the advertised capabilities are delivered |
//! | [`causes`] | one cause for what many cases show |
//! | [`accept`] | known differences |
//! | [`result`] | what the gate says, field by field |
//! | [`rules`] | what the documentation says of each rule |
//! | [`report`] | the ways to read it |
//! | [`cli`] | the command line |
//! | [`self_test`] | changes one thing at a time, and scores the gate |

pub mod accept;
pub mod answer;
pub mod causes;
pub mod change;
pub mod cli;
pub mod delivery;
pub mod drift;
mod facts;
pub mod judge;
pub mod report;
pub mod result;
pub mod rules;
pub mod run;
pub mod self_test;
#[cfg(test)]
mod tests;
mod text;
pub mod wrapper;
