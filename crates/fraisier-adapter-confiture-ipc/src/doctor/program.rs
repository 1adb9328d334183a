//! Whether confiture can be run, and which it is.

use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_confiture::capability::{FLOORS, Need};
use fraisier_adapter_confiture::tools::process::{can_watch, program_of};
use fraisier_adapter_confiture::{ConfitureVersion, VARIABLES};

use super::finding::{Finding, Grade};
use crate::limit::TimedOut;
use crate::options::{self, Caller, is_executable};

/// The newest release that was recorded; a test holds it to the index of the recordings, which no
/// package carries.
const NEWEST_RECORDED: &str = "1.29.0";

const VERSION: &str = "version";

const PREFIX: &str = "FRAISIER_CONFITURE_";

const PROGRAM: &str = "FRAISIER_CONFITURE_BIN";

/// How long `--version` may take. It touches no database.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn examine() -> Vec<Finding> {
    vec![variables(), program(), version().await, watcher()]
}

/// The variables that configure the adapter.
fn variables() -> Finding {
    const CHECK: &str = "variables";
    if let Err(error) = options::adapter(Caller::Person, Arc::new(TimedOut::default())) {
        return Finding::failed(CHECK, &error);
    }
    let set: Vec<String> = env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    let unknown: Vec<&str> = set
        .iter()
        .map(String::as_str)
        .filter(|name| VARIABLES.iter().all(|variable| variable.name != *name))
        .collect();
    if !unknown.is_empty() {
        let evidence = format!("nothing reads {}", unknown.join(", "));
        return Finding::new(CHECK, Grade::Warn, evidence, "`--help` lists the variables");
    }
    Finding::ok(
        CHECK,
        match set.len() {
            0 => "none is set: the defaults hold".to_owned(),
            _ => format!("understood: {}", set.join(", ")),
        },
    )
}

/// The binary that the adapter runs, by which rule it is found, and the interpreter that it names.
fn program() -> Finding {
    const CHECK: &str = "program";
    let Ok((adapter, _)) = options::adapter(Caller::Person, Arc::new(TimedOut::default())) else {
        return Finding::unknown(CHECK, "not looked for: the variables are not usable");
    };
    let named = env::var_os(PROGRAM).filter(|name| !name.is_empty());
    let (name, rule) = match (&named, options::beside_this_program()) {
        (Some(name), _) => (Path::new(name), "named by FRAISIER_CONFITURE_BIN"),
        (None, Some(_)) => (
            Path::new("confiture"),
            "in the directory of the adapter program",
        ),
        (None, None) => (Path::new("confiture"), "looked up in PATH"),
    };
    let found = program_of(&adapter).ok().filter(|it| is_executable(it));
    let Some(found) = found else {
        let evidence = format!("no program {} ({rule})", name.display());
        let next = "pip install fraiseql-confiture, put it on PATH, or name it in \
                    FRAISIER_CONFITURE_BIN";
        return Finding::new(CHECK, Grade::Fail, evidence, next);
    };
    let evidence = format!("{} ({rule})", found.display());
    match interpreter(&found) {
        Some(interpreter) if !is_executable(&interpreter) => {
            let evidence = format!(
                "{evidence}; its interpreter {} is gone",
                interpreter.display()
            );
            let next = "make its virtual environment anew, and install fraiseql-confiture in it";
            Finding::new(CHECK, Grade::Fail, evidence, next)
        }
        Some(interpreter) => {
            Finding::ok(CHECK, format!("{evidence}; runs {}", interpreter.display()))
        }
        None => Finding::ok(CHECK, evidence),
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
    const CHECK: &str = "watcher";
    match can_watch() {
        Ok(true) => Finding::ok(CHECK, "/bin/sh stops confiture when the engine dies"),
        Ok(false) => Finding::new(
            CHECK,
            Grade::Warn,
            "/bin/sh is missing or is no shell: when the engine is killed, confiture goes on and commits",
            "install a shell as /bin/sh",
        ),
        Err(error) => Finding::unknown(CHECK, error.to_string()),
    }
}

/// The release, against the floors and against what was recorded.
async fn version() -> Finding {
    let Ok((adapter, _)) = options::adapter(Caller::Person, Arc::new(TimedOut::default())) else {
        return Finding::unknown(VERSION, "not asked: the variables are not usable");
    };
    let described = tokio::time::timeout(PATIENCE, adapter.describe()).await;
    adapter.settled().await;
    let version = match described {
        Ok(Ok(description)) => ConfitureVersion::parse(&description.version),
        Ok(Err(failure)) => return Finding::failed(VERSION, &failure.into()),
        Err(_) => {
            let evidence = format!("`--version` did not answer within {PATIENCE:?}");
            let next = "run it by hand, and see what it waits for";
            return Finding::new(VERSION, Grade::Fail, evidence, next);
        }
    };
    judge(&version, NEWEST_RECORDED)
}

fn judge(version: &ConfitureVersion, newest: &str) -> Finding {
    let lacks: Vec<String> = FLOORS
        .iter()
        .filter(|floor| floor.need != Need::Everything && !floor.need.is_met_by(version))
        .map(|floor| format!("{} (since {})", floor.need.as_str(), floor.release()))
        .collect();
    let mut evidence = format!("confiture {version}");
    if !lacks.is_empty() {
        evidence = format!("{evidence}, without {}", lacks.join(", "));
    }
    let mut recorded = newest.split('.').map(|number| number.parse().unwrap_or(0));
    let mut number = || recorded.next().unwrap_or(0);
    let (major, minor, patch) = (number(), number(), number());
    if version.is_at_least(major, minor, patch + 1) {
        let evidence = format!("{evidence}; newer than {newest}, the newest that was recorded");
        let next =
            "`cargo xtask gate` in this adapter's repository tells whether it can be trusted";
        return Finding::new(VERSION, Grade::Warn, evidence, next);
    }
    if Need::WindowSafe.is_met_by(version) {
        Finding::ok(VERSION, evidence)
    } else {
        let next = "pip install --upgrade fraiseql-confiture, before a gate asks for what it lacks";
        Finding::new(VERSION, Grade::Warn, evidence, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_held_against_floors_and_recordings() {
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
    fn the_interpreter_is_what_the_script_names() {
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
