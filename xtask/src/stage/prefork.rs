//! Calls a release without starting Python each time.
//!
//! Most of a call is the import of confiture. Here one process of the release's own Python imports
//! it once and forks for each call, which then runs the same entry point as the binary. Recording
//! every release this way takes a quarter of the time; `--check` always starts the binary itself,
//! so whatever this would do differently shows there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use crate::lab::command::wait_for;
use crate::lab::interrupt;

const SERVER: &str = include_str!("prefork.py");

/// A Python that has imported one release.
#[derive(Debug)]
pub struct Prefork {
    child: Child,
    requests: Mutex<Option<ChildStdin>>,
}

/// One call, as the Python side reads it.
#[derive(Serialize)]
struct Request<'a> {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: &'a Path,
    stdout: &'a Path,
    stderr: &'a Path,
    status: &'a Path,
}

/// What one call left.
pub struct Output {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Prefork {
    /// Starts the Python beside `program` in the environment that `like` has.
    ///
    /// # Errors
    /// When it cannot be started or cannot import confiture.
    pub fn start(program: &Path, like: &Command) -> anyhow::Result<Self> {
        let mut command = Command::new(program.with_file_name("python"));
        command
            .args(["-c", SERVER])
            .env_clear()
            .envs(
                like.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start Python")?;
        let requests = Mutex::new(child.stdin.take());
        let mut ready = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut ready)?;
        }
        let this = Self { child, requests };
        ensure!(ready.trim() == "ready", "Python cannot import confiture");
        Ok(this)
    }

    /// Makes the call that `command` would make, with `scratch` for its files.
    ///
    /// # Errors
    /// When the call does not end within `limit`, or on an interrupt.
    pub fn call(
        &self,
        command: &Command,
        scratch: &Path,
        limit: Duration,
    ) -> anyhow::Result<Output> {
        let (stdout, stderr) = (scratch.join("stdout"), scratch.join("stderr"));
        let status = scratch.join("status");
        let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let program = std::iter::once(command.get_program());
        let request = Request {
            argv: program.chain(command.get_args()).map(text).collect(),
            env: command
                .get_envs()
                .filter_map(|(name, value)| Some((text(name), text(value?))))
                .collect(),
            cwd: command.get_current_dir().unwrap_or(scratch),
            stdout: &stdout,
            stderr: &stderr,
            status: &status,
        };
        let line = format!("{}\n", serde_json::to_string(&request)?);
        {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let requests = requests.as_mut().context("Python has no standard input")?;
            requests.write_all(line.as_bytes())?;
        }
        let deadline = Instant::now() + limit;
        while !status.exists() {
            interrupt::check()?;
            ensure!(Instant::now() < deadline, "confiture did not end in time");
            thread::sleep(Duration::from_millis(5));
        }
        let read =
            |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let output = Output {
            exit: read(&status)?.parse()?,
            stdout: read(&stdout)?,
            stderr: read(&stderr)?,
        };
        fs::remove_file(&status)?;
        Ok(output)
    }
}

impl Drop for Prefork {
    fn drop(&mut self) {
        // End of input ends it.
        drop(
            self.requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if !wait_for(&mut self.child, Duration::from_secs(3)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
