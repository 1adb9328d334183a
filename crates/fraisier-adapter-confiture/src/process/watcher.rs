//! Notices the death of the process around the adapter, whatever killed it, and stops the command.
//!
//! A watcher is a small shell that leads the process group of its command. It reads from a socket
//! whose other end only this process holds, so its input ends when this process dies. The shell then
//! signals its own group, whose id no other group can have while the shell lives.
//!
//! A process that this one forked, and that runs on without `exec`, holds the other end too. The
//! watcher notices the death only when that process ends, too.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use rustix::process::Pid;

use super::error::RunError;
use super::launch::not_started;
use super::options::Options;

const SHELL: &str = "/bin/sh";

/// What the shell runs. It waits for the end of its input. `$1` is the directory of the report, which
/// may be empty.
///
/// `SIGKILL` to the group would kill the shell too, before it could remove the directory. So the shell
/// sends `SIGVTALRM` first, which ends every process that does not handle it, and which the shell
/// ignores. A file that is created at that moment can keep the directory from being removed, so the
/// shell tries twice.
pub(super) const SCRIPT: &str = r#"trap '' HUP INT QUIT TERM VTALRM
read -r end
kill -VTALRM 0
if [ -n "$1" ]; then
  rm -rf "$1" || { sleep 1; rm -rf "$1"; }
fi
kill -KILL 0
"#;

pub(super) struct Watcher {
    shell: Child,
    /// The shell lives until this is closed. No child of this process has it: `exec` closes it.
    _alive: UnixStream,
}

impl Watcher {
    /// Starts a watcher, which leads a group of its own, and removes `directory` when this process
    /// dies. `None` where there is no `/bin/sh`.
    ///
    /// # Errors
    ///
    /// [`RunError::Program`] when the shell cannot be started for another reason, such as the limit of
    /// descriptors or of processes.
    pub(super) fn start(options: &Options, directory: &Path) -> Result<Option<Self>, RunError> {
        if !options.watched {
            return Ok(None);
        }
        let shell = Path::new(SHELL);
        let (alive, input) = UnixStream::pair().map_err(|error| not_started(shell, error))?;
        let mut command = Command::new(SHELL);
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
        match command.spawn() {
            Ok(shell) => Ok(Some(Self {
                shell,
                _alive: alive,
            })),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
            {
                missing(&error);
                Ok(None)
            }
            Err(error) => Err(not_started(shell, error)),
        }
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

/// Where the shell finds `rm` and `sleep`.
fn path() -> OsString {
    let mut path = OsString::from("/usr/bin:/bin");
    if let Some(ours) = std::env::var_os("PATH") {
        path.push(":");
        path.push(ours);
    }
    path
}

/// Warns once in a process that nobody watches.
fn missing(error: &io::Error) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            %error,
            "{SHELL} cannot be started: when the process around the adapter is killed, nothing \
             stops the command that it was running"
        );
    });
}
