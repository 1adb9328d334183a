//! The exit statuses of the gate: one meaning and one sentence each. What needs Python, a release or
//! PostgreSQL is ignored by `cargo test` and run by `.ci/run`.

mod nothing_to_judge;
mod registry;
mod room;
mod trouble;
