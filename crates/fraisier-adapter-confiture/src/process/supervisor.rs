//! The thread that owns every child, so that stopping one does not depend on the caller's runtime.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::mpsc as calls;
use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Instrument, Span};

use super::Options;
use super::call::{Job, conduct};

/// Pairs of descriptors that a runtime needs to start, and some to start a child.
const DESCRIPTOR_PAIRS: usize = 6;

/// A job together with where its trace belongs.
pub(super) struct Traced {
    pub(super) job: Job,
    pub(super) span: Span,
    pub(super) dispatch: Dispatch,
}

/// A running supervisor.
pub(super) struct Supervisor {
    jobs: calls::UnboundedSender<Traced>,
    /// Nothing is sent: it disconnects when the thread is about to end.
    ended: mpsc::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Supervisor {
    pub(super) fn start(options: Arc<Options>) -> io::Result<Self> {
        enough_descriptors()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (jobs, mut inbox) = calls::unbounded_channel::<Traced>();
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("confiture-supervisor".to_owned())
            .spawn(move || {
                let _alive: mpsc::Sender<()> = alive;
                runtime.block_on(async {
                    let mut running = JoinSet::new();
                    while let Some(Traced {
                        job,
                        span,
                        dispatch,
                    }) = inbox.recv().await
                    {
                        let call = conduct(job, options.clone());
                        running.spawn(call.instrument(span).with_subscriber(dispatch));
                        while running.try_join_next().is_some() {}
                    }
                    while running.join_next().await.is_some() {}
                });
            })?;
        Ok(Self {
            jobs,
            ended,
            thread,
        })
    }

    /// Whether the thread takes jobs.
    pub(super) fn is_up(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Hands a job over. A supervisor that is down drops it, which the caller sees in its reply.
    pub(super) fn submit(&self, job: Traced) {
        let _ = self.jobs.send(job);
    }

    /// Lets the calls that are still running end, and waits for that at most as long as given.
    pub(super) fn shut_down(self, patience: Duration) {
        drop(self.jobs);
        // An observer may hold the last handle of its adapter; a thread cannot wait for itself.
        if self.thread.thread().id() == thread::current().id() {
            return;
        }
        if let Err(mpsc::RecvTimeoutError::Disconnected) = self.ended.recv_timeout(patience) {
            let _ = self.thread.join();
        }
    }
}

/// Where descriptors are short, a runtime does not fail to start but panics.
fn enough_descriptors() -> io::Result<()> {
    (0..DESCRIPTOR_PAIRS)
        .map(|_| UnixStream::pair())
        .collect::<Result<Vec<_>, _>>()
        .map(drop)
}
