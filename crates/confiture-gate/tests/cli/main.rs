//! The exit statuses of the gate: each has one meaning and one message.

mod nothing_to_judge;
mod registry;
mod sandbox;
mod trouble;
