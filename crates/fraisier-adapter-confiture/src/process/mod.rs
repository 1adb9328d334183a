//! Runs an [`Invocation`]: in a process group of its own, with a private report file, in bounded
//! memory, and stopped when the caller gives up.
//!
//! Every child belongs to a thread of the [`Runner`], not to the caller's runtime. So a call can be
//! awaited on any executor, and it is stopped properly also when that executor is shutting down.
//!
//! Stopping means what [`Options::stop`] says, and at the end of [`Options::grace`] `SIGKILL` to the
//! group.
//!
//! All waiting is by the monotonic clock: setting the time of day shortens or lengthens nothing. A
//! lint keeps the other clock out of this workspace.

mod announce;
mod bytecode;
mod call;
mod capture;
mod disconnect;
mod error;
mod group;
mod invocation;
mod launch;
mod lines;
mod output;
mod progress;
mod report_file;
mod sigint;
mod supervisor;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tracing::Span;
use tracing::field::Empty;

use self::announce::Announcer;
use self::call::Job;
pub(crate) use self::disconnect::is_set_by as disconnect_check_is_set_by;
pub use self::disconnect::server_option;
pub use self::error::{Obstacle, ReportProblem, RunError};
use self::group::{Group, Open};
pub use self::invocation::{Arg, ChildEnv, Inherit, Invocation};
pub use self::output::{Captured, Exit, Interruption, Output, Report};
pub use self::report_file::read_report;
use self::supervisor::{Supervisor, Traced};
use crate::observe::{Call, Observer};

/// Removes secrets from a text before it leaves the adapter.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How a command is stopped that was given up, or whose time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Stop {
    /// `SIGINT` to its process group, again after half of [`Options::grace`], and `SIGKILL` at its
    /// end.
    ///
    /// The server gives a running statement up at once, rolls its migration back and frees the
    /// lock. But where the server waits for confiture (while a `.py` migration computes, between
    /// two statements of a migration, between the last one and its row in the ledger), confiture
    /// commits what is open as it gives the lock back: the database then has half of a migration,
    /// or a whole one that the ledger does not have. Nine releases from 0.20.0 to 1.29.0 were seen
    /// to do so.
    #[default]
    Interrupt,
    /// `SIGKILL` to its process group.
    ///
    /// A migration is one transaction together with its row in the ledger, and the server rolls
    /// back what nobody commits: whatever the moment, a migration is there whole or not at all (one
    /// that runs outside a transaction excepted, which nothing can undo). What the server notices
    /// late is that its client is gone: it finishes the running statement first, and holds the lock
    /// until then, unless [`Options::server_disconnect_check`] or the server's own
    /// `client_connection_check_interval` makes it look. So use it together with one of them.
    Kill,
}

/// How commands are run.
#[derive(Clone)]
pub struct Options {
    /// How long a command may run before it is stopped; unlimited when `None`.
    pub timeout: Option<Duration>,
    /// How a command is stopped.
    pub stop: Stop,
    /// How long an interrupted command may take to end before its group is killed.
    pub grace: Duration,
    /// The largest report that is read, in bytes.
    pub report_limit: u64,
    /// How many bytes of each output stream are kept: half from the beginning, half from the end.
    pub output_limit: usize,
    /// Whether a private cache for Python's bytecode is provided where Python may not keep one
    /// beside its modules (`PYTHONDONTWRITEBYTECODE`, a read-only installation without compiled
    /// modules), which more than halves the time of a call from the second one on.
    ///
    /// It is below `XDG_CACHE_HOME`, `~/.cache` or the temporary directory, and only where nobody
    /// but this user and root can write or exchange anything on the way to it; otherwise there is
    /// none. A `PYTHONPYCACHEPREFIX` of the child's environment is left alone. A release of
    /// confiture takes about 20 MB in it; it may be deleted at any time.
    pub bytecode_cache: bool,
    /// How soon `PostgreSQL` is to notice that a client of it is gone, so that even a command
    /// killed together with everything around it does not leave its statement running and its
    /// lock held. Off when `None`.
    ///
    /// It is sent as a start option of the session (`PGOPTIONS`), which needs `PostgreSQL` 14 or
    /// newer on a system that can tell (Linux can); an older server refuses the connection, and
    /// so do poolers that take no start options, as `PgBouncer` does unless told to ignore them.
    ///
    /// libpq leaves `PGOPTIONS` aside when the connection string has `options` of its own. The
    /// adapter refuses such a connection string, unless its `options` set
    /// `client_connection_check_interval` themselves; a [`Runner`] looks at no connection string.
    /// `options` in the service file, named by `service` in the connection string or by
    /// `PGSERVICE`, have the same effect and cannot be seen from here: put [`server_option`] there.
    pub server_disconnect_check: Option<Duration>,
    /// Who is told what a command does.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for Options {
    /// No timeout, stopped by an interrupt, 10 s of grace, reports up to 256 MiB, 256 KiB of each
    /// stream, the bytecode cache, no check by the server, no observer.
    fn default() -> Self {
        Self {
            timeout: None,
            stop: Stop::default(),
            grace: Duration::from_secs(10),
            report_limit: 256 * 1024 * 1024,
            output_limit: 256 * 1024,
            bytecode_cache: true,
            server_disconnect_check: None,
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("timeout", &self.timeout)
            .field("stop", &self.stop)
            .field("grace", &self.grace)
            .field("report_limit", &self.report_limit)
            .field("output_limit", &self.output_limit)
            .field("bytecode_cache", &self.bytecode_cache)
            .field("server_disconnect_check", &self.server_disconnect_check)
            .field("observer", &self.observer.is_some())
            .finish()
    }
}

/// What a call is about, beside its command.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunContext {
    /// The operation, such as `up`.
    pub operation: &'static str,
    /// The revision that was asked for, if one was.
    pub revision: Option<String>,
    /// The release of confiture, if it is known already.
    pub release: Option<String>,
    /// How long this command may run, when that is less than [`Options::timeout`].
    pub timeout: Option<Duration>,
    /// Removes secrets from what is told while the command runs.
    ///
    /// The [`Output`] that a call gives is not redacted: a decoder reads it first.
    pub redact: Redact,
}

impl RunContext {
    /// The context of an operation whose output passes `redact`.
    #[must_use]
    pub fn new(operation: &'static str, redact: Redact) -> Self {
        Self {
            operation,
            revision: None,
            release: None,
            timeout: None,
            redact,
        }
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext")
            .field("operation", &self.operation)
            .field("revision", &self.revision)
            .field("release", &self.release)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Runs commands, any number at once. Clones share one supervising thread.
///
/// Dropping the last clone, and the last future it gave, waits until every call that was given up
/// has ended: at most [`Options::grace`] and a few seconds. [`Runner::settled`] waits for the same
/// without blocking the thread.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
}

struct Shared {
    options: Arc<Options>,
    supervisor: Mutex<Option<Supervisor>>,
    /// How many calls were given up and have not ended.
    stopping: watch::Sender<usize>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runner").field(&self.shared.options).finish()
    }
}

impl Runner {
    /// A runner with these options. Its thread starts with its first call.
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

    /// The options it runs with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Runs a command and gives what it left.
    ///
    /// Nothing starts before the future is polled. Dropping it stops the command, as the timeout
    /// does; see [`Stop`] on what that means. It needs no runtime around it.
    ///
    /// # Errors
    ///
    /// [`RunError::Program`] when the program is missing or may not be executed,
    /// [`RunError::Report`] when it left a report larger than [`Options::report_limit`], and the
    /// other cases of [`RunError`]. A command that fails, or is killed, is no error here.
    pub fn run(
        &self,
        invocation: Invocation,
        context: RunContext,
    ) -> impl Future<Output = Result<Output, RunError>> + Send + use<> {
        run(self.shared.clone(), invocation, context)
    }

    /// Waits until no call that was given up is still ending.
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
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let call = Call::new(CALLS.fetch_add(1, Ordering::Relaxed), context.operation);
    let span = tracing::info_span!(
        "confiture",
        call = call.id,
        operation = context.operation,
        revision = context.revision,
        release = context.release,
        exit = Empty,
        signal = Empty,
    );
    let observer = shared.options.observer.clone();
    let group = Arc::new(Group::new(shared.options.stop, shared.stopping.clone()));
    let (reply, answer) = oneshot::channel();
    let timeout = [context.timeout, shared.options.timeout]
        .into_iter()
        .flatten()
        .min();
    let job = Traced {
        job: Job {
            invocation,
            announcer: Announcer::new(call, context.redact, observer),
            open: Open(group.clone()),
            timeout,
            reply,
        },
        span: span.clone(),
        dispatch: tracing::dispatcher::get_default(Clone::clone),
    };
    shared.submit(job)?;
    let mut caller = Caller { group, waits: true };
    let answer = answer.await;
    caller.waits = false;
    let outcome = answer.unwrap_or_else(|_| {
        Err(RunError::Lost {
            source: io::Error::other("the supervising thread ended early"),
        })
    });
    if let Ok(output) = &outcome {
        record(&span, output.exit);
    }
    outcome
}

fn record(span: &Span, exit: Exit) {
    match exit {
        Exit::Code(code) => span.record("exit", code),
        Exit::Signal(signal) => span.record("signal", signal),
    };
}

impl Shared {
    fn submit(&self, job: Traced) -> Result<(), RunError> {
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

impl Drop for Shared {
    fn drop(&mut self) {
        let supervisor = self
            .supervisor
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(supervisor) = supervisor.take() {
            // Beyond the grace period: reading what is left, and the end of a killed process.
            supervisor.shut_down(self.options.grace + Duration::from_secs(5));
        }
    }
}

/// Stops the call when the future that waits for it is dropped.
struct Caller {
    group: Arc<Group>,
    waits: bool,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.waits {
            self.group.give_up();
        }
    }
}
