//! The exit statuses of the gate: one meaning and one sentence each.

mod nothing_to_judge;
mod registry;
mod room;
mod trouble;
