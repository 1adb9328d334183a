//! What stops a call from outside: a signal, or the end of the reader of standard output.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Why a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A signal asked for it.
    Signal,
    /// The other end of standard output is closed.
    NobodyReads,
}

impl Why {
    /// As a clause.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "a signal was received",
            Self::NobodyReads => "the other end of standard output is closed: the engine is gone",
        }
    }
}

/// Waits until the call is to be stopped, and returns why.
pub async fn requested() -> Why {
    tokio::select! {
        why = signalled() => why,
        why = nobody_reads() => why,
    }
}

/// Waits for a signal that asks to end. One that was ignored when this program started, as `nohup` and a
/// shell's `&` have it, stays ignored.
pub async fn signalled() -> Why {
    let ignored = ignored();
    let wait = async |kind: SignalKind| {
        if ignored >> (kind.as_raw_value() - 1) & 1 == 0 {
            match signal(kind) {
                Ok(mut signal) => return signal.recv().await,
                // Then it ends this program at once, and the library stops confiture.
                Err(why) => tracing::warn!(%why, "a signal cannot be waited for"),
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        _ = wait(SignalKind::interrupt()) => {}
        _ = wait(SignalKind::terminate()) => {}
        _ = wait(SignalKind::hangup()) => {}
    }
    Why::Signal
}

/// The signals that this process ignores, one bit each; none where the system does not say, which only
/// Linux does.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Waits until the other end of standard output is closed.
async fn nobody_reads() -> Why {
    let (sender, closed) = oneshot::channel();
    let watch = move || match wait_for_closed_output() {
        // This fails when nobody waits any more.
        Ok(()) => drop(sender.send(Why::NobodyReads)),
        Err(why) => tracing::warn!(%why, "standard output cannot be watched"),
    };
    let name = "hangup".to_owned();
    if let Err(why) = thread::Builder::new().name(name).spawn(watch) {
        tracing::warn!(%why, "standard output is not watched");
    }
    match closed.await {
        Ok(why) => why,
        Err(_) => std::future::pending().await,
    }
}

fn wait_for_closed_output() -> io::Result<()> {
    let stdout = rustix::stdio::stdout();
    loop {
        // Without requested events, `poll` reports only errors and a closed end.
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(0) | Err(Errno::INTR | Errno::AGAIN) => {
                thread::sleep(Duration::from_millis(10));
            }
            Ok(_) => return Ok(()),
            Err(why) => return Err(why.into()),
        }
    }
}
