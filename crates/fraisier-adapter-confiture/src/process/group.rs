//! The process group of a command, and who may signal it when.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::{Notify, watch};

use super::options::Stop;
use super::output::{Exit, Interruption};

/// One call's process, shared between the caller's future and the supervisor.
///
/// The caller may give up at any moment, from any thread, so signals are sent under the lock that
/// also guards the reaping: a signal can never reach a group whose id went to someone else.
pub(super) struct Group {
    stop: Stop,
    state: Mutex<State>,
    changed: Notify,
    /// Counts the calls of a runner that were given up and are not closed.
    stopping: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    process: Process,
    interruption: Option<Interruption>,
    given_up: bool,
    closed: bool,
}

#[derive(Default, Clone, Copy)]
enum Process {
    #[default]
    NotStarted,
    Running(Ids),
    /// It exited but is not reaped, and neither is who leads the group, so the ids are still theirs.
    Exited(Ids),
    Reaped,
}

/// The process of a command, and its group.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) command: Pid,
    pub(super) group: Pid,
}

impl Group {
    pub(super) fn new(stop: Stop, stopping: watch::Sender<usize>) -> Self {
        Self {
            stop,
            state: Mutex::default(),
            changed: Notify::new(),
            stopping,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process is there. An interruption that came while it was being started reaches it now.
    pub(super) fn started(&self, ids: Ids) {
        let mut state = self.lock();
        state.process = Process::Running(ids);
        if state.interruption.is_some() {
            self.stop_group(ids.group);
        }
    }

    /// Stops the group if it still works, and remembers the first reason to.
    pub(super) fn stop(&self, why: Interruption) {
        self.stop_locked(&mut self.lock(), why);
    }

    /// The caller is gone.
    pub(super) fn give_up(&self) {
        let mut state = self.lock();
        if !state.closed {
            state.given_up = true;
            self.stopping.send_modify(|count| *count += 1);
            self.stop_locked(&mut state, Interruption::Dropped);
        }
    }

    fn stop_locked(&self, state: &mut State, why: Interruption) {
        if matches!(state.process, Process::Exited(_) | Process::Reaped)
            || state.interruption.is_some()
        {
            return;
        }
        if let Process::Running(ids) = state.process {
            // What has ended already was not interrupted.
            if let Ok(Some(_)) = peek(ids.command) {
                return;
            }
            self.stop_group(ids.group);
        }
        state.interruption = Some(why);
        self.changed.notify_one();
    }

    /// Stops a group once more that did not react.
    pub(super) fn stop_again(&self) {
        if let Process::Running(ids) = self.lock().process {
            self.stop_group(ids.group);
        }
    }

    fn stop_group(&self, pid: Pid) {
        match self.stop {
            Stop::Interrupt => interrupt_group(pid),
            Stop::Kill => kill_group(pid),
        }
    }

    pub(super) fn interruption(&self) -> Option<Interruption> {
        self.lock().interruption
    }

    /// Waits until [`stop`](Self::stop) was called; at once if it was before.
    pub(super) async fn interrupted(&self) -> Interruption {
        loop {
            if let Some(why) = self.interruption() {
                return why;
            }
            self.changed.notified().await;
        }
    }

    /// How the command ended, if it did. It stays a zombie, and so keeps its id, until
    /// [`reap`](Self::reap).
    pub(super) fn poll_exit(&self) -> io::Result<Option<Exit>> {
        let mut state = self.lock();
        let (Process::Running(ids) | Process::Exited(ids)) = state.process else {
            return Ok(None);
        };
        let exit = peek(ids.command)?;
        if exit.is_some() {
            state.process = Process::Exited(ids);
        }
        Ok(exit)
    }

    /// Kills whatever is left of the group.
    pub(super) fn kill(&self) {
        if let Process::Running(ids) | Process::Exited(ids) = self.lock().process {
            kill_group(ids.group);
        }
    }

    /// From here on nothing is signalled any more. `wait` runs before anyone else can look.
    pub(super) fn reap(&self, wait: impl FnOnce()) {
        let mut state = self.lock();
        wait();
        state.process = Process::Reaped;
    }

    /// Everything the call used is given back.
    fn closed(&self) {
        let mut state = self.lock();
        state.closed = true;
        if state.given_up {
            self.stopping.send_modify(|count| *count -= 1);
        }
    }
}

/// How a process ended, if it did, without reaping it.
fn peek(pid: Pid) -> io::Result<Option<Exit>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(pid), options)?;
    Ok(status.and_then(|status| {
        let code = status.exit_status().map(Exit::Code);
        code.or_else(|| status.terminating_signal().map(Exit::Signal))
    }))
}

/// Holds a call open. Whoever owns the call's resources owns this too, and drops it after them.
pub(super) struct Open(pub(super) Arc<Group>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// The group may have no member any more, which is the aim.
fn kill_group(pid: Pid) {
    let _ = kill_process_group(pid, Signal::KILL);
}

/// The group may be gone, or end at this moment; then there is nothing to interrupt.
fn interrupt_group(pid: Pid) {
    let _ = kill_process_group(pid, Signal::INT);
    // A stopped process takes the interrupt only once it goes on.
    let _ = kill_process_group(pid, Signal::CONT);
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_has_ended_is_not_interrupted() {
        let mut child = Command::new("true").spawn().unwrap();
        let group = Group::new(Stop::Interrupt, watch::Sender::new(0));
        let pid = Pid::from_child(&child);
        group.started(Ids {
            command: pid,
            group: pid,
        });
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .unwrap();
        group.stop(Interruption::Dropped);
        assert_eq!(group.interruption(), None);
        assert_eq!(group.poll_exit().unwrap(), Some(Exit::Code(0)));
        child.wait().unwrap();
    }

    #[test]
    fn the_first_reason_counts() {
        let group = Group::new(Stop::Interrupt, watch::Sender::new(0));
        group.give_up();
        group.stop(Interruption::Timeout(std::time::Duration::ZERO));
        assert_eq!(group.interruption(), Some(Interruption::Dropped));
    }

    #[test]
    fn a_call_counts_as_stopping_from_giving_up_until_it_is_closed() {
        let stopping = watch::Sender::new(0);
        let group = Arc::new(Group::new(Stop::Interrupt, stopping.clone()));
        let open = Open(group.clone());
        group.give_up();
        assert_eq!(*stopping.borrow(), 1);
        drop(open);
        group.give_up();
        assert_eq!(*stopping.borrow(), 0);
    }
}
