//! How commands are run.

use std::time::Duration;

/// How commands are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a command may run before it is killed; unlimited when `None`.
    pub timeout: Option<Duration>,
    /// Whether a watcher kills the command when this process dies.
    pub watched: bool,
}

impl Default for Options {
    /// No timeout, watched.
    fn default() -> Self {
        Self {
            timeout: None,
            watched: true,
        }
    }
}
