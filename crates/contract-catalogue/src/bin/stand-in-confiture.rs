//! Stands in for `confiture`: plays the calls of a script, and fails on any other call.
//!
//! The script is in the directory of the name that this program was started by. Each replay starts it
//! through a link of its own, so many can run at the same time.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, io};

use contract_catalogue::call::{LINKS, REPORT};
use contract_catalogue::front::{Started, started};
use contract_catalogue::normalise::{Names, normalise};
use contract_catalogue::project::names_in;
use contract_catalogue::script::{Line, NOT_ALLOWED, SCRIPT, Script, log_of};

fn main() -> ExitCode {
    let mut arguments = env::args();
    let program = PathBuf::from(arguments.next().unwrap_or_default());
    let played = match started(&program, arguments.collect()) {
        Started::Confiture(argv) => play(&program, &argv),
        Started::Ledger(report, _) => play_ledger(&program, &report),
    };
    match played {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => {
            eprintln!("the stand-in cannot play: {error}");
            ExitCode::from(NOT_ALLOWED)
        }
    }
}

fn script(program: &Path) -> io::Result<Script> {
    let text = fs::read(program.with_file_name(SCRIPT))?;
    Ok(serde_json::from_slice(&text)?)
}

fn play_ledger(program: &Path, report: &Path) -> io::Result<u8> {
    let script = script(program)?;
    let ledger = match played(&log_of(program))? {
        0 => script.ledger,
        _ => script.ledger_after.or(script.ledger),
    };
    match ledger {
        Some(ledger) => fs::write(report, ledger.to_string()).map(|()| 0),
        None => Ok(NOT_ALLOWED),
    }
}

fn play(program: &Path, argv: &[String]) -> io::Result<u8> {
    let script = script(program)?;
    let (argv, report) = without_report(argv);
    let (argv, links) = without_links(argv)?;
    let log = log_of(program);
    let variable = |name: &str| env::var(name).ok();
    match script.answer(played(&log)?, &argv, links.as_deref(), variable) {
        Ok((call, line)) => {
            append(&log, &line)?;
            let here = |text: &str| text.replace(REPORT, report.as_deref().unwrap_or(REPORT));
            if let (Some(path), Some(text)) = (&report, &call.report) {
                fs::write(path, here(text))?;
            }
            io::stdout().write_all(here(&call.stdout).as_bytes())?;
            io::stderr().write_all(here(&call.stderr).as_bytes())?;
            Ok(call.exit)
        }
        Err(why) => {
            append(&log, &Line::NotAllowed(why.clone()))?;
            eprintln!("the stand-in was {why}");
            Ok(NOT_ALLOWED)
        }
    }
}

/// The arguments with the report's path replaced by its placeholder, and that path.
fn without_report(argv: &[String]) -> (Vec<String>, Option<String>) {
    let mut argv = argv.to_vec();
    let place = argv.iter().position(|argument| argument == "--output");
    let report = place.and_then(|place| argv.get_mut(place + 1));
    let path = report.map(|argument| std::mem::replace(argument, REPORT.to_owned()));
    (argv, path)
}

/// The arguments with the path of a directory of links replaced by its placeholder, and the names in
/// that directory.
fn without_links(mut argv: Vec<String>) -> io::Result<(Vec<String>, Option<Vec<String>>)> {
    for argument in &mut argv {
        if normalise(argument, &Names::new()) == LINKS {
            let names = names_in(Path::new(argument.as_str()))?;
            LINKS.clone_into(argument);
            return Ok((argv, Some(names)));
        }
    }
    Ok((argv, None))
}

/// How many of the ordered calls have been played.
fn played(log: &Path) -> io::Result<usize> {
    let text = match fs::read_to_string(log) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let in_order = serde_json::to_string(&Line::InOrder)?;
    Ok(text.lines().filter(|line| *line == in_order).count())
}

fn append(log: &Path, line: &Line) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(log)?;
    writeln!(file, "{}", serde_json::to_string(line)?)
}
