//! The stand-in plays what its script allows, and fails on anything else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use contract_catalogue::script::{NOT_ALLOWED, Played, SCRIPT, Script, log_of};
use tempfile::TempDir;

/// A stand-in in a directory of its own, whose script is one `up` with a DSN.
fn in_place() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let program = root.path().join("confiture");
    symlink(env!("CARGO_BIN_EXE_stand-in-confiture"), &program).unwrap();
    let up = Played {
        argv: ["up", "--output", "<report>"].map(str::to_owned).into(),
        links: None,
        env: BTreeMap::from([("DSN".to_owned(), Some("right".to_owned()))]),
        exit: 3,
        report: Some("{}".to_owned()),
        stdout: "saved to <report>\n".to_owned(),
        stderr: "oops\n".to_owned(),
    };
    let script = Script {
        in_order: vec![up],
        any_time: Vec::new(),
        ledger: None,
        ledger_after: None,
    };
    let json = serde_json::to_vec(&script).unwrap();
    fs::write(root.path().join(SCRIPT), json).unwrap();
    (root, program)
}

fn called(program: &PathBuf, dsn: &str, report: &str) -> Output {
    let mut command = Command::new(program);
    let command = command.args(["up", "--output", report]).env("DSN", dsn);
    command.output().unwrap()
}

#[test]
fn a_recorded_call_is_answered_once() {
    let (root, program) = in_place();
    let report = root.path().join("report.json");
    let report = report.to_str().unwrap();
    let output = called(&program, "right", report);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fs::read_to_string(report).unwrap(), "{}");
    assert_eq!(output.stdout, format!("saved to {report}\n").into_bytes());
    assert_eq!(output.stderr, b"oops\n");
    let again = called(&program, "right", report);
    assert_eq!(again.status.code(), Some(i32::from(NOT_ALLOWED)));
}

#[test]
fn an_unrecorded_call_fails_without_a_report() {
    let (root, program) = in_place();
    let report = root.path().join("report.json");
    let output = called(&program, "wrong", report.to_str().unwrap());
    assert_eq!(output.status.code(), Some(i32::from(NOT_ALLOWED)));
    assert!(!report.exists());
    let log = fs::read_to_string(log_of(&program)).unwrap();
    assert!(
        log.contains("not_allowed") && !log.contains("wrong"),
        "{log}"
    );
}

#[test]
fn without_a_script_the_stand_in_fails() {
    let output = Command::new(env!("CARGO_BIN_EXE_stand-in-confiture"))
        .arg("--version")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(i32::from(NOT_ALLOWED)));
}
