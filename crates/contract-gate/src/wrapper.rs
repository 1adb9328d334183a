//! The program that stands in front of confiture while a case runs: it writes down what confiture
//! did, so that it can be compared, and hands everything on as it was.
//!
//! It is this same program, started through a link. What it is to do lies beside the link, so each
//! case has a wrapper of its own and many can run at the same time.

use std::fs;
use std::io::{self, Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::JoinHandle;

use anyhow::Context as _;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::self_test::tamper::Tamper;

/// What the wrapper is to do, beside the link it is started by.
const TASK: &str = "wrapper.json";
/// The name of the link.
const LINK: &str = "confiture";
/// What was seen of each call, numbered.
const SEEN: &str = "seen";
/// Wide enough that nothing is wrapped; the recordings were made so.
const COLUMNS: &str = "1000";
/// The status when the wrapper itself fails; confiture has none above 8.
const FAILED: u8 = 99;

/// What the wrapper is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The binary it stands in front of.
    pub program: PathBuf,
    /// What `--version` prints, once it is known: it is asked before many calls.
    pub version: Option<String>,
    /// The version that it says it has, and the one that it is to say: the adapter refuses what is
    /// no final release, and the rest is to be judged all the same.
    pub says: Option<(String, String)>,
    /// The project, in which no file should be left.
    pub project: PathBuf,
    /// Whether a directory stands where the report is to be written.
    pub unwritable_report: bool,
    /// What is played in place of confiture, in a self-test.
    pub play: Option<Play>,
    /// What is changed on the way, in a self-test.
    pub tamper: Option<Tamper>,
}

/// What confiture did before, to be done again without it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Play {
    /// The answer to `--version`.
    pub version: Seen,
    /// The other calls, in order.
    pub calls: Vec<Seen>,
}

impl Play {
    /// The answer to the call that comes after `before` others.
    fn answer(&self, argv: &[String], before: usize) -> Option<Seen> {
        if argv == ["--version"] {
            return Some(self.version.clone());
        }
        let call = self.calls.get(before)?;
        let same = call.argv.get(..2) == argv.get(..2);
        same.then(|| call.clone())
    }
}

/// What was seen of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What followed the program name.
    pub argv: Vec<String>,
    /// The exit status; 128 and the number of the signal for one that a signal ended.
    pub exit: i32,
    /// What was written where the report belongs.
    pub report: Option<String>,
    /// A file beside the place where the report belongs.
    pub elsewhere: Option<String>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Files that the working directory has afterwards and had not before.
    pub files: Vec<String>,
    /// Whether the call was made; a self-test can answer in confiture's place.
    pub made: bool,
}

/// A wrapper in a directory of its own.
#[derive(Debug)]
pub struct Wrapper {
    directory: tempfile::TempDir,
}

impl Wrapper {
    /// Puts the link and its task in place. `myself` is the program that calls
    /// [`run_as_wrapper`] when it starts.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(myself: &Path, task: &Task) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("confiture-gate-")
            .tempdir()?;
        fs::create_dir(directory.path().join(SEEN))?;
        fs::write(directory.path().join(TASK), serde_json::to_vec(task)?)?;
        std::os::unix::fs::symlink(myself, directory.path().join(LINK))?;
        Ok(Self { directory })
    }

    /// The program to start.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.directory.path().join(LINK)
    }

    /// What was seen, in the order of the calls.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn seen(&self) -> io::Result<Vec<Seen>> {
        seen_in(self.directory.path())
    }
}

fn seen_in(directory: &Path) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    while let Ok(bytes) = fs::read(place(directory, seen.len())) {
        seen.push(serde_json::from_slice(&bytes)?);
    }
    Ok(seen)
}

fn place(directory: &Path, number: usize) -> PathBuf {
    directory.join(SEEN).join(format!("{number}.json"))
}

/// Acts as the wrapper when this program was started as one; `None` otherwise.
#[must_use]
pub fn run_as_wrapper() -> Option<ExitCode> {
    let mut arguments = std::env::args();
    let link = PathBuf::from(arguments.next()?);
    if link.file_name()? != LINK {
        return None;
    }
    let task = fs::read(link.with_file_name(TASK)).ok()?;
    let argv: Vec<String> = arguments.collect();
    let directory = link.parent()?.to_owned();
    Some(match wrap(&directory, &task, &argv) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("the gate's wrapper failed: {error:#}");
            ExitCode::from(FAILED)
        }
    })
}

fn wrap(directory: &Path, task: &[u8], argv: &[String]) -> anyhow::Result<ExitCode> {
    let task: Task = serde_json::from_slice(task)?;
    if let (Some(version), [only]) = (&task.version, argv)
        && only == "--version"
    {
        io::stdout().write_all(version.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    // An interrupt is for confiture, which is in the same process group, and this one sees it end.
    ctrlc::set_handler(|| {})?;
    let report = report_of(argv);
    if let (true, Some(report)) = (task.unwritable_report, &report) {
        fs::create_dir_all(report)?;
    }
    let before = files(&task.project);
    let beside = report.as_deref().map(beside).unwrap_or_default();
    let seen_before = seen_in(directory)?;
    let tamper = task.tamper.as_ref();
    let mut seen = if let Some(seen) = tamper.and_then(|tamper| tamper.instead(argv)) {
        seen
    } else if let Some(play) = &task.play {
        let calls = seen_before.iter().filter(|call| call.argv != ["--version"]);
        let seen = play.answer(argv, calls.count());
        let seen = seen.context("nothing was seen of such a call")?;
        if let (Some(report), Some(text)) = (&report, &seen.report) {
            fs::write(report, text)?;
        }
        seen
    } else {
        let asked = tamper.map_or_else(|| argv.to_vec(), |tamper| tamper.argv(argv));
        let deaf = tamper.is_some_and(|tamper| tamper.is_deaf(argv));
        start(&task, &asked, deaf)?
    };
    seen.argv = argv.to_vec();
    if let (Some((from, to)), Some("--version")) = (&task.says, argv.first().map(String::as_str)) {
        let said = |version: &str| format!("confiture version {version}");
        seen.stdout = seen.stdout.replacen(&said(from), &said(to), 1);
    }
    if let Some(report) = &report {
        seen.report = fs::read(report).ok().map(|bytes| text(&bytes));
    }
    if let Some(tamper) = &task.tamper {
        tamper.after(argv, &mut seen, report.as_deref())?;
    }
    if let (Some(report), None) = (&report, &seen.report) {
        let found = self::beside(report);
        seen.elsewhere = found.into_iter().find(|file| !beside.contains(file));
    }
    seen.files = files(&task.project)
        .into_iter()
        .filter(|file| !before.contains(file))
        .collect();
    fs::write(
        place(directory, seen_before.len()),
        serde_json::to_vec(&seen)?,
    )?;
    io::stdout().write_all(seen.stdout.as_bytes())?;
    io::stderr().write_all(seen.stderr.as_bytes())?;
    Ok(end(seen.exit))
}

/// Runs confiture to its end.
fn start(task: &Task, argv: &[String], deaf: bool) -> io::Result<Seen> {
    let mut command = if deaf {
        // What is ignored when a program starts, Python goes on to ignore.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"trap "" INT; exec "$0" "$@""#]);
        shell.arg(&task.program);
        shell
    } else {
        Command::new(&task.program)
    };
    let mut child = command
        .args(argv)
        .env("COLUMNS", COLUMNS)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = child.wait()?;
    let signal = status.signal().map(|signal| 128 + signal);
    Ok(Seen {
        exit: status.code().or(signal).unwrap_or(i32::from(FAILED)),
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
        made: true,
        ..Seen::default()
    })
}

fn drain(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before an error is still what it printed.
            let _ = stream.read_to_end(&mut bytes);
        }
        text(&bytes)
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Ends as confiture ended.
fn end(exit: i32) -> ExitCode {
    if let Some(signal) = Signal::from_named_raw(exit - 128)
        && exit != 130
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
    ExitCode::from(u8::try_from(exit).unwrap_or(FAILED))
}

/// The path that follows `--output`.
fn report_of(argv: &[String]) -> Option<PathBuf> {
    let place = argv.iter().position(|argument| argument == "--output")?;
    argv.get(place + 1).map(PathBuf::from)
}

/// The files in the directory of the report, without the report itself.
fn beside(report: &Path) -> Vec<String> {
    let entries = report.parent().map(fs::read_dir);
    let entries = entries.into_iter().flatten().flatten().flatten();
    entries
        .filter(|entry| entry.path() != report && entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The files below `root`, by path. Python's caches say nothing.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let cache = entry.file_name() == "__pycache__";
            if path.is_dir() && !path.is_symlink() && !cache {
                directories.push(path);
            } else if !cache {
                let path = path.strip_prefix(root).unwrap_or(&path);
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}
