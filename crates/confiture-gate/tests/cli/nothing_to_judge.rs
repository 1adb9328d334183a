//! Runs in which nothing can be judged. These tests need no Python, no network and no server.

use std::fs;
use std::path::Path;

use crate::sandbox::{Sandbox, is_unknown, is_wrong_usage, text};

#[test]
fn a_missing_path_in_an_argument_is_a_usage_error() {
    let sandbox = Sandbox::new();
    is_wrong_usage(&sandbox.gate(&[]), "name a candidate");
    is_wrong_usage(
        &sandbox.gate(&["dist/none.whl"]),
        "dist/none.whl is neither a release nor a path",
    );
    is_wrong_usage(
        &sandbox.gate(&["/bin/true", "--only", "up/nothing"]),
        "the catalogue has no case up/nothing",
    );
    is_wrong_usage(
        &sandbox.gate(&["/bin/true", "--against", "0.21.0"]),
        "0.21.0 is not recorded",
    );
    is_wrong_usage(
        &sandbox.gate(&["/bin/true", "--accept", "none.toml"]),
        "--accept none.toml: it cannot be read",
    );
    is_wrong_usage(
        &sandbox.gate(&["--self-test", "--accept", "none.toml"]),
        "--accept <FILE>",
    );
    fs::write(sandbox.path("bad.toml"), "[[accept]]\ncause = \"x\"\n").unwrap();
    is_wrong_usage(
        &sandbox.gate(&["/bin/true", "--accept", "bad.toml"]),
        "--accept bad.toml: ",
    );
}

#[test]
fn a_program_that_is_not_confiture_is_not_judged() {
    let sandbox = Sandbox::new();
    let output = sandbox.gate(&["/bin/true"]);
    is_unknown(
        &sandbox,
        &output,
        "…/true is no confiture: for --version it prints",
    );
}

#[test]
fn a_wheel_without_a_python_to_install_it_is_not_judged() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("c.whl"), "no wheel").unwrap();
    let output = sandbox.gate(&["c.whl", "--python", "/nonexistent/python"]);
    is_unknown(&sandbox, &output, "/nonexistent/python");
}

#[test]
fn an_unreachable_server_is_no_verdict_and_its_password_is_not_printed() {
    let sandbox = Sandbox::new();
    let program = sandbox.confiture();
    let url = "postgresql://u:geheim@127.0.0.1:1/x";
    let output = sandbox.gate(&[program.to_str().unwrap(), "--database-url", url]);
    is_unknown(&sandbox, &output, "the PostgreSQL server cannot be used");
    for file in fs::read_dir(sandbox.path("report")).unwrap() {
        let written = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!written.contains("geheim"), "{written}");
    }
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(!shown.contains("geheim"), "{shown}");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("report"), "a file").unwrap();
    let output = sandbox.gate(&["/bin/true"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("report"), "{output:?}");
    assert!(text(&output.stdout).contains("is no confiture"));
}

#[test]
fn on_a_full_disk_the_other_reports_are_written() {
    let sandbox = Sandbox::new();
    let output = sandbox.gate(&["/bin/true", "--junit", "/dev/full"]);
    assert_eq!(output.status.code(), Some(3));
    let shown = text(&output.stderr);
    assert!(
        shown.contains("…/full cannot be written: No space left"),
        "{shown}"
    );
    assert!(sandbox.path("report/report.html").is_file());
    assert!(text(&output.stdout).contains("is no confiture"));
}

#[test]
fn with_json_standard_output_contains_only_the_document() {
    let sandbox = Sandbox::new();
    let output = sandbox.gate(&["/bin/true", "--json", "-"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["format_version"], 2);
    assert_eq!(document["verdict"], "unknown");
    assert!(Path::new(&sandbox.path("report/report.html")).is_file());
}
