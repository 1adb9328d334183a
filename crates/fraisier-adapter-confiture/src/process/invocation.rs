//! A command as data, and its start.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::Pid;

use super::output::{Obstacle, RunError, is_shortage};

/// How often a start is repeated while the file of the program is open for writing, and the pause before
/// each repetition.
const BUSY_RETRIES: (u32, Duration) = (25, Duration::from_millis(20));

/// One argument of an [`Invocation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// An argument known when the command is built.
    Literal(OsString),
    /// Stands for the path of the report file, which exists only once the command runs.
    ReportPath,
    /// Stands for the path of a directory of links, which exists only while the command runs.
    Links(Links),
}

/// Links below a private directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The directory that the command gets.
    pub directory: PathBuf,
    /// Each link, and the absolute path that it points to. Links are in that directory, and beside the
    /// directories that contain it.
    pub targets: BTreeMap<PathBuf, PathBuf>,
}

impl<T: AsRef<OsStr> + ?Sized> From<&T> for Arg {
    fn from(text: &T) -> Self {
        Self::Literal(text.as_ref().to_owned())
    }
}

/// All variables that a child sees. Values may be secrets, so `Debug` prints names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn inherited() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of a variable.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.0.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Removes a variable, and returns its value.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        self.0.remove(name.as_ref())
    }

    /// Every variable and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let variables = self.0.iter();
        variables.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A command that has not been run, with everything that its child gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program: a path, or a bare name looked up in the `PATH` of `env`.
    pub program: PathBuf,
    /// What follows the program name.
    pub args: Vec<Arg>,
    /// The directory the child starts in.
    pub cwd: PathBuf,
    /// The environment the child sees.
    pub env: Environment,
}

impl Invocation {
    /// Whether the command writes a report file.
    #[must_use]
    pub fn writes_report(&self) -> bool {
        self.args.contains(&Arg::ReportPath)
    }

    /// The links, if the command reads some.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.args.iter().find_map(|arg| match arg {
            Arg::Links(links) => Some(links),
            Arg::Literal(_) | Arg::ReportPath => None,
        })
    }

    /// The arguments, in which the path of the report, and that of the directory of links, which is below
    /// `private`, replace what stands for them.
    #[must_use]
    pub fn argv(&self, report: &Path, private: &Path) -> Vec<OsString> {
        self.args
            .iter()
            .map(|arg| match arg {
                Arg::Literal(text) => text.clone(),
                Arg::ReportPath => report.as_os_str().to_owned(),
                Arg::Links(links) => private.join(&links.directory).into_os_string(),
            })
            .collect()
    }
}

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
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && retries > 0 => {
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
    let refused =
        |obstacle, errno: Errno| RunError::Program(program.to_owned(), obstacle, errno.into());
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
pub(super) fn not_started(program: &Path, error: io::Error) -> RunError {
    RunError::Program(program.to_owned(), obstacle(&error, program), error)
}

/// Checks the working directory before the start, which fails with the same errno when the program is
/// missing.
fn enter(dir: &Path) -> Result<(), RunError> {
    access(dir.join("."), Access::EXEC_OK)
        .map_err(|errno| RunError::WorkDir(dir.to_owned(), errno.into()))
}

fn obstacle(error: &io::Error, program: &Path) -> Obstacle {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) if program.exists() => Obstacle::NoInterpreter,
        Some(Errno::NOENT | Errno::NOTDIR) => Obstacle::NotFound,
        Some(Errno::ACCESS | Errno::PERM | Errno::ISDIR) => Obstacle::NotExecutable,
        Some(Errno::TXTBSY) => Obstacle::Busy,
        _ if is_shortage(error) => Obstacle::Exhausted,
        _ => Obstacle::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_names_of_variables_and_no_value() {
        let mut env = Environment::default();
        env.set("DATABASE_URL", "hunter2");
        assert_eq!(format!("{env:?}"), r#"{"DATABASE_URL"}"#);
    }

    #[test]
    fn the_inherited_environment_is_that_of_this_process() {
        let path = std::env::var_os("PATH");
        assert_eq!(Environment::inherited().get("PATH"), path.as_deref());
        assert!(path.is_some(), "cargo sets it");
    }

    #[test]
    fn the_report_path_is_filled_into_the_arguments() {
        let mut command = Invocation {
            program: "confiture".into(),
            args: vec![Arg::from("--output")],
            cwd: ".".into(),
            env: Environment::default(),
        };
        assert!(!command.writes_report());
        command.args.push(Arg::ReportPath);
        assert!(command.writes_report());
        let argv = command.argv(Path::new("/tmp/report"), Path::new(""));
        assert_eq!(argv, ["--output", "/tmp/report"]);
    }

    #[test]
    fn the_directory_of_links_is_filled_into_the_arguments() {
        let mut command = Invocation {
            program: "confiture".into(),
            args: vec![Arg::from("--migrations-dir")],
            cwd: ".".into(),
            env: Environment::default(),
        };
        assert_eq!(command.links(), None);
        let links = Links {
            directory: "links".into(),
            targets: [("links/001_a.up.sql".into(), "/m/001_a.up.sql".into())].into(),
        };
        command.args.push(Arg::Links(links.clone()));
        assert_eq!(command.links(), Some(&links));
        let argv = command.argv(Path::new(""), Path::new("/tmp"));
        assert_eq!(argv, ["--migrations-dir", "/tmp/links"]);
    }
}
