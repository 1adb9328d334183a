//! Signals to a process group, and looks at its processes.

use std::io;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};
use tokio::time::{sleep, timeout};

use super::output::Exit;

/// How long the rest of a killed group may take to be gone.
const DISPERSAL: Duration = Duration::from_millis(500);

/// Kills a group, which may have no member any more.
pub(super) fn kill(group: Pid) {
    let _ = kill_process_group(group, Signal::KILL);
}

/// Waits until the members of a killed group are gone, as they may still hold files or a session with
/// the server; not for longer than [`DISPERSAL`], as they stay zombies where nobody reaps orphans.
pub(super) async fn dispersed(group: Pid) {
    let gone = async {
        while test_kill_process_group(group).is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = timeout(DISPERSAL, gone).await;
}

/// How a child of this process ended, if it did, without reaping it.
pub(super) fn peek(pid: Pid) -> io::Result<Option<Exit>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(pid), options)?;
    Ok(status.and_then(|status| {
        let code = status.exit_status().map(Exit::Code);
        code.or_else(|| status.terminating_signal().map(Exit::Signal))
    }))
}
