//! A PostgreSQL server: the lab's own, or a given one.
//!
//! A *cleaner* watches a server of the lab's own, and the databases made on a given server. It is this
//! same program, started again at the other end of a pipe. When the pipe closes (a normal end, an
//! interrupt, a `kill -9`), the cleaner stops the server and removes its files, or drops the databases.
//! So nothing remains, however a command ends.
//!
//! The SQL client blocks and has a runtime of its own: call these functions from plain threads, not from
//! an async task.

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
