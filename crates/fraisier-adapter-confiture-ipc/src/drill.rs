//! Whether the caller is a drill of the engine, which this program must not migrate for.
//!
//! `fraisier backup drill` restores a backup into a throwaway database and asks the adapter to migrate
//! that. A program does not receive the connection string of the throwaway database: `DATABASE_URL` names
//! the live one, and nothing in the request differs from `fraisier db migrate`. Only the engine's command
//! line shows the difference.

use std::io;
use std::os::unix::process::parent_id;
use std::path::Path;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

use crate::request::Call;

/// The engine's program. A process of another name between it and this one is a wrapper.
const ENGINE: &str = "fraisier";

/// Refuses a call that would migrate the live database in place of a drill's throwaway one.
///
/// # Errors
///
/// `InvalidConfig` for `up` and `down_to` when the engine runs a drill.
pub(crate) fn refuse(call: &Call) -> Result<(), AdapterError> {
    if !matches!(call, Call::Up(..) | Call::DownTo(..)) {
        return Ok(());
    }
    let method = call.method();
    match is_in_drill(parent_id(), read_process) {
        Ok(false) => Ok(()),
        Ok(true) => {
            let message = format!(
                "`{method}` was refused: `fraisier backup drill` migrates a throwaway database, and gives \
                 an adapter program only the connection string of the live one. Nothing was started; the \
                 live database is unchanged. Next: run the drill with a fraisier that has this adapter \
                 compiled in, or with `[migration] adapter = \"confiture\"`"
            );
            Err(AdapterError {
                operation: Some(method.to_owned()),
                ..AdapterError::new(AdapterErrorKind::InvalidConfig, message)
            })
        }
        Err(why) => {
            tracing::warn!(
                %why,
                "The engine's command line cannot be read, so `{method}` runs although a `fraisier backup \
                 drill` would migrate the live database this way. Next: make sure that no drill uses this \
                 program"
            );
            Ok(())
        }
    }
}

/// A process, as far as it matters here.
#[derive(Debug, Clone)]
struct Process {
    parent: u32,
    arguments: Vec<String>,
}

impl Process {
    fn is_engine(&self) -> bool {
        let program = self.arguments.first().map(Path::new);
        program.and_then(Path::file_name) == Some(ENGINE.as_ref())
    }

    /// `fraisier … backup … drill …`.
    fn is_drill(&self) -> bool {
        let mut arguments = self.arguments.iter();
        arguments.any(|it| it == "backup") && arguments.any(|it| it == "drill")
    }
}

/// Whether the process `pid`, or the engine above it, runs a drill.
fn is_in_drill(mut pid: u32, read: impl Fn(u32) -> io::Result<Process>) -> io::Result<bool> {
    while pid != 0 {
        let process = read(pid)?;
        if process.is_drill() {
            return Ok(true);
        }
        if process.is_engine() {
            break;
        }
        pid = process.parent;
    }
    Ok(false)
}

#[cfg(target_os = "linux")]
fn read_process(pid: u32) -> io::Result<Process> {
    let directory = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(directory.join("status"))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    let line = std::fs::read(directory.join("cmdline"))?;
    Ok(Process {
        parent: number(parent.unwrap_or_default())?,
        arguments: line
            .split(|byte| *byte == 0)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect(),
    })
}

/// `ps` separates the arguments by blanks.
#[cfg(not(target_os = "linux"))]
fn read_process(pid: u32) -> io::Result<Process> {
    let output = std::process::Command::new("ps")
        .args(["-ww", "-o", "ppid=", "-o", "args=", "-p", &pid.to_string()])
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut words = printed.split_whitespace();
    Ok(Process {
        parent: number(words.next().unwrap_or_default())?,
        arguments: words.map(str::to_owned).collect(),
    })
}

fn number(text: &str) -> io::Result<u32> {
    let number = text.trim().parse();
    number.map_err(|_| io::Error::other("the parent of a process is not shown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chain of processes above this one, the nearest first.
    fn found(chain: &[&str]) -> io::Result<bool> {
        is_in_drill(1, |pid| {
            let line = chain[pid as usize - 1];
            if line == "unreadable" {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let last = pid as usize == chain.len();
            Ok(Process {
                parent: if last { 0 } else { pid + 1 },
                arguments: line.split(' ').map(str::to_owned).collect(),
            })
        })
    }

    #[test]
    fn a_drill_is_found_behind_options_and_wrappers() {
        for chain in [
            &["fraisier backup drill"][..],
            &["/usr/bin/fraisier --json backup --config fraisier.toml drill --state-dir s"],
            &["renamed-engine backup drill", "init"],
            &[
                "sh wrapper",
                "sudo -u shop",
                "fraisier backup drill",
                "init",
            ],
        ] {
            assert!(found(chain).unwrap(), "{chain:?}");
        }
    }

    #[test]
    fn nothing_else_is_a_drill() {
        for chain in [
            &["fraisier deploy"][..],
            &["fraisier backup prune"],
            &["fraisier drill backup"],
            &["fraisier backup-drill"],
            &["fraisier deploy --app-version backup-drill", "init"],
            // A script of this name that deploys.
            &["fraisier deploy", "nightly backup drill", "init"],
        ] {
            assert!(!found(chain).unwrap(), "{chain:?}");
        }
    }

    #[test]
    fn a_part_of_an_argument_is_no_drill() {
        let process = Process {
            parent: 0,
            arguments: ["engine", "deploy", "--app-version", "backup drill"]
                .map(str::to_owned)
                .to_vec(),
        };
        assert!(!process.is_drill());
    }

    #[test]
    fn an_unreadable_command_line_is_reported() {
        assert!(found(&["unreadable"]).is_err());
        assert!(found(&["sh wrapper", "unreadable"]).is_err());
        assert!(!found(&["fraisier deploy", "unreadable"]).unwrap());
    }

    #[test]
    fn this_process_and_its_parent_can_be_read() {
        let own = read_process(std::process::id()).unwrap();
        assert_eq!(own.parent, parent_id());
        assert!(
            own.arguments[0].contains("fraisier_adapter_confiture_ipc"),
            "{own:?}"
        );
        read_process(own.parent).unwrap();
    }
}
