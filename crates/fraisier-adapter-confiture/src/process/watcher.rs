//! Notices the death of the process around the adapter, whatever killed it, and stops the command.
//!
//! A watcher is a small shell that leads the process group of its command. It reads from a socket
//! whose other end only this process has, so its input ends when this process dies. The shell then
//! signals its own group, whose id no other group can have while the shell lives.
//!
//! A process that this one forked, and that has not called `exec`, has the other end too. Then the watcher
//! notices the death only when that process has ended as well.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;

use super::invocation::not_started;
use super::output::{RunError, is_shortage};

pub(super) const SHELL: &str = "/bin/sh";

/// What the shell runs. It first reports that it runs, then it waits for the end of its input. `$1` is the
/// directory of the report, which may not exist.
///
/// `SIGKILL` to the group would kill the shell too, before it could remove the directory. So the shell
/// sends `SIGVTALRM` first, which ends every process that does not handle it, and which the shell
/// ignores. A file that is created at that moment can keep the directory from being removed, so the
/// shell tries twice.
const SCRIPT: &str = r#"trap '' HUP INT QUIT TERM VTALRM
echo watching >&0
read -r end
kill -VTALRM 0
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
kill -KILL 0
"#;

/// What the shell prints, and how long it may take to print it.
const WORD: &[u8] = b"watching";
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Watcher {
    shell: Child,
    /// The shell lives until this is closed. No child of this process has it: `exec` closes it.
    alive: UnixStream,
}

impl Watcher {
    /// Starts a watcher, which leads a group of its own, and removes `directory` when this process
    /// dies. `None` where the shell is missing or is no shell.
    ///
    /// # Errors
    ///
    /// [`RunError::Program`] when the shell cannot be started for want of descriptors or processes.
    pub(super) fn start(shell: &str, directory: &Path) -> Result<Option<Self>, RunError> {
        let shell = Path::new(shell);
        let (alive, input) = UnixStream::pair().map_err(|error| not_started(shell, error))?;
        let mut command = Command::new(shell);
        command
            .args(["-c", SCRIPT, "confiture-watcher"])
            .arg(directory)
            .current_dir("/")
            .env_clear()
            .env("PATH", path())
            .stdin(OwnedFd::from(input))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let shell = match command.spawn() {
            Ok(shell) => shell,
            Err(error) if is_shortage(&error) => return Err(not_started(shell, error)),
            Err(_) => return Ok(None),
        };
        // The command keeps the other end of the socket open.
        drop(command);
        let watcher = Self { shell, alive };
        Ok(watcher.is_watching().then_some(watcher))
    }

    fn is_watching(&self) -> bool {
        let mut said = [0; WORD.len()];
        let limited = self.alive.set_read_timeout(Some(PATIENCE));
        let read = limited.and_then(|()| (&self.alive).read_exact(&mut said));
        read.is_ok() && said == WORD
    }

    /// The group that it leads.
    pub(super) fn group(&self) -> Pid {
        Pid::from_child(&self.shell)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The rest of the group is killed by now, or was never started.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Whether this process is able to stop its commands when it dies: it needs a shell for that.
///
/// # Errors
///
/// When the shell cannot be started for want of descriptors or processes.
pub fn can_watch() -> Result<bool, RunError> {
    Watcher::start(SHELL, Path::new("")).map(|watcher| watcher.is_some())
}

/// Where the shell finds `rm` and `sleep`.
fn path() -> OsString {
    let mut path = OsString::from("/usr/bin:/bin");
    if let Some(ours) = std::env::var_os("PATH") {
        path.push(":");
        path.push(ours);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shell_can_watch() {
        for (program, works) in [
            ("/bin/sh", true),
            ("/bin/true", false),
            ("/bin/echo", false),
            ("/nowhere/at/all/sh", false),
            ("/etc/passwd", false),
        ] {
            let watcher = Watcher::start(program, Path::new(""));
            assert_eq!(watcher.unwrap().is_some(), works, "{program}");
        }
    }
}
