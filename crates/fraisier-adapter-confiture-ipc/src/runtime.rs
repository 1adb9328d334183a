//! The runtime of a call.

use std::io;
use std::os::unix::net::UnixStream;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
use tokio::runtime::{Builder, Runtime};

/// How many pairs of file descriptors a runtime with signal handling needs.
const DESCRIPTOR_PAIRS: usize = 4;

/// Starts it.
///
/// # Errors
///
/// `Execution` when this machine is short of descriptors, for example.
pub(crate) fn start() -> Result<Runtime, AdapterError> {
    let started =
        enough_descriptors().and_then(|()| Builder::new_current_thread().enable_all().build());
    started.map_err(|why| {
        let message = format!(
            "the adapter cannot start: {why}; nothing was started. Next: free what is exhausted on \
             this machine, then try again"
        );
        AdapterError::new(AdapterErrorKind::Execution, message)
    })
}

/// Without enough descriptors, tokio panics instead of returning an error.
fn enough_descriptors() -> io::Result<()> {
    (0..DESCRIPTOR_PAIRS)
        .map(|_| UnixStream::pair())
        .collect::<Result<Vec<_>, _>>()
        .map(drop)
}
