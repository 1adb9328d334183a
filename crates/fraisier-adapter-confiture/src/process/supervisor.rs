//! The thread that owns every child, so that stopping one does not depend on the caller's runtime.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use super::conduct::{Job, conduct};
use super::options::Options;

/// How many pairs of descriptors a runtime takes to start, and some more to start a child.
const DESCRIPTOR_PAIRS: usize = 6;

/// A handle on the supervising thread. Dropping the last one lets the thread end when the runs
/// that it has have ended.
pub(super) struct Supervisor {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Supervisor {
    pub(super) fn start(options: Arc<Options>) -> io::Result<Self> {
        enough_descriptors()?;
        let runtime = OwnRuntime::start()?;
        let (jobs, inbox) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("confiture-supervisor".to_owned())
            .spawn(move || runtime.block_on(supervise(inbox, options)))?;
        Ok(Self { jobs })
    }

    /// Whether the thread takes jobs.
    pub(super) fn is_up(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Hands a job over. A supervisor that is down drops it, which the caller sees in its reply.
    pub(super) fn submit(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

async fn supervise(mut inbox: mpsc::UnboundedReceiver<Job>, options: Arc<Options>) {
    let mut running = JoinSet::new();
    while let Some(job) = inbox.recv().await {
        let (span, dispatch) = (job.span.clone(), job.dispatch.clone());
        let run = conduct(job, options.clone());
        running.spawn(run.instrument(span).with_subscriber(dispatch));
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

/// The runtime of the supervising thread. Where that thread cannot be started, the caller's thread
/// drops the runtime, in which tokio panics unless the runtime is shut down in the background.
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn start() -> io::Result<Self> {
        let mut builder = runtime::Builder::new_current_thread();
        Ok(Self(Some(builder.enable_io().enable_time().build()?)))
    }

    fn block_on(&self, future: impl Future<Output = ()>) {
        if let Some(runtime) = &self.0 {
            runtime.block_on(future);
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Fails where too few descriptors are left: a runtime would panic there.
fn enough_descriptors() -> io::Result<()> {
    (0..DESCRIPTOR_PAIRS)
        .map(|_| UnixStream::pair())
        .collect::<Result<Vec<_>, _>>()
        .map(drop)
}
