//! The exit statuses of the gate where nothing can be judged: one meaning and one sentence each.
//! No Python, no network and no server is needed here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program that answers like confiture, to `--version` and nothing else.
    fn confiture(&self) -> PathBuf {
        let program = self.path("confiture");
        fs::write(&program, "#!/bin/sh\necho 'confiture version 1.29.0'\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn gate(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("gate")
            .args(arguments)
            .args(["--cache-dir".as_ref(), self.path("cache").as_os_str()])
            .args(["--report".as_ref(), self.path("report").as_os_str()])
            .current_dir(self.0.path())
            .env_remove("XTASK_DATABASE_URL")
            .env_remove("XTASK_PYTHON")
            .env_remove("GITHUB_STEP_SUMMARY")
            .env("NO_COLOR", "1")
            .output()
            .unwrap()
    }

    fn report(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("report/report.json")).unwrap()).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn is_wrong_usage(output: &Output, words: &str) {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(words), "{told}");
    assert!(output.stdout.is_empty());
}

/// Nothing was judged, which the screen and the report say in the same sentence.
#[track_caller]
fn is_unknown(room: &Room, output: &Output, words: &str) {
    let told = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{told}{}",
        text(&output.stderr)
    );
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("UNKNOWN: "), "{told}");
    assert!(told.contains(words), "{told}");
    let report = room.report();
    assert_eq!(report["verdict"], "unknown");
    let stopped = report["candidates"][0]["stopped"].as_str().unwrap();
    assert!(stopped.contains(words), "{stopped}");
    let whole = report.to_string();
    assert!(!whole.contains(room.0.path().to_str().unwrap()), "{whole}");
}

#[test]
fn what_the_command_line_names_and_is_not_there_is_wrong_usage() {
    let room = Room::new();
    is_wrong_usage(&room.gate(&[]), "Usage");
    is_wrong_usage(
        &room.gate(&["dist/none.whl"]),
        "dist/none.whl is neither a release nor a path",
    );
    is_wrong_usage(
        &room.gate(&["/bin/true", "--only", "up/nothing"]),
        "the catalogue has no case up/nothing",
    );
    is_wrong_usage(
        &room.gate(&["/bin/true", "--against", "0.21.0"]),
        "0.21.0 is not recorded",
    );
    is_wrong_usage(
        &room.gate(&["--promote", "1.29.0"]),
        "1.29.0 is recorded already",
    );
    is_wrong_usage(
        &room.gate(&["/bin/true", "--accept", "none.toml"]),
        "none.toml cannot be read",
    );
    fs::write(room.path("bad.toml"), "[[accept]]\ncause = \"x\"\n").unwrap();
    is_wrong_usage(
        &room.gate(&["/bin/true", "--accept", "bad.toml"]),
        "the accepted differences",
    );
}

#[test]
fn what_is_no_confiture_is_not_judged() {
    let room = Room::new();
    let output = room.gate(&["/bin/true"]);
    is_unknown(
        &room,
        &output,
        "…/true is no confiture: for --version it prints",
    );
}

#[test]
fn a_wheel_without_a_python_to_install_it_is_not_judged() {
    let room = Room::new();
    fs::write(room.path("c.whl"), "no wheel").unwrap();
    let output = room.gate(&["c.whl", "--python", "/nonexistent/python"]);
    is_unknown(&room, &output, "/nonexistent/python");
}

#[test]
fn a_server_that_does_not_answer_is_no_verdict_and_its_password_is_nowhere() {
    let room = Room::new();
    let program = room.confiture();
    let url = "postgresql://u:geheim@127.0.0.1:1/x";
    let output = room.gate(&[program.to_str().unwrap(), "--database-url", url]);
    is_unknown(&room, &output, "the PostgreSQL server cannot be used");
    for file in fs::read_dir(room.path("report")).unwrap() {
        let written = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!written.contains("geheim"), "{written}");
    }
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(!told.contains("geheim"), "{told}");
}

#[test]
fn a_report_that_cannot_be_written_is_said() {
    let room = Room::new();
    fs::write(room.path("report"), "a file").unwrap();
    let output = room.gate(&["/bin/true"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("report"), "{output:?}");
    assert!(text(&output.stdout).contains("is no confiture"));
}

#[test]
fn the_document_alone_is_on_standard_output_when_it_is_asked_for() {
    let room = Room::new();
    let output = room.gate(&["/bin/true", "--json", "-"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["format_version"], 1);
    assert_eq!(document["verdict"], "unknown");
    assert!(Path::new(&room.path("report/report.html")).is_file());
}
