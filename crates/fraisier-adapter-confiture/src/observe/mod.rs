//! What an [`Observer`] receives while a command runs.

pub(crate) mod announcer;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, Revision};

pub use crate::process::{Exit, Interruption, Stream};
use crate::redact::{Redact, Redactor};
use crate::request::NoDisconnectCheck;

/// Receives the events of every command that an adapter runs.
///
/// It is called on the thread that owns the command, which also reads its output and enforces its
/// timeout. While the observer blocks, the thread does neither. So pass the event on, for example to a
/// channel without a bound, and return. A panic in the observer is caught: that event is lost, and the
/// command continues.
///
/// Every text in an event is redacted.
///
/// A closure is an observer:
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use fraisier_adapter_confiture::ConfitureMigration;
/// use fraisier_adapter_confiture::observe::{Call, Event};
///
/// let (sender, receiver) = mpsc::channel();
/// let adapter = ConfitureMigration::builder()
///     .observer(Arc::new(move |call: &Call, event: &Event| {
///         if let Event::MigrationApplied { revision, .. } = event {
///             let _ = sender.send(format!("{}: {revision} applied", call.fraise));
///         }
///     }))
///     .build();
/// # let _ = (adapter, receiver);
/// ```
pub trait Observer: Send + Sync {
    /// Receives one event of one call. The events of one call arrive in order. Calls that run at the same
    /// time have interleaved events, from several threads.
    fn event(&self, call: &Call, event: &Event);
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer(…)")
    }
}

impl<F: Fn(&Call, &Event) + Send + Sync> Observer for F {
    fn event(&self, call: &Call, event: &Event) {
        self(call, event);
    }
}

/// Which call an [`Event`] belongs to. A call may run more than one command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Distinguishes the calls of this process; counted up from 1.
    pub id: u64,
    /// The operation, such as `up`.
    pub operation: &'static str,
    /// The fraise of the context; empty where a call has no context.
    pub fraise: String,
    /// The environment of the context; empty where a call has no context.
    pub environment: String,
}

impl Call {
    /// The next call of this process.
    #[must_use]
    pub fn next(operation: &'static str, ctx: Option<&AdapterCtx>) -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let text = |of: fn(&AdapterCtx) -> &String| ctx.map(of).cloned().unwrap_or_default();
        Self {
            id: CALLS.fetch_add(1, Ordering::Relaxed),
            operation,
            fraise: text(|ctx| &ctx.fraise),
            environment: text(|ctx| &ctx.environment),
        }
    }
}

/// Something that happened while a command ran.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server is not asked to notice when confiture is gone, because it would refuse: see
    /// [`Builder::server_disconnect_check`](crate::Builder::server_disconnect_check). Each call that
    /// goes on without it reports this once.
    NoDisconnectCheck {
        /// Why.
        why: NoDisconnectCheck,
    },
    /// Nothing stops the command when the process around the adapter dies, because `/bin/sh` is missing
    /// or is no shell. An adapter reports this once, before the first command.
    NotWatched,
    /// The ledger was not read beside `migrate current`: the revision is the last by time, as
    /// confiture names it.
    LedgerNotRead {
        /// Why.
        why: String,
    },
    /// The last row of the ledger, which `current_revision` returns, is not the one that confiture
    /// names, which goes by `applied_at`.
    RevisionsDiffer {
        /// The last migration in the order of the rows.
        by_row: Option<Revision>,
        /// The last migration in the order of `applied_at`.
        by_time: Option<Revision>,
    },
    /// The process was started.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// It printed a line.
    Line {
        /// Where.
        stream: Stream,
        /// The line without its end; a very long one is cut, and then ends in `…`.
        text: String,
    },
    /// It printed so much that some lines were not delivered. Lines printed after this event are
    /// delivered.
    LinesSkipped {
        /// Where.
        stream: Stream,
        /// How many.
        count: u64,
    },
    /// A migration was applied. The report says so, so this comes after [`Event::Finished`].
    MigrationApplied {
        /// The version, such as `001`.
        revision: Revision,
        /// What follows the version in the name of the file, such as `create_users`.
        name: String,
    },
    /// A migration failed. The report says so, so this comes after [`Event::Finished`].
    MigrationFailed {
        /// The version.
        revision: Revision,
        /// What follows the version in the name of the file.
        name: String,
    },
    /// A migration was rolled back, by a `down_to` or by the undo of a failed `up`. The report says so, so
    /// this comes after [`Event::Finished`].
    MigrationRolledBack {
        /// The version.
        revision: Revision,
    },
    /// How far a running `up` is: see
    /// [`progress_interval`](crate::Builder::progress_interval). The commands that query it have no
    /// events.
    Progress {
        /// What was applied last.
        revision: Option<Revision>,
        /// How many migrations of the directory, up to the target, are applied. The last of them may not be
        /// the revision: a migration may have been merged late.
        applied: usize,
        /// How many migrations the directory contains, up to the target.
        of: usize,
    },
    /// The adapter stopped the command.
    Interrupted {
        /// Why.
        why: Interruption,
    },
    /// The command ended. Events about migrations follow it, because they are in the report.
    Finished {
        /// How it ended.
        exit: Exit,
        /// How long it ran.
        duration: Duration,
        /// Whether the adapter killed it.
        killed: bool,
    },
}

impl Redact for Event {
    fn redact(&mut self, redactor: &Redactor) {
        match self {
            Self::Line { text, .. } => redactor.prose([text]),
            Self::MigrationApplied { revision, name }
            | Self::MigrationFailed { revision, name } => {
                redactor.names([&mut revision.0]);
                redactor.prose([name]);
            }
            Self::MigrationRolledBack { revision } => redactor.names([&mut revision.0]),
            Self::Progress { revision, .. } => revision.redact(redactor),
            Self::LedgerNotRead { why } => redactor.prose([why]),
            Self::RevisionsDiffer { by_row, by_time } => {
                by_row.redact(redactor);
                by_time.redact(redactor);
            }
            Self::NoDisconnectCheck { .. }
            | Self::NotWatched
            | Self::Started { .. }
            | Self::LinesSkipped { .. }
            | Self::Interrupted { .. }
            | Self::Finished { .. } => {}
        }
    }
}
