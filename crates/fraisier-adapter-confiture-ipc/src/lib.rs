//! The program `fraisier-adapter-confiture-ipc`: one call of the engine per process, JSON-RPC 2.0
//! over standard input and output, and the same calls as commands for people.
//!
//! [`frame`] and [`request`] read what comes from outside; both are pure functions of bytes.
//! [`answer`] makes the call, [`limit`] and [`stop`] end it, [`response`] is what the engine gets.

#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use
)]

pub mod answer;
pub mod cli;
pub mod doctor;
mod drill;
pub mod exit;
pub mod frame;
pub mod limit;
pub mod log;
pub mod options;
mod page;
mod project;
pub mod request;
pub mod response;
mod runtime;
pub mod serve;
pub mod stop;
