//! Runs confiture for one call, and records it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use contract_catalogue::call::LINKS;
use contract_catalogue::front::{PYTHON, Started, started};
use contract_catalogue::normalise::{Names, normalise};
use contract_catalogue::project::names_in;
use contract_lab::confiture::python_of;
use rustix::process::Signal;
use serde_json::Value;
use walkdir::WalkDir;

use super::{BEGUN, LEDGER, Seen, TASK, Task, place, seen_in};

/// Wide enough that nothing is wrapped, as in the recordings.
const COLUMNS: &str = "1000";

/// The status when the wrapper itself fails; confiture has none above 8.
const FAILED: u8 = 99;

/// Acts as the wrapper when this program was started as one; `None` otherwise.
pub fn run_as_wrapper() -> Option<ExitCode> {
    let mut arguments = std::env::args();
    let link = PathBuf::from(arguments.next()?);
    if link.file_name()? != PYTHON {
        return None;
    }
    let task = fs::read(link.with_file_name(TASK)).ok()?;
    let directory = link.parent()?;
    let wrapped = match started(&link, arguments.collect()) {
        Started::Confiture(argv) => wrap(directory, &task, argv),
        Started::Ledger(report, argv) => wrap_ledger(directory, &task, &report, &argv),
    };
    Some(wrapped.unwrap_or_else(|error| {
        eprintln!("the gate's wrapper failed: {error:#}");
        ExitCode::from(FAILED)
    }))
}

fn wrap(directory: &Path, task: &[u8], argv: Vec<String>) -> anyhow::Result<ExitCode> {
    let task: Task = serde_json::from_slice(task)?;
    let mut seen = Seen {
        argv,
        ..Seen::default()
    };
    if let Some(version) = &task.version
        && seen.asks_version()
    {
        io::stdout().write_all(version.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = value_of("--output", &seen.argv).map(PathBuf::from);
    if let (true, Some(report)) = (task.unwritable_report, &report) {
        fs::create_dir_all(report)?;
    }
    let before = files(&task.project);
    let there = report.as_deref().map(beside).unwrap_or_default();
    let number = seen_in(directory)?.len();
    fs::write(directory.join(BEGUN), number.to_string())?;

    let output = Command::new(&task.program)
        .args(&seen.argv)
        .env("COLUMNS", COLUMNS)
        .stdin(Stdio::inherit())
        .output()?;
    let signal = output.status.signal().map(|signal| 128 + signal);
    seen.exit = output.status.code().or(signal).unwrap_or(i32::from(FAILED));
    (seen.stdout, seen.stderr) = (text(&output.stdout), text(&output.stderr));
    let links = value_of("--migrations-dir", &seen.argv);
    let links = links.filter(|directory| normalise(directory, &Names::new()) == LINKS);
    seen.links = links.and_then(|links| names_in(Path::new(links)).ok());
    if let Some((from, to)) = &task.says
        && seen.asks_version()
    {
        let said = |version: &str| format!("confiture version {version}");
        seen.stdout = seen.stdout.replacen(&said(from), &said(to), 1);
    }
    if let Some(report) = &report {
        seen.report = fs::read(report).ok().map(|bytes| text(&bytes));
        if seen.report.is_none() {
            let mut found = beside(report).into_iter();
            seen.elsewhere = found.find(|file| !there.contains(file));
        }
    }
    seen.files = files(&task.project);
    seen.files.retain(|file| !before.contains(file));
    fs::write(place(directory, number), serde_json::to_vec(&seen)?)?;
    io::stdout().write_all(seen.stdout.as_bytes())?;
    io::stderr().write_all(seen.stderr.as_bytes())?;
    Ok(end(seen.exit))
}

/// Reads the ledger with the Python of the installation.
fn wrap_ledger(
    directory: &Path,
    task: &[u8],
    report: &Path,
    argv: &[String],
) -> anyhow::Result<ExitCode> {
    let task: Task = serde_json::from_slice(task)?;
    let status = Command::new(python_of(&task.program)).args(argv).status()?;
    let kept = directory.join(LEDGER);
    if let Ok(read) = fs::read(report) {
        let read = without_lock(&read);
        fs::write(report, &read)?;
        // A rollback reads the ledger again afterwards.
        if !kept.exists() {
            fs::write(kept, read)?;
        }
    }
    Ok(end(status.code().unwrap_or(i32::from(FAILED))))
}

/// The same ledger, without any sign of a held migration lock. With it, the adapter would refuse to start
/// confiture, whose reaction to a held lock is to be judged.
fn without_lock(read: &[u8]) -> Vec<u8> {
    let Ok(mut ledger) = serde_json::from_slice::<Value>(read) else {
        return read.to_vec();
    };
    if let Some(is_locked) = ledger.pointer_mut("/answers/0/rows/0/1") {
        *is_locked = Value::Bool(false);
    }
    ledger.to_string().into_bytes()
}

/// The argument that follows an option.
fn value_of<'a>(option: &str, argv: &'a [String]) -> Option<&'a str> {
    let place = argv.iter().position(|argument| argument == option)?;
    argv.get(place + 1).map(String::as_str)
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
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    walk.filter_entry(|entry| entry.file_name() != "__pycache__")
        .flatten()
        .filter(|entry| !entry.file_type().is_dir())
        .filter_map(|entry| Some(entry.path().strip_prefix(root).ok()?.display().to_string()))
        .collect()
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
