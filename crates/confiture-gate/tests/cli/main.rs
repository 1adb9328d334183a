//! The exit statuses of the gate: each has one meaning and one message. `cargo test` ignores the tests
//! that need Python, a release or PostgreSQL; `.ci/run` runs them.

mod nothing_to_judge;
mod registry;
mod sandbox;
mod trouble;
