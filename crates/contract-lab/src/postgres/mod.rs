//! A PostgreSQL server: one of the lab's own, or one that is given.
//!
//! A server of the lab's own, and the databases made on a given one, are watched by a *cleaner*:
//! this same program, started again, holding the other end of a pipe. When the pipe closes (a
//! normal end, an interrupt, a `kill -9`) the cleaner stops the server and removes its files, or
//! drops the databases. That is why nothing stays behind whatever happens to a command.
//!
//! The SQL client blocks and brings a runtime of its own: call these functions from plain
//! threads, not from inside an async task.

mod account;
mod args;
mod binaries;
pub mod cleaner;
mod connection;
mod dsn;
mod embedded;
pub mod look;
mod reach;
mod server;

pub use args::ServerArgs;
pub use binaries::{Major, libpq};
pub use server::{Database, Server};
