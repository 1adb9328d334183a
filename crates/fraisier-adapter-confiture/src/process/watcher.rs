//! Notices the death of the process around the adapter, whatever killed it, and stops the command.
//!
//! A watcher is a small shell that leads the process group of its command. It reads from a socket
//! whose other end only this process holds, so its input ends when this process dies. The shell then
//! signals its own group, whose id no other group can have while the shell lives.
//!
//! A process that this one forked, and that runs on without `exec`, holds the other end too. The
//! watcher notices the death only when that process ends, too.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use rustix::process::Pid;

use super::error::RunError;
use super::launch::not_started;
use super::options::{Options, Stop};

const SHELL: &str = "/bin/sh";

/// What the shell runs. It reads two lines, the directory of the report, which may be empty, and the
/// id of the command, and then waits for the end of its input. `$1` is how many seconds an interrupted
/// command may take to end; without it, the command is killed.
///
/// When this process died before it wrote the id of the command, the shell waits for the whole grace.
///
/// `SIGKILL` to the group would kill the shell too, before it could remove the directory. So the shell
/// sends `SIGVTALRM` first, which ends every process that does not handle it, and which the shell
/// ignores. A file that is created at that moment can keep the directory from being removed, so the
/// shell tries twice.
pub(super) const SCRIPT: &str = r#"trap '' HUP INT QUIT TERM VTALRM
IFS= read -r directory
read -r command
read -r end
if [ -n "$1" ]; then
  kill -INT 0
  kill -CONT 0
  left=$1
  while [ "$left" -gt 0 ] && { [ -z "$command" ] || kill -0 "$command"; }; do
    sleep 1
    left=$((left - 1))
    [ "$left" -eq $(($1 / 2)) ] && kill -INT 0
  done
fi
kill -VTALRM 0
if [ -n "$directory" ]; then
  rm -rf "$directory" || { sleep 1; rm -rf "$directory"; }
fi
kill -KILL 0
"#;

/// The longest grace that every shell can count.
const LONGEST_GRACE: u64 = i32::MAX as u64;

pub(super) struct Watcher {
    shell: Child,
    /// The shell lives until this is closed. No child of this process has it: `exec` closes it.
    alive: UnixStream,
}

impl Watcher {
    /// Starts a watcher, which leads a group of its own. `None` where there is no `/bin/sh`.
    ///
    /// # Errors
    ///
    /// [`RunError::Program`] when the shell cannot be started for another reason, such as the limit of
    /// descriptors or of processes.
    pub(super) fn start(options: &Options) -> Result<Option<Self>, RunError> {
        if !options.watched {
            return Ok(None);
        }
        let shell = Path::new(SHELL);
        let (alive, input) = UnixStream::pair().map_err(|error| not_started(shell, error))?;
        let mut command = Command::new(SHELL);
        command
            .args(["-c", SCRIPT, "confiture-watcher"])
            .current_dir("/")
            .env_clear()
            .env("PATH", path())
            .stdin(OwnedFd::from(input))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        if options.stop == Stop::Interrupt {
            let grace = options.grace.as_secs().saturating_add(1);
            command.arg(grace.min(LONGEST_GRACE).to_string());
        }
        match command.spawn() {
            Ok(shell) => Ok(Some(Self { shell, alive })),
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

    /// Tells it which directory to remove when this process dies.
    pub(super) fn clears(&mut self, directory: &Path) {
        let directory = directory.as_os_str().as_bytes();
        // The shell reads lines, and would remove another path. A later sweep removes this directory.
        let line = if directory.contains(&b'\n') {
            b""
        } else {
            directory
        };
        self.tell(line);
    }

    /// Tells it the command, which may take the grace to end.
    pub(super) fn watches(&mut self, command: &Child) {
        self.tell(command.id().to_string().as_bytes());
    }

    fn tell(&mut self, line: &[u8]) {
        // The watcher may be gone.
        let _ = self.alive.write_all(&[line, b"\n"].concat());
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
