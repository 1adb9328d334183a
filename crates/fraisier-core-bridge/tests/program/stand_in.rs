//! Our program, their client, and a stand-in for confiture that plays a recording.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use confiture::{ConfitureMigration, MissingMigrations};
use fraisier_core::adapter_axes::AdapterCtx;
use fraisier_core_bridge::EngineAdapter;
use fraisier_ipc::IpcMigrationAdapter;
use serde::Deserialize;
use serde_json::Value;

const PROGRAM: &str = "fraisier-adapter-confiture-ipc";

const DSN: &str = "postgresql://app:s3cr3t-canary@db.invalid/shop";

/// It finds what to do for a subcommand in a directory of that name.
const SCRIPT: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo "confiture version 1.29.0"; exit 0; }
answer="${0%/*}/$2" last= report=
for arg; do [ "$last" = --output ] && report=$arg; last=$arg; done
[ -e "$answer/hangs" ] && { echo $$ > "${0%/*}/pid"; exec sleep 600; }
[ -e "$answer/report" ] && cat "$answer/report" > "$report"
cat "$answer/stdout"
cat "$answer/stderr" >&2
exit "$(cat "$answer/status")"
"#;

/// What a recording has of a call.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) argv: Vec<String>,
    exit: i32,
    #[serde(default)]
    report: Option<Value>,
    #[serde(default)]
    report_not_json: Option<Vec<String>>,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

impl Recorded {
    /// The bytes of its report; `None` when it wrote none.
    pub(crate) fn report(&self) -> Option<Vec<u8>> {
        let text = self.report_not_json.as_ref().map(|lines| lines.join("\n"));
        let json = || self.report.as_ref().map(Value::to_string);
        text.or_else(json).map(String::into_bytes)
    }

    fn subcommand(&self) -> &str {
        &self.argv[1]
    }
}

/// A project, and a confiture that plays.
pub(crate) struct StandIn {
    directory: tempfile::TempDir,
}

impl StandIn {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let migrations = directory.path().join("db/migrations");
        fs::create_dir_all(&migrations).expect("created");
        for version in ["001", "002", "003"] {
            let file = migrations.join(format!("{version}_a.up.sql"));
            fs::write(file, "SELECT 1;").expect("written");
        }
        let program = directory.path().join("confiture");
        fs::write(&program, SCRIPT).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// From now on it answers as it was recorded, but with this report.
    pub(crate) fn plays(&self, call: &Recorded, report: Option<&[u8]>) {
        let answer = self.path(call.subcommand());
        let _ = fs::remove_dir_all(&answer);
        fs::create_dir(&answer).expect("created");
        let write = |name: &str, bytes: &[u8]| {
            fs::write(answer.join(name), bytes).expect("written");
        };
        write("stdout", call.stdout.join("\n").as_bytes());
        write("stderr", call.stderr.join("\n").as_bytes());
        write("status", call.exit.to_string().as_bytes());
        if let Some(report) = report {
            write("report", report);
        }
    }

    /// From now on this subcommand does not end.
    pub(crate) fn hangs(&self, subcommand: &str) {
        let answer = self.path(subcommand);
        fs::create_dir_all(&answer).expect("created");
        fs::write(answer.join("hangs"), "").expect("written");
    }

    /// What the engine passes in. The program finds the secret in its environment; the value in here
    /// never goes over the wire.
    pub(crate) fn ctx(&self) -> AdapterCtx {
        let mut ctx = AdapterCtx::new("shop", "production");
        ctx.workdir = self.path("");
        let name = "DATABASE_URL".to_owned();
        ctx.env_secrets.insert(name.clone(), name);
        ctx.with_resolved_secret("DATABASE_URL", DSN)
    }

    /// The engine's client, which starts our program.
    pub(crate) fn client(&self) -> IpcMigrationAdapter {
        IpcMigrationAdapter::new(program(), "confiture-ipc")
            .with_env("DATABASE_URL", DSN)
            .with_env("TMPDIR", self.directory.path())
            .with_env("FRAISIER_CONFITURE_BIN", self.path("confiture"))
    }

    /// The adapter compiled in, with the defaults of the program.
    pub(crate) fn compiled_in(&self) -> EngineAdapter {
        let adapter = ConfitureMigration::builder()
            .program(self.path("confiture"))
            .timeout(Duration::from_secs(50))
            .missing_migrations(MissingMigrations::AskConfiture)
            .build();
        EngineAdapter::new(Arc::new(adapter))
    }
}

/// Our program, built like this test.
pub(crate) fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // `<target>/<profile>/deps/<this test>`.
        let test = std::env::current_exe().expect("a path");
        let profile = test.ancestors().nth(2).expect("a profile");
        let target = profile.parent().expect("a target directory");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--package", PROGRAM])
            .arg("--target-dir")
            .arg(target)
            .current_dir(root)
            .stdin(Stdio::null())
            .status()
            .expect("cargo runs");
        assert!(built.success(), "{PROGRAM} does not build");
        target.join("debug").join(PROGRAM)
    })
}

/// The newest recording of every case of an operation, by its name.
pub(crate) fn newest(operation: &str) -> Vec<(String, Vec<Recorded>)> {
    #[derive(Deserialize)]
    struct Recording {
        calls: Vec<Recorded>,
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contract-fixtures");
    let mut newest = Vec::new();
    for case in entries(&root.join(operation)) {
        let recordings = entries(&case).into_iter();
        let recording = recordings
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .max_by_key(|path| release(path))
            .expect("a recording");
        let json = fs::read(&recording).expect("read");
        let Recording { calls } = serde_json::from_slice(&json).expect("a recording");
        newest.push((recording.display().to_string(), calls));
    }
    assert!(!newest.is_empty(), "no case of {operation}");
    newest
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn release(recording: &Path) -> Vec<u32> {
    let name = recording.file_stem().expect("a name").to_string_lossy();
    name.split('.')
        .map(|number| number.parse().expect("a release"))
        .collect()
}
