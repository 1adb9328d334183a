//! Runs commands for callers on any executor.

use std::fmt;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tracing::{Span, dispatcher};

use super::error::RunError;
use super::invocation::Invocation;
use super::listener::Listener;
use super::output::Output;
use super::task::{self, Job};

/// How commands are run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long a command may run before it is killed; unlimited when `None`.
    pub timeout: Option<Duration>,
}

/// What a run needs beside its command.
pub struct RunContext {
    /// How long this command may run, when that is less than [`Options::timeout`].
    pub timeout: Option<Duration>,
    /// Who hears what the command does.
    pub listener: Arc<dyn Listener>,
    /// The span in which it does so.
    pub span: Span,
}

/// Runs commands, any number at once, each on a thread of its own.
///
/// Dropping a runner waits for nothing: the thread of a cancelled run ends by itself within a few
/// seconds. [`Runner::settled`] waits for that.
#[derive(Clone)]
pub struct Runner {
    options: Options,
    /// How many cancelled runs have not ended.
    stopping: Arc<watch::Sender<usize>>,
    /// Whether a listener has heard that nothing watches.
    said_unwatched: Arc<AtomicBool>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runner").field(&self.options).finish()
    }
}

impl Runner {
    /// A runner with these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            stopping: Arc::new(watch::Sender::new(0)),
            said_unwatched: Arc::default(),
        }
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
        run(self.clone(), invocation, context)
    }

    /// Waits until every cancelled run has ended.
    pub async fn settled(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives as long as `self`.
        let _ = stopping.wait_for(|count| *count == 0).await;
    }
}

async fn run(
    runner: Runner,
    invocation: Invocation,
    context: RunContext,
) -> Result<Output, RunError> {
    let supervisor = |source| RunError::Supervisor { source };
    let (mut caller, cancellation) = cancellation(runner.stopping).map_err(supervisor)?;
    let (reply, answer) = oneshot::channel();
    let RunContext {
        timeout,
        listener,
        span,
    } = context;
    let job = Job {
        invocation,
        listener,
        timeout: timeout.into_iter().chain(runner.options.timeout).min(),
        said_unwatched: runner.said_unwatched,
    };
    let dispatch = dispatcher::get_default(Clone::clone);
    let work = move || {
        let mut cancellation = cancellation;
        let run = || span.in_scope(|| task::run(&job, &mut cancellation));
        // When the call was cancelled, nobody waits for the reply.
        let _ = reply.send(dispatcher::with_default(&dispatch, run));
    };
    let thread = thread::Builder::new().name("confiture-run".to_owned());
    thread.spawn(work).map_err(supervisor)?;
    let answer = answer.await;
    caller.cancel = None;
    answer.unwrap_or_else(|_| {
        Err(RunError::Lost {
            source: io::Error::other("the supervising thread ended early"),
        })
    })
}

/// Both ends of the channel by which a caller cancels its run.
fn cancellation(stopping: Arc<watch::Sender<usize>>) -> io::Result<(Caller, Cancellation)> {
    let (waker, woken) = UnixStream::pair()?;
    let (cancel, cancelled) = oneshot::channel();
    let caller = Caller {
        cancel: Some(cancel),
        waker,
        stopping,
    };
    let cancellation = Cancellation {
        cancelled,
        woken,
        stopping: None,
    };
    Ok((caller, cancellation))
}

/// The caller's end. Dropping it while it waits cancels the run.
struct Caller {
    cancel: Option<oneshot::Sender<Stopping>>,
    waker: UnixStream,
    stopping: Arc<watch::Sender<usize>>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            self.stopping.send_modify(|count| *count += 1);
            // A run that is over drops what it cannot receive.
            let _ = cancel.send(Stopping(self.stopping.clone()));
            let _ = self.waker.write_all(b"x");
        }
    }
}

/// The end of the task. It is dropped when nothing is left of the run.
pub(super) struct Cancellation {
    cancelled: oneshot::Receiver<Stopping>,
    woken: UnixStream,
    stopping: Option<Stopping>,
}

impl Cancellation {
    /// Whether the run was cancelled.
    pub(super) fn is_requested(&mut self) -> bool {
        if self.stopping.is_none() {
            self.stopping = self.cancelled.try_recv().ok();
        }
        self.stopping.is_some()
    }
}

impl AsFd for Cancellation {
    /// Becomes readable when the run is cancelled.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

/// Counts a cancelled run until it is dropped.
struct Stopping(Arc<watch::Sender<usize>>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_as_stopping_from_its_cancellation_until_it_is_over() {
        let stopping = Arc::new(watch::Sender::new(0));
        let count = || *stopping.borrow();
        let (caller, mut task) = cancellation(stopping.clone()).unwrap();
        assert!(!task.is_requested());
        drop(caller);
        assert_eq!(count(), 1);
        assert!(task.is_requested());
        drop(task);
        assert_eq!(count(), 0);

        let (caller, task) = cancellation(stopping.clone()).unwrap();
        drop(task);
        drop(caller);
        assert_eq!(count(), 0);

        let (mut caller, mut task) = cancellation(stopping.clone()).unwrap();
        caller.cancel = None;
        drop(caller);
        assert!(!task.is_requested());
        assert_eq!(count(), 0);
    }
}
