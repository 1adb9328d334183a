//! A temporary directory in which the gate runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

pub(crate) struct Sandbox(tempfile::TempDir);

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program that prints a version like confiture, and does nothing else.
    pub(crate) fn confiture(&self) -> PathBuf {
        self.script("echo 'confiture version 1.29.0'")
    }

    /// A program in the place of confiture.
    pub(crate) fn script(&self, lines: &str) -> PathBuf {
        let program = self.path("confiture");
        fs::write(&program, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    /// The gate, with a cache of its own.
    pub(crate) fn gate(&self, arguments: &[&str]) -> Output {
        let mut gate = self.command(arguments);
        gate.arg("--cache-dir").arg(self.path("cache"));
        gate.env_remove("XTASK_PYTHON").output().unwrap()
    }

    /// The gate, with the cache of the machine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut gate = Command::new(env!("CARGO_BIN_EXE_confiture-gate"));
        gate.args(arguments)
            .arg("--report")
            .arg(self.path("report"))
            .current_dir(self.0.path())
            .env_remove("XTASK_DATABASE_URL")
            .env_remove("GITHUB_STEP_SUMMARY")
            .env("NO_COLOR", "1");
        gate
    }

    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("report/report.json")).unwrap()).unwrap()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
pub(crate) fn is_wrong_usage(output: &Output, words: &str) {
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{shown}");
    assert!(shown.contains(words), "{shown}");
    assert!(output.stdout.is_empty());
}

/// Checks that nothing was judged, and that the screen and the report say so in the same sentence.
#[track_caller]
pub(crate) fn is_unknown(sandbox: &Sandbox, output: &Output, words: &str) {
    let shown = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(3),
        "{shown}{}",
        text(&output.stderr)
    );
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("UNKNOWN: "), "{shown}");
    assert!(shown.contains(words), "{shown}");
    let report = sandbox.report();
    assert_eq!(report["verdict"], "unknown");
    let stopped = report["candidates"][0]["stopped"].as_str().unwrap();
    assert!(stopped.contains(words), "{stopped}");
    let whole = report.to_string();
    assert!(
        !whole.contains(sandbox.0.path().to_str().unwrap()),
        "{whole}"
    );
}
