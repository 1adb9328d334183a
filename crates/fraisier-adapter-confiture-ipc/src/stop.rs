//! What stops a call from outside: a signal, or that nobody is left to read the answer.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
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

/// Waits for whatever comes first.
pub async fn requested() -> Why {
    tokio::select! {
        () = signalled() => Why::Signal,
        () = nobody_reads() => Why::NobodyReads,
    }
}

/// Waits for a signal that asks to end. One that was ignored when this program started, as `nohup` and a
/// shell's `&` have it, stays ignored.
pub async fn signalled() {
    let ignored = ignored();
    let wait = async |kind: SignalKind| match signal_unless(ignored, kind) {
        Ok(Some(mut signal)) => {
            signal.recv().await;
        }
        Ok(None) => std::future::pending().await,
        // Then it ends the program as it would without us, and the library sees to confiture.
        Err(why) => {
            tracing::warn!(%why, "a signal cannot be waited for");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

fn signal_unless(ignored: u64, kind: SignalKind) -> io::Result<Option<Signal>> {
    if is_in(ignored, kind) {
        return Ok(None);
    }
    signal(kind).map(Some)
}

/// The signals that this process ignores, one bit each; none where the system does not say, which only
/// Linux does.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

fn is_in(mask: u64, kind: SignalKind) -> bool {
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

/// Waits until the other end of standard output is closed.
async fn nobody_reads() {
    let (open, closed) = oneshot::channel::<()>();
    let watch = move || {
        if let Err(why) = wait_for_closed_output() {
            tracing::warn!(%why, "standard output cannot be watched");
            // Its end would mean that the output is closed.
            std::mem::forget(open);
        }
    };
    match std::thread::Builder::new()
        .name("hangup".into())
        .spawn(watch)
    {
        // The thread ends when the output is closed, and drops its side.
        Ok(_) => drop(closed.await),
        Err(why) => {
            tracing::warn!(%why, "standard output is not watched");
            std::future::pending::<()>().await;
        }
    }
}

fn wait_for_closed_output() -> io::Result<()> {
    let stdout = rustix::stdio::stdout();
    loop {
        // Asked for no event, poll tells of errors and of a closed end only.
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(0) | Err(Errno::INTR | Errno::AGAIN) => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(_) => return Ok(()),
            Err(why) => return Err(why.into()),
        }
    }
}
