//! Turns an [`Invocation`] into a running child.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::error::{Obstacle, RunError};
use super::{Options, bytecode, disconnect};
use crate::process::{ChildEnv, Inherit, Invocation};

/// How often and after what pause a program that is open for writing is tried again.
const BUSY_RETRIES: (u32, Duration) = (25, Duration::from_millis(20));

/// The variables the child is to see.
fn environment(env: &ChildEnv, options: &Options) -> BTreeMap<OsString, OsString> {
    let passes = |name: &OsString| match &env.inherit {
        Inherit::All => true,
        Inherit::Only(names) => names.contains(name),
    };
    let mut variables: BTreeMap<_, _> = std::env::vars_os()
        .filter(|(name, _)| passes(name) && !env.remove.contains(name))
        .collect();
    variables.extend(env.set.clone());
    if let Some(interval) = options.server_disconnect_check {
        disconnect::provide(&mut variables, interval);
    }
    variables
}

/// Starts the command in a process group of its own, with both output streams piped.
pub(super) async fn launch(
    invocation: &Invocation,
    report: Option<&Path>,
    options: &Options,
) -> Result<Child, RunError> {
    enter(&invocation.cwd)?;
    let mut environment = environment(&invocation.env, options);
    let program = resolve(&invocation.program, environment.get(OsStr::new("PATH")))?;
    if options.bytecode_cache {
        bytecode::provide(&mut environment, &program);
    }
    let mut command = Command::new(&program);
    command
        .args(invocation.argv(report.unwrap_or(Path::new(""))))
        .current_dir(&invocation.cwd)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let (mut retries, pause) = BUSY_RETRIES;
    loop {
        match command.spawn() {
            Err(error)
                if error.raw_os_error() == Some(Errno::TXTBSY.raw_os_error()) && retries > 0 =>
            {
                retries -= 1;
                tokio::time::sleep(pause).await;
            }
            Ok(child) => return Ok(child),
            Err(source) => {
                let obstacle = obstacle(&source, &program);
                return Err(RunError::Program {
                    program,
                    obstacle,
                    source,
                });
            }
        }
    }
}

/// A directory that cannot be entered fails the start with the same errno as a missing program,
/// so it is looked at first.
fn enter(dir: &Path) -> Result<(), RunError> {
    let entered = match std::fs::metadata(dir) {
        Ok(found) if !found.is_dir() => Err(Errno::NOTDIR.into()),
        Ok(_) => access(dir, Access::EXEC_OK).map_err(io::Error::from),
        Err(error) => Err(error),
    };
    entered.map_err(|source| RunError::WorkDir {
        dir: dir.to_owned(),
        source,
    })
}

/// The file to execute. A path is taken relative to this process's directory, not to the one the
/// child starts in; a bare name is looked up in `PATH`.
fn resolve(program: &Path, path: Option<&OsString>) -> Result<PathBuf, RunError> {
    let refused = |obstacle, errno: Errno| RunError::Program {
        program: program.to_owned(),
        obstacle,
        source: errno.into(),
    };
    if program.components().count() != 1 || program.is_absolute() {
        return std::path::absolute(program).map_err(|_| refused(Obstacle::NotFound, Errno::NOENT));
    }
    let inherited = std::env::var_os("PATH");
    let mut unusable = false;
    for dir in std::env::split_paths(path.or(inherited.as_ref()).unwrap_or(&OsString::new())) {
        let Ok(candidate) = std::path::absolute(dir.join(program)) else {
            continue;
        };
        if candidate.is_file() {
            if access(&candidate, Access::EXEC_OK).is_ok() {
                return Ok(candidate);
            }
            unusable = true;
        }
    }
    Err(if unusable {
        refused(Obstacle::NotExecutable, Errno::ACCESS)
    } else {
        refused(Obstacle::NotFound, Errno::NOENT)
    })
}

fn obstacle(error: &io::Error, program: &Path) -> Obstacle {
    let Some(errno) = Errno::from_io_error(error) else {
        // The standard library refuses a NUL byte before it asks the system.
        return if error.kind() == io::ErrorKind::InvalidInput {
            Obstacle::Arguments
        } else {
            Obstacle::Other
        };
    };
    match errno {
        Errno::NOENT if program.exists() => Obstacle::NoInterpreter,
        Errno::NOENT | Errno::NOTDIR => Obstacle::NotFound,
        Errno::ACCESS | Errno::PERM | Errno::ISDIR => Obstacle::NotExecutable,
        Errno::NOEXEC => Obstacle::NotAProgram,
        Errno::TXTBSY => Obstacle::Busy,
        Errno::MFILE | Errno::NFILE => Obstacle::Descriptors,
        Errno::AGAIN | Errno::NOMEM => Obstacle::Resources,
        Errno::TOOBIG => Obstacle::Arguments,
        _ => Obstacle::Other,
    }
}
