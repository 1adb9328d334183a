//! What goes to standard error.

use std::io::{self, Write as _};

use anstream::{AutoStream, ColorChoice};
use fraisier_adapter_api::AdapterError;
use tracing_subscriber::EnvFilter;

use crate::page::printable;

/// The variable that says what is logged.
pub const VARIABLE: &str = "RUST_LOG";

/// Logs to standard error, as [`VARIABLE`] says, and warnings when it says nothing.
pub fn install() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .without_time()
        .finish();
    // Another one is there already only in a test of this process.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The error with its evidence, for who reads standard error.
pub fn evidence(error: &AdapterError) {
    if let Some(evidence) = &error.stderr {
        // A closed standard error is no reason not to answer.
        let _ = writeln!(io::stderr(), "{}", printable(evidence.trim_end()));
    }
}
