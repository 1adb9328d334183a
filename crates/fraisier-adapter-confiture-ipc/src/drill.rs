//! Whether the caller is a drill of the engine, for which this program must not migrate.
//!
//! `fraisier backup drill` restores a backup into a throwaway database and asks the adapter to migrate
//! that. A program does not receive the connection string of the throwaway database: `DATABASE_URL` names
//! the live one, and nothing in the request differs from `fraisier db migrate`. Only the engine's command
//! line shows the difference. Where that cannot be read, as below `ssh` or in a container, the server is
//! asked whether there is a throwaway database.

use std::io;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind};
use fraisier_adapter_confiture::tools::python;
use fraisier_adapter_confiture::{Builder, ConfitureMigration};

use crate::request::Call;

/// The engine's program. A process of another name between it and this one is a wrapper.
const ENGINE: &str = "fraisier";

/// The commands of the engine that migrate. The first one in its command line is the one that runs.
const MIGRATING: [&str; 7] = [
    "backup",
    "db",
    "deploy",
    "rollback",
    "ship",
    "stack",
    "webhook-server",
];

const SCRIPT: &str = include_str!("throwaway.py");

/// How long asking the server may take: with the call itself, it has to fit into the engine's limit.
const LIMIT: Duration = Duration::from_secs(5);

/// Refuses a call that would migrate the live database in place of a drill's throwaway one.
///
/// # Errors
///
/// `InvalidConfig` for `up` and `down_to` when the engine runs a drill, or when the engine's command line
/// cannot be read and the server has a throwaway database.
pub(crate) async fn refuse(call: &Call, builder: Builder) -> Result<(), AdapterError> {
    let (Call::Up(ctx, _) | Call::DownTo(ctx, _)) = call else {
        return Ok(());
    };
    let method = call.method();
    let why = match is_in_drill(parent_id(), read_process) {
        Ok(false) => return Ok(()),
        Ok(true) => return Err(refusal(method, "", "")),
        Err(why) => why,
    };
    // Without the check, a pooler does not refuse the connection.
    let adapter = builder.server_disconnect_check(None).build();
    match throwaways(&adapter, ctx).await {
        Some(names) if names.is_empty() => Ok(()),
        Some(names) => {
            let seen = format!(
                "the server has the database {}, into which a drill or a rehearsal of fraisier restored a \
                 backup, and it is unknown whether this caller did that, because {why}. ",
                names.join(", ")
            );
            let next = "; if neither a drill nor a rehearsal is running, drop that database";
            Err(refusal(method, &seen, next))
        }
        None => {
            tracing::warn!(
                %why,
                "Neither the engine's command line nor the server's databases can be read, so `{method}` runs \
                 although a `fraisier backup drill` would migrate the live database this way. Next: make sure \
                 that no drill uses this program"
            );
            Ok(())
        }
    }
}

fn refusal(method: &str, seen: &str, next: &str) -> AdapterError {
    let message = format!(
        "`{method}` was refused: {seen}`fraisier backup drill` migrates a throwaway database, and gives an \
         adapter program only the connection string of the live one; the live database is \
         unchanged. Next: run the drill with a fraisier that has this adapter compiled in, or \
         with `[migration] adapter = \"confiture\"`{next}"
    );
    AdapterError {
        operation: Some(method.to_owned()),
        ..AdapterError::new(AdapterErrorKind::InvalidConfig, message)
    }
}

/// The throwaway databases of the live one; `None` where the server cannot be asked.
async fn throwaways(adapter: &ConfitureMigration, ctx: &AdapterCtx) -> Option<Vec<String>> {
    let report = python(adapter, ctx, SCRIPT, Vec::new(), LIMIT).await;
    serde_json::from_slice(&report.ok()?.ok()?).ok()
}

/// What is read of a process.
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
        let mut arguments = self.arguments.iter().skip(1);
        let command = arguments.find(|it| MIGRATING.contains(&it.as_str()));
        command.is_some_and(|it| it == "backup") && arguments.any(|it| it == "drill")
    }
}

/// Whether the process `pid`, or the engine above it, runs a drill. An error if the engine is not found.
fn is_in_drill(mut pid: u32, read: impl Fn(u32) -> io::Result<Process>) -> io::Result<bool> {
    while pid != 0 {
        let process = read(pid)?;
        if process.is_drill() {
            return Ok(true);
        }
        if process.is_engine() {
            return Ok(false);
        }
        pid = process.parent;
    }
    Err(io::Error::other(
        "no process above this program is fraisier",
    ))
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
                "sudo -u deploy",
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
            &["fraisier --json deploy --state-dir backup --app-version drill"],
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
    fn an_engine_that_is_not_found_is_reported() {
        assert!(found(&["sh wrapper", "sshd", "init"]).is_err());
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
