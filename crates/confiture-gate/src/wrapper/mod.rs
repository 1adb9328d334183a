//! The program that stands in front of confiture while a case runs: it writes down what confiture
//! did, so that it can be compared, and hands everything on as it was.
//!
//! It is this same program, started through a link. What it is to do lies beside the link, so each
//! case has a wrapper of its own and many can run at the same time.

mod files;
mod link;
mod seen;
mod stand;
mod task;

pub use link::Wrapper;
pub use seen::Seen;
pub use stand::run_as_wrapper;
pub use task::Task;
