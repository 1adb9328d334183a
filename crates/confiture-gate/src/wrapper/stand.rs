//! Runs confiture for one call, and records it.

use std::fs;
use std::io::{self, Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::JoinHandle;

use contract_catalogue::front::{PYTHON, Started, started};
use contract_catalogue::project::names_in;
use contract_lab::confiture::python_of;
use rustix::process::Signal;
use serde_json::Value;

use super::files::{beside, files, links_of, report_of};
use super::link::{LEDGER, TASK, begin, place, seen_in};
use super::seen::{Seen, asks_version};
use super::task::Task;

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
    let directory = link.parent()?.to_owned();
    let wrapped = match started(&link, arguments.collect()) {
        Started::Confiture(argv) => wrap(&directory, &task, &argv),
        Started::Ledger(report, argv) => wrap_ledger(&directory, &task, &report, &argv),
    };
    Some(match wrapped {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("the gate's wrapper failed: {error:#}");
            ExitCode::from(FAILED)
        }
    })
}

fn wrap(directory: &Path, task: &[u8], argv: &[String]) -> anyhow::Result<ExitCode> {
    let task: Task = serde_json::from_slice(task)?;
    if let Some(version) = &task.version
        && asks_version(argv)
    {
        io::stdout().write_all(version.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = report_of(argv);
    if let (true, Some(report)) = (task.unwritable_report, &report) {
        fs::create_dir_all(report)?;
    }
    let before = files(&task.project);
    let there = report.as_deref().map(beside).unwrap_or_default();
    let seen_before = seen_in(directory)?;
    begin(directory, seen_before.len())?;
    let mut seen = start(&task, argv)?;
    seen.argv = argv.to_vec();
    seen.links = links_of(argv).and_then(|links| names_in(&links).ok());
    if let Some((from, to)) = &task.says
        && asks_version(argv)
    {
        let said = |version: &str| format!("confiture version {version}");
        seen.stdout = seen.stdout.replacen(&said(from), &said(to), 1);
    }
    if let Some(report) = &report {
        seen.report = fs::read(report).ok().map(|bytes| text(&bytes));
    }
    if let (Some(report), None) = (&report, &seen.report) {
        let found = beside(report);
        seen.elsewhere = found.into_iter().find(|file| !there.contains(file));
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

/// Runs confiture to its end.
fn start(task: &Task, argv: &[String]) -> io::Result<Seen> {
    let mut child = Command::new(&task.program)
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
        ..Seen::default()
    })
}

fn drain(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // Output before a read error is still recorded.
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
