//! The contract gate: can fraisier live with this confiture?
//!
//! It runs every case of the catalogue with a confiture that may not be released yet, and compares the
//! adapter's answers with those for a recorded release.
//!
//! | module | one reason |
//! |---|---|
//! | [`run`] | runs the cases of a candidate, and concludes |
//! | [`wrapper`] | runs confiture, and records what it did |
//! | [`drift`] | what confiture did differently |
//! | [`answer`] | the adapter's answer, and whether it permits more than before |
//! | [`change`] | what can change |
//! | [`judge`](mod@judge) | which drift explains which symptom |
//! | [`delivery`] | whether the advertised capabilities are delivered |
//! | [`causes`] | one cause for what many cases show |
//! | [`accept`] | known differences |
//! | [`result`] | the results of the gate, field by field |
//! | [`rules`] | how each change is worded, what to do about it, and its explanation in the documentation |
//! | [`report`] | the forms of the report |
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
