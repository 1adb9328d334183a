//! The wrapper that the adapter starts instead of confiture while a case runs. It runs confiture, records
//! what confiture did, and passes everything on unchanged.
//!
//! It is this same program, started through a link. Its task is a file in the directory of the link, so
//! each case has a wrapper of its own and many can run at the same time.

mod files;
mod link;
mod seen;
mod stand;
mod task;

pub use link::Wrapper;
pub use seen::Seen;
pub use stand::run_as_wrapper;
pub use task::Task;
