//! What goes to standard error.

use std::io;

use anstream::{AutoStream, ColorChoice};
use tracing_subscriber::EnvFilter;

/// The variable that says what is logged.
pub const VARIABLE: &str = "RUST_LOG";

/// Logs to standard error what [`VARIABLE`] asks for; without it, warnings.
pub fn install() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    // Only in a test of this process can there be another one already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .without_time()
        .try_init();
}
