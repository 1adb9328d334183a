//! Finds the file of a program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::error::{Obstacle, RunError};

/// The file to execute. A path is taken relative to this process's directory, not to the one the
/// child starts in; a bare name is looked up in `path`. Without a `path`, and by an empty entry of
/// it, nothing is found: a program that lies in the working directory by chance is not started.
pub(crate) fn find(program: &Path, path: Option<&OsStr>) -> Result<PathBuf, RunError> {
    let refused = |obstacle, errno: Errno| RunError::Program {
        program: program.to_owned(),
        obstacle,
        source: errno.into(),
    };
    if program.components().count() != 1 || program.is_absolute() {
        return std::path::absolute(program).map_err(|_| refused(Obstacle::NotFound, Errno::NOENT));
    }
    let mut unusable = false;
    for dir in std::env::split_paths(path.unwrap_or_default()) {
        if dir.as_os_str().is_empty() {
            continue;
        }
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
