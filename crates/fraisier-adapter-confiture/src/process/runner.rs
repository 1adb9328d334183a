//! Runs commands for callers on any executor.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tracing::Span;

use super::conduct::Job;
use super::error::RunError;
use super::invocation::Invocation;
use super::life::Event;
use super::listener::Listener;
use super::options::Options;
use super::output::Output;
use super::run::{Run, Tended};
use super::supervisor::Supervisor;

/// What a run needs beside its command.
pub struct RunContext {
    /// How long this command may run, when that is less than [`Options::timeout`].
    pub timeout: Option<Duration>,
    /// Who hears what the command does.
    pub listener: Arc<dyn Listener>,
    /// The span in which it does so.
    pub span: Span,
}

/// Runs commands, any number at once. Clones share one supervising thread.
///
/// Dropping the last clone waits for nothing: the thread ends by itself when every run that was
/// given up has ended, after a few seconds at most. [`Runner::settled`] waits for that.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
}

struct Shared {
    options: Arc<Options>,
    supervisor: Mutex<Option<Supervisor>>,
    /// How many runs were given up and have not ended.
    stopping: watch::Sender<usize>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runner").field(&self.shared.options).finish()
    }
}

impl Runner {
    /// A runner with these options. Its thread starts with its first run.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            shared: Arc::new(Shared {
                options: Arc::new(options),
                supervisor: Mutex::default(),
                stopping: watch::Sender::new(0),
            }),
        }
    }

    /// Runs a command and gives what it left.
    ///
    /// Nothing starts before the future is polled. Dropping it kills the command, as the timeout
    /// does. It needs no runtime around it.
    ///
    /// # Errors
    ///
    /// - [`RunError::Supervisor`] when the thread cannot be started, for example at the limit of threads.
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
        run(self.shared.clone(), invocation, context)
    }

    /// Waits until no run that was given up is still ending.
    pub async fn settled(&self) {
        let mut stopping = self.shared.stopping.subscribe();
        // The sender lives as long as `self`.
        let _ = stopping.wait_for(|count| *count == 0).await;
    }
}

async fn run(
    shared: Arc<Shared>,
    invocation: Invocation,
    context: RunContext,
) -> Result<Output, RunError> {
    let options = &shared.options;
    let run = Arc::new(Run::new(shared.stopping.clone()));
    let (reply, answer) = oneshot::channel();
    let timeouts = [context.timeout, options.timeout];
    let job = Job {
        invocation,
        listener: context.listener,
        timeout: timeouts.into_iter().flatten().min(),
        reply,
        run: Tended(run.clone()),
        span: context.span,
        dispatch: tracing::dispatcher::get_default(Clone::clone),
    };
    shared.submit(job)?;
    let mut caller = Caller { run, waits: true };
    let answer = answer.await;
    caller.waits = false;
    answer.unwrap_or_else(|_| {
        Err(RunError::Lost {
            source: io::Error::other("the supervising thread ended early"),
        })
    })
}

impl Shared {
    fn submit(&self, job: Job) -> Result<(), RunError> {
        let mut supervisor = self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !supervisor.as_ref().is_some_and(Supervisor::is_up) {
            let started = Supervisor::start(self.options.clone())
                .map_err(|source| RunError::Supervisor { source })?;
            *supervisor = Some(started);
        }
        if let Some(supervisor) = supervisor.as_ref() {
            supervisor.submit(job);
        }
        Ok(())
    }
}

/// Stops the run when the future that waits for it is dropped.
struct Caller {
    run: Arc<Run>,
    waits: bool,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.waits {
            self.run.on(Event::GivenUp);
        }
    }
}
