//! How commands are run and stopped.

use std::time::Duration;

/// How a command is stopped that was given up, or whose time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Stop {
    /// `SIGKILL` to its process group.
    ///
    /// A migration is one transaction together with its row in the ledger, and the server rolls
    /// back what nobody commits: whatever the moment, a migration is there whole or not at all (one
    /// that runs outside a transaction excepted, which nothing can undo). What the server notices
    /// late is that its client is gone: it finishes the running statement first, and holds the lock
    /// until then, unless
    /// [`Builder::server_disconnect_check`](crate::Builder::server_disconnect_check), which is on by
    /// default, or the server's own `client_connection_check_interval` makes it look.
    #[default]
    Kill,
    /// `SIGINT` to its process group, again after half of the
    /// [`grace`](crate::Builder::grace), and `SIGKILL` at its end.
    ///
    /// The server gives a running statement up at once, rolls its migration back and frees the
    /// lock. But where the server waits for confiture (while a `.py` migration computes, between
    /// two statements of a migration, between the last one and its row in the ledger), confiture
    /// commits what is open as it gives the lock back: the database then has half of a migration,
    /// or a whole one that the ledger does not have. Nine releases from 0.20.0 to 1.29.0 were seen
    /// to do so.
    Interrupt,
}

/// How commands are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a command may run before it is stopped; unlimited when `None`.
    pub timeout: Option<Duration>,
    /// How a command is stopped.
    pub stop: Stop,
    /// How long an interrupted command may take to end before its group is killed.
    pub grace: Duration,
    /// The largest report that is read, in bytes.
    pub report_limit: u64,
    /// How many bytes of each output stream are kept: half from the beginning, half from the end.
    pub output_limit: usize,
    /// Whether a watcher stops the command when this process dies.
    pub watched: bool,
}

impl Default for Options {
    /// No timeout, stopped by a kill, 10 s of grace for an interrupt, reports up to 256 MiB, 256 KiB of each
    /// stream, watched.
    fn default() -> Self {
        Self {
            timeout: None,
            stop: Stop::default(),
            grace: Duration::from_secs(10),
            report_limit: 256 * 1024 * 1024,
            output_limit: 256 * 1024,
            watched: true,
        }
    }
}
