//! A call that somebody else can give up, and when.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, AdapterError};
use fraisier_adapter_confiture::{Builder, ConfitureMigration};
use tokio::sync::oneshot;

use super::direction::Direction;
use super::slow_project::{Pids, Sleep, SlowProject, wait};

/// How long to wait for a moment that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// When a call is given up.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// So long after its start.
    After(Duration),
    /// When it has a session.
    Connected,
    /// When it holds the migration lock.
    Locked,
    /// So long after the migration began to sleep in a statement.
    Asleep(Duration),
    /// When the migration sleeps between two statements.
    Between,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::After(delay) => format!("after {} ms", delay.as_millis()),
            Self::Connected => "session open".to_owned(),
            Self::Locked => "lock taken".to_owned(),
            Self::Asleep(delay) => format!("asleep for {} ms", delay.as_millis()),
            Self::Between => "between statements".to_owned(),
        };
        f.pad(&text)
    }
}

impl Moment {
    /// Where the migration has to sleep for it.
    pub fn sleep(self) -> Sleep {
        match self {
            Self::Between => Sleep::BetweenStatements,
            _ => Sleep::InStatement,
        }
    }

    /// Returns when it has come.
    pub fn wait(self, project: &mut SlowProject<'_>) -> anyhow::Result<()> {
        let seen = wait(PATIENCE, || {
            Ok(match self {
                Self::After(_) => true,
                Self::Connected => project.sessions()? > 0,
                Self::Locked => project.locks()? > 0,
                Self::Asleep(_) | Self::Between => project.sleepers()? > 0,
            })
        })?;
        anyhow::ensure!(seen.is_some(), "the moment “{self}” never came");
        if let Self::After(delay) | Self::Asleep(delay) = self {
            thread::sleep(delay);
        }
        Ok(())
    }
}

/// An adapter whose processes are known.
pub fn adapter(
    program: &Path,
    configure: impl FnOnce(Builder) -> Builder,
) -> (ConfitureMigration, Pids) {
    let pids = Pids::default();
    let builder = ConfitureMigration::builder()
        .program(program)
        .observer(Arc::new(pids.clone()));
    (configure(builder).build(), pids)
}

/// Blocks on a call.
pub fn block_on<F: Future>(future: F) -> anyhow::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(runtime.block_on(future))
}

/// What a call gave; nothing when it was given up.
pub type Outcome = Option<Result<Vec<String>, AdapterError>>;

/// A call on a thread of its own.
pub struct Running {
    give_up: oneshot::Sender<()>,
    outcome: mpsc::Receiver<Outcome>,
    thread: JoinHandle<()>,
}

impl Running {
    pub fn start(adapter: ConfitureMigration, ctx: AdapterCtx, direction: Direction) -> Self {
        let (give_up, asked) = oneshot::channel();
        let (done, outcome) = mpsc::channel();
        let thread = thread::spawn(move || {
            let call = async {
                let call = direction.migrate(&adapter, &ctx);
                tokio::select! {
                    outcome = call => {
                        Some(outcome.map(|outcome| outcome.applied.into_iter().map(|r| r.0).collect()))
                    }
                    Ok(()) = asked => None,
                }
            };
            // Without a runtime the receiver is disconnected, which is noticed.
            if let Ok(outcome) = block_on(call) {
                let _ = done.send(outcome);
            }
        });
        Self {
            give_up,
            outcome,
            thread,
        }
    }

    /// Drops the future. `None` says it was really given up, and had not ended before.
    pub fn give_up(self) -> anyhow::Result<Outcome> {
        let _ = self.give_up.send(());
        let outcome = self.outcome.recv()?;
        // The thread also drops its handle of the adapter, which the caller keeps another of.
        let _ = self.thread.join();
        Ok(outcome)
    }

    /// Waits for the call to end by itself.
    pub fn finish(self) -> anyhow::Result<Outcome> {
        let outcome = self.outcome.recv()?;
        drop(self.give_up);
        let _ = self.thread.join();
        Ok(outcome)
    }
}

/// A short word for how a call ended.
pub fn word(outcome: &Outcome) -> String {
    match outcome {
        None => "given up".to_owned(),
        Some(Ok(_)) => "finished".to_owned(),
        Some(Err(error)) => error.kind.to_string(),
    }
}
