//! Turns an [`Invocation`] into a running child: finds its program, and starts it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::Pid;

use super::invocation::Invocation;
use super::output::{Obstacle, RunError};

/// How often and after what pause a program that is open for writing is tried again.
const BUSY_RETRIES: (u32, Duration) = (25, Duration::from_millis(20));

/// Starts the command in the group of `leader`, or else in one of its own, with both output streams
/// piped.
pub(super) fn launch(
    invocation: &Invocation,
    report: &Path,
    private: &Path,
    leader: Option<Pid>,
) -> Result<Child, RunError> {
    enter(&invocation.cwd)?;
    let program = find_program(&invocation.program, invocation.env.get("PATH"))?;
    let mut command = Command::new(&program);
    command
        .args(invocation.argv(report, private))
        .current_dir(&invocation.cwd)
        .env_clear()
        .envs(invocation.env.iter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(leader.map_or(0, |leader| leader.as_raw_nonzero().get()));
    let (mut retries, pause) = BUSY_RETRIES;
    loop {
        match command.spawn() {
            Err(error)
                if error.raw_os_error() == Some(Errno::TXTBSY.raw_os_error()) && retries > 0 =>
            {
                retries -= 1;
                std::thread::sleep(pause);
            }
            Ok(child) => return Ok(child),
            Err(source) => return Err(not_started(&program, source)),
        }
    }
}

/// The file to execute. A path is taken relative to this process's directory, not to the one the
/// child starts in; a bare name is looked up in `path`. Without a `path`, and by an empty entry of
/// it, nothing is found: a program that lies in the working directory by chance is not started.
pub(crate) fn find_program(program: &Path, path: Option<&OsStr>) -> Result<PathBuf, RunError> {
    let refused = |obstacle, errno: Errno| RunError::Program {
        program: program.to_owned(),
        obstacle,
        source: errno.into(),
    };
    if program.components().count() != 1 || program.is_absolute() {
        return std::path::absolute(program).map_err(|_| refused(Obstacle::NotFound, Errno::NOENT));
    }
    let files: Vec<PathBuf> = std::env::split_paths(path.unwrap_or_default())
        .filter(|dir| !dir.as_os_str().is_empty())
        .filter_map(|dir| std::path::absolute(dir.join(program)).ok())
        .filter(|file| file.is_file())
        .collect();
    let mut usable = files
        .iter()
        .filter(|it| access(*it, Access::EXEC_OK).is_ok());
    match usable.next() {
        Some(file) => Ok(file.clone()),
        None if files.is_empty() => Err(refused(Obstacle::NotFound, Errno::NOENT)),
        None => Err(refused(Obstacle::NotExecutable, Errno::ACCESS)),
    }
}

/// The error of a program that could not be started.
pub(super) fn not_started(program: &Path, source: io::Error) -> RunError {
    RunError::Program {
        program: program.to_owned(),
        obstacle: obstacle(&source, program),
        source,
    }
}

/// Checks the working directory before the start, which fails with the same errno when the program is
/// missing.
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

fn obstacle(error: &io::Error, program: &Path) -> Obstacle {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) if program.exists() => Obstacle::NoInterpreter,
        Some(Errno::NOENT | Errno::NOTDIR) => Obstacle::NotFound,
        Some(Errno::ACCESS | Errno::PERM | Errno::ISDIR) => Obstacle::NotExecutable,
        Some(Errno::TXTBSY) => Obstacle::Busy,
        Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM) => Obstacle::Exhausted,
        _ => Obstacle::Other,
    }
}
