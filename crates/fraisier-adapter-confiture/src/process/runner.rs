//! Runs commands for callers on any executor.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tracing::Span;

use super::invocation::Invocation;
use super::output::{Interruption, Output, RunError, Stream};
use super::task;
use crate::thread::Threads;

/// What a command does while it runs.
#[derive(Debug, Clone, Copy)]
pub enum Activity<'a> {
    /// Nothing stops it when this process dies. This comes before the start, once from a runner.
    Unwatched,
    /// It was started as this process.
    Started(u32),
    /// It printed these bytes.
    Printed(Stream, &'a [u8]),
    /// It prints nothing more on this stream.
    PrintedAll(Stream),
    /// The runner stopped it.
    Interrupted(Interruption),
    /// It ended with this output, which lacks the report.
    Finished(&'a Output),
}

/// Gets the activities of one command. It is called on the thread that owns the command, and must not
/// block it.
pub type Listener = Box<dyn FnMut(Activity<'_>) + Send>;

/// What a run needs beside its command.
pub struct RunContext {
    /// How long this command may run, when that is less than the limit of the runner.
    pub timeout: Option<Duration>,
    /// What gets its activities.
    pub listener: Listener,
    /// The span in which it runs.
    pub span: Span,
}

/// Runs commands, any number at once, each on a thread of its own.
///
/// Dropping a runner waits for nothing: the thread of a cancelled run ends by itself within a few
/// seconds. [`Runner::settled`] waits for that.
#[derive(Debug, Clone, Default)]
pub struct Runner {
    /// How long a command may run.
    pub(super) timeout: Option<Duration>,
    /// Whether a listener has heard that nothing watches.
    pub(super) reported_unwatched: Arc<AtomicBool>,
    threads: Threads,
}

impl Runner {
    /// A runner that kills a command that runs for longer than this.
    #[must_use]
    pub fn new(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            ..Self::default()
        }
    }

    /// How long a command may run; `None` is unlimited.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The threads of the commands, for threads of calls that [`settled`](Self::settled) waits for, too.
    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Runs a command and returns its output.
    ///
    /// Nothing starts before the future is polled. Dropping it kills the command, as the timeout
    /// does. It needs no runtime around it.
    ///
    /// # Errors
    ///
    /// - [`RunError::Supervisor`] when no thread can be started, for example at the limit of threads.
    /// - [`RunError::WorkDir`] when [`Invocation::cwd`] cannot be entered.
    /// - [`RunError::TempDir`] when `TMPDIR` is missing or its disk is full.
    /// - [`RunError::Program`] when the program is missing or may not be executed.
    /// - [`RunError::Report`] when the report is larger than 256 MiB.
    /// - [`RunError::Lost`] when something else in this process waits for every child.
    ///
    /// A command that fails or is killed is no error.
    pub fn run(
        &self,
        invocation: Invocation,
        context: RunContext,
    ) -> impl Future<Output = Result<Output, RunError>> + Send + use<> {
        let runner = self.clone();
        async move {
            let supervisor = |source| RunError::Supervisor { source };
            let (caller, task) = UnixStream::pair().map_err(supervisor)?;
            task.set_nonblocking(true).map_err(supervisor)?;
            let _caller = Caller(caller);
            let threads = runner.threads.clone();
            let work = async move || task::run(&runner, &invocation, context, &task);
            threads.run(work).await.map_err(supervisor)?
        }
    }

    /// Waits until every cancelled run has ended.
    pub async fn settled(&self) {
        self.threads.settled().await;
    }
}

/// The caller's end of a connection to its command's thread, which hangs up when the caller is dropped. A
/// process that was forked meanwhile does not keep it from that.
struct Caller(UnixStream);

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
