//! One run of a command, shared between the caller's future and the supervisor.

use std::io;
use std::ops::Deref;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;
use tokio::sync::{Notify, watch};

use super::group;
use super::life::{Action, Event, Life};
use super::output::{Exit, Interruption};
use super::report_dir::ReportDir;
use super::watcher::Watcher;

/// A run: its life, and everything that it uses.
///
/// The caller may give up at any moment, from any thread. So the actions of an event are done under
/// the lock that also guards the reaping: no signal can reach a group whose id another process has got.
pub(super) struct Run {
    state: Mutex<State>,
    changed: Notify,
    /// Counts the runs of a runner that were given up and are not over.
    stopping: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    life: Life,
    watcher: Option<Watcher>,
    command: Option<Child>,
    report: Option<ReportDir>,
    exit: Option<Exit>,
}

impl Run {
    pub(super) fn new(stopping: watch::Sender<usize>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            stopping,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event, and does its actions.
    pub(super) fn on(&self, event: Event) {
        let mut state = self.lock();
        // The command may have ended since the last look. Whether this look fails does not matter.
        let _ = state.look();
        self.happens(event, &mut state);
    }

    fn happens(&self, event: Event, state: &mut State) {
        for action in state.life.on(event) {
            self.act(*action, state);
        }
        self.changed.notify_one();
    }

    fn act(&self, action: Action, state: &mut State) {
        match action {
            Action::Kill => {
                if let Some(group) = state.group() {
                    group::kill(group);
                }
            }
            Action::Reap => {
                if let Some(mut command) = state.command.take() {
                    // It exited or was killed, so this returns soon.
                    let _ = command.wait();
                }
                state.watcher = None;
            }
            Action::RemoveReport => state.report = None,
            Action::CountIn => self.stopping.send_modify(|count| *count += 1),
            Action::CountOut => self.stopping.send_modify(|count| *count -= 1),
        }
    }

    /// Keeps the watcher and the report directory until the run is over.
    pub(super) fn holds(&self, watcher: Option<Watcher>, report: Option<ReportDir>) {
        let mut state = self.lock();
        state.watcher = watcher;
        state.report = report;
    }

    /// The command was started.
    pub(super) fn started(&self, command: Child) {
        let mut state = self.lock();
        state.command = Some(command);
        self.happens(Event::Started, &mut state);
    }

    /// Why it was told to stop, if it was.
    pub(super) fn told(&self) -> Option<Interruption> {
        self.lock().life.told()
    }

    /// Waits until it is told to stop; at once if it was before.
    pub(super) async fn interrupted(&self) -> Interruption {
        loop {
            if let Some(why) = self.told() {
                return why;
            }
            self.changed.notified().await;
        }
    }

    /// How the command ended, if it did. It stays a zombie, and so keeps its id, until it is reaped.
    pub(super) fn look(&self) -> io::Result<Option<Exit>> {
        self.lock().look()
    }
}

/// The supervisor's share of a run. Dropping it, for whatever reason, ends what is left of the run.
pub(super) struct Tended(pub(super) Arc<Run>);

impl Deref for Tended {
    type Target = Run;

    fn deref(&self) -> &Run {
        &self.0
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        self.on(Event::Left);
        self.on(Event::Over);
    }
}

impl State {
    /// The process group of the command, which its watcher leads, or it itself where there is none.
    fn group(&self) -> Option<Pid> {
        let watcher = self.watcher.as_ref().map(Watcher::group);
        watcher.or_else(|| self.command.as_ref().map(Pid::from_child))
    }

    fn look(&mut self) -> io::Result<Option<Exit>> {
        if self.exit.is_none()
            && let Some(command) = &self.command
        {
            self.exit = group::peek(Pid::from_child(command))?;
            if self.exit.is_some() {
                self.life.on(Event::Exited);
            }
        }
        Ok(self.exit)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::{WaitId, WaitIdOptions, waitid};

    use super::*;

    fn new_run() -> Arc<Run> {
        Arc::new(Run::new(watch::Sender::new(0)))
    }

    #[test]
    fn what_has_ended_is_not_interrupted() {
        let child = Command::new("true").spawn().unwrap();
        let pid = WaitId::Pid(Pid::from_child(&child));
        let run = Tended(new_run());
        run.started(child);
        waitid(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        run.on(Event::GivenUp);
        assert_eq!(run.told(), None);
        assert_eq!(run.look().unwrap(), Some(Exit::Code(0)));
    }

    #[test]
    fn who_looks_after_a_call_ends_what_is_left_of_it() {
        let mut child = Command::new("sleep");
        let child = std::os::unix::process::CommandExt::process_group(child.arg("600"), 0);
        let child = child.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let run = Tended(new_run());
        run.started(child);
        assert_eq!(run.look().unwrap(), None);
        drop(run);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn a_call_counts_as_stopping_from_giving_up_until_it_is_over() {
        let run = new_run();
        let stopping = run.stopping.subscribe();
        let tended = Tended(run.clone());
        run.on(Event::GivenUp);
        assert_eq!(*stopping.borrow(), 1);
        drop(tended);
        run.on(Event::GivenUp);
        assert_eq!(*stopping.borrow(), 0);
    }
}
