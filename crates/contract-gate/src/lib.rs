//! The contract gate: can fraisier live with this confiture?
//!
//! It runs every case of the catalogue with a confiture that may not be released yet, and judges
//! what the adapter makes of it against what it makes of a recorded release.
//!
//! The rooms:
//!
//! | room | one reason |
//! |---|---|
//! | [`run`] | runs the cases of a candidate, and concludes |
//! | [`wrapper`] | stands in front of confiture, and writes down what it did |
//! | [`answer`] | what the adapter made of it, and where that is other than it was |
//! | [`drift`] | what confiture did otherwise |
//! | [`change`] | what can be other, and the words for it |
//! | [`judge`](mod@judge) | which drift explains which symptom |
//! | [`delivery`] | whether the advertised capabilities are delivered |
//! | [`causes`] | one cause for what many cases show |
//! | [`accept`] | known differences |
//! | [`result`] | what the gate says, field by field |
//! | [`report`] | the ways to read it |
//! | [`self_test`] | changes one thing at a time, and scores the gate |

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
