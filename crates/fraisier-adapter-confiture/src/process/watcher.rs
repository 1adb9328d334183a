//! Notices the death of the process around the adapter, whatever killed it, and stops the command.
//!
//! A watcher is a small shell that leads the process group which its command joins. Its input is a
//! socket whose other end only this process holds, so it ends when this process does. The shell is
//! alive then, and what it signals is its own group: that id cannot have gone to another.
//!
//! A process that this one forked, and that runs on without `exec`, holds the other end too, and so
//! keeps the watcher from noticing.

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

/// It reads the directory of the report, which may be empty, and the id of the command, and then
/// nothing more. `$1` is how many seconds an interrupted command may take to end; without it, the
/// command is killed.
///
/// When this process died before it told the id of the command, that is given its grace whole.
///
/// A kill of the group would kill the shell too, before it could remove the directory. So it sends
/// a signal first that is as deadly, that nobody handles, and that it ignores itself. What is being
/// written at that moment can keep the directory from being removed, so that is tried twice.
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
    /// The shell lives until this is closed. Closed on `exec`, so no child of this process has it.
    alive: UnixStream,
}

impl Watcher {
    /// Starts a watcher, which leads a group of its own. `None` where there is no shell.
    ///
    /// # Errors
    ///
    /// When the system is short of something that it takes.
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

    /// Tells it which directory goes when this process dies.
    pub(super) fn clears(&mut self, directory: &Path) {
        let directory = directory.as_os_str().as_bytes();
        // A shell reads lines, and half a path would be another one. What is left is swept some day.
        let line = if directory.contains(&b'\n') {
            b""
        } else {
            directory
        };
        self.tell(line);
    }

    /// Tells it which process may take a grace to end.
    pub(super) fn watches(&mut self, command: &Child) {
        self.tell(command.id().to_string().as_bytes());
    }

    fn tell(&mut self, line: &[u8]) {
        // A watcher that is gone cannot be told anything.
        let _ = self.alive.write_all(&[line, b"\n"].concat());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // By now the group is killed, or nothing was started in it.
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
