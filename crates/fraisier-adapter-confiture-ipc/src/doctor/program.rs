//! Whether confiture can be run, and which it is.

use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::capability::{FLOORS, Need};
use fraisier_adapter_confiture::tools::process::{RunError, can_watch, program_of};
use fraisier_adapter_confiture::{ConfitureMigration, ConfitureVersion, VARIABLES};

use super::finding::{Finding, Grade};
use crate::options::{self, Caller, found_by, is_executable};

/// The newest release with recordings. A test compares it with the index of the recordings, which is in
/// no package.
const NEWEST_RECORDED: &str = "1.29.0";

const VERSION: &str = "version";

const PREFIX: &str = "FRAISIER_CONFITURE_";

/// How long `--version` may take. It touches no database.
const PATIENCE: Duration = Duration::from_secs(20);

/// The release, where confiture can be run, and what was found.
pub(super) async fn examine(
    adapter: &ConfitureMigration,
    confiture: Option<&Path>,
) -> (Option<ConfitureVersion>, Vec<Finding>) {
    let program = program(adapter, found_by(confiture));
    if program.grade == Grade::Fail {
        return (None, vec![program]);
    }
    let (version, finding) = version(adapter).await;
    (version, vec![program, finding, watcher()])
}

/// The adapter, and the variables that configure it.
pub(super) fn variables(confiture: Option<&Path>) -> (Option<ConfitureMigration>, Finding) {
    const CHECK: &str = "variables";
    let adapter = match options::builder(Caller::Person, confiture) {
        Ok(builder) => builder.build(),
        Err(error) => return (None, Finding::new(CHECK, Grade::Fail, error.message)),
    };
    let set = env::vars_os().filter(|(_, value)| !value.is_empty());
    let set = set.filter_map(|(name, _)| name.into_string().ok());
    let set = set.filter(|name| name.starts_with(PREFIX));
    let is_read = |name: &String| VARIABLES.iter().any(|variable| variable.name == name);
    let (known, unknown): (Vec<String>, Vec<String>) = set.partition(is_read);
    let (grade, text) = match (&*known, &*unknown) {
        ([], []) => (Grade::Ok, "none is set: the defaults hold".to_owned()),
        (known, []) => (Grade::Ok, format!("understood: {}", known.join(", "))),
        (_, unknown) => {
            let next = "`--help` lists the variables";
            let text = format!("nothing reads {}. Next: {next}", unknown.join(", "));
            (Grade::Warn, text)
        }
    };
    (Some(adapter), Finding::new(CHECK, grade, text))
}

/// The binary that the adapter runs, by which rule it is found, and the interpreter that it names.
fn program(adapter: &ConfitureMigration, rule: &str) -> Finding {
    const CHECK: &str = "program";
    let file = match program_of(adapter) {
        Ok(file) if is_executable(&file) => file,
        Ok(file) | Err(RunError::Program(file, ..)) => {
            let text = format!(
                "no program {} ({rule}). Next: pip install fraiseql-confiture, put it on PATH, or name it \
                 with --confiture or FRAISIER_CONFITURE_BIN",
                file.display()
            );
            return Finding::new(CHECK, Grade::Fail, text);
        }
        Err(error) => return Finding::new(CHECK, Grade::Unknown, error.to_string()),
    };
    let found = format!("{} ({rule})", file.display());
    let Some(interpreter) = interpreter(&file) else {
        return Finding::new(CHECK, Grade::Ok, found);
    };
    let runs = interpreter.display();
    if is_executable(&interpreter) {
        Finding::new(CHECK, Grade::Ok, format!("{found}; runs {runs}"))
    } else {
        let text = format!(
            "{found}; its interpreter {runs} is gone. Next: recreate its virtual environment, and install \
             fraiseql-confiture in it"
        );
        Finding::new(CHECK, Grade::Fail, text)
    }
}

/// What the first line of a script names, after `#!`.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut line = String::new();
    BufReader::new(File::open(script).ok()?.take(4096))
        .read_line(&mut line)
        .ok()?;
    let program = line.strip_prefix("#!")?.split_whitespace().next()?;
    Some(program.into())
}

/// Whether confiture is stopped when the engine dies.
fn watcher() -> Finding {
    let (grade, text) = match can_watch() {
        Ok(true) => (
            Grade::Ok,
            "/bin/sh stops confiture when the engine dies".into(),
        ),
        Ok(false) => (
            Grade::Warn,
            "/bin/sh is missing or is no shell: when the engine is killed, confiture goes on and \
             commits. Next: install a shell as /bin/sh"
                .into(),
        ),
        Err(error) => (Grade::Unknown, error.to_string()),
    };
    Finding::new("watcher", grade, text)
}

/// The release, compared with the minimum versions and with the recordings.
async fn version(adapter: &ConfitureMigration) -> (Option<ConfitureVersion>, Finding) {
    let fail = |text: String| (None, Finding::new(VERSION, Grade::Fail, text));
    match tokio::time::timeout(PATIENCE, adapter.describe()).await {
        Ok(Ok(description)) => {
            let version = ConfitureVersion::parse(&description.version);
            let finding = judge(&version, NEWEST_RECORDED);
            (Some(version), finding)
        }
        Ok(Err(failure)) => fail(AdapterError::from(failure).message),
        Err(_) => fail(format!(
            "`--version` did not answer within {PATIENCE:?}. Next: run it by hand, and see what it \
             waits for"
        )),
    }
}

fn judge(version: &ConfitureVersion, newest: &str) -> Finding {
    let lacks = FLOORS
        .iter()
        .filter(|floor| floor.need != Need::Everything && !floor.need.is_met_by(version))
        .map(|floor| format!("{} (since {})", floor.need.as_str(), floor.release()));
    let lacks = lacks.collect::<Vec<_>>().join(", ");
    let without = if lacks.is_empty() { "" } else { ", without " };
    let (grade, more) = if *version > ConfitureVersion::parse(newest) {
        let more = format!(
            "; newer than {newest}, the newest that was recorded. Next: `cargo xtask gate` in this adapter's \
             repository tells whether it can be trusted"
        );
        (Grade::Warn, more)
    } else if Need::WindowSafe.is_met_by(version) {
        (Grade::Ok, String::new())
    } else {
        let next = "pip install --upgrade fraiseql-confiture, before a gate asks for what it lacks";
        (Grade::Warn, format!(". Next: {next}"))
    };
    let text = format!("confiture {version}{without}{lacks}{more}");
    Finding::new(VERSION, grade, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_compared_with_minimums_and_recordings() {
        let index = include_str!("../../../../contract-fixtures/index.json");
        let index: serde_json::Value = serde_json::from_str(index).unwrap();
        let newest = index["releases"].as_array().unwrap().last().unwrap();
        assert_eq!(newest["release"], NEWEST_RECORDED, "set NEWEST_RECORDED");
        for (version, grade, says) in [
            ("0.20.0", Grade::Warn, "without preflight (since 0.22.0)"),
            ("0.23.0", Grade::Ok, "risk_tier (since 0.44.0)"),
            ("1.29.0", Grade::Ok, "confiture 1.29.0"),
            ("1.29.1", Grade::Warn, "newer than 1.29.0"),
            ("2.0", Grade::Warn, "newer than 1.29.0"),
        ] {
            let finding = judge(&ConfitureVersion::parse(version), "1.29.0");
            assert_eq!(finding.grade, grade, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
    }

    #[test]
    fn the_interpreter_is_read_from_the_script() {
        let base = tempfile::tempdir().expect("a directory");
        for (text, expected) in [
            ("#!/venv/bin/python3 -I\n", Some("/venv/bin/python3")),
            ("#! /usr/bin/env python3", Some("/usr/bin/env")),
            ("\u{7f}ELF", None),
            ("", None),
        ] {
            let script = base.path().join("script");
            std::fs::write(&script, text).expect("written");
            assert_eq!(interpreter(&script), expected.map(PathBuf::from), "{text}");
        }
    }
}
