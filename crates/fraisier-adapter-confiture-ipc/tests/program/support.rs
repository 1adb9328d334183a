//! The program with a script in place of confiture, and what came out of it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on the slowest machine; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_fraisier-adapter-confiture-ipc");

/// A password to look for where none may be.
pub(crate) const PASSWORD: &str = "s3cr3t-canary";

/// A directory with a project and a stand-in for confiture.
pub(crate) struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    /// `script` runs with the subcommand of `migrate` (or `--version`) in `$1`, the path of the report
    /// in `$report`, and the directory in `$stage`.
    pub(crate) fn new(script: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let stage = directory.path();
        fs::create_dir_all(stage.join("db/migrations")).expect("created");
        fs::write(stage.join("db/migrations/001_a.up.sql"), "SELECT 1;").expect("written");
        let program = stage.join("confiture");
        let text = format!(
            "#!/bin/sh\nstage='{}'\n[ \"$1\" = migrate ] && shift\nreport=\nlast=\nfor arg; do [ \
             \"$last\" = --output ] && report=$arg; last=$arg; done\n{script}\n",
            stage.display()
        );
        fs::write(&program, text).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program, with an environment of its own.
    pub(crate) fn program(&self) -> Command {
        self.command(Path::new(PROGRAM))
    }

    /// Another program, in the environment of the program.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = if cfg!(target_os = "linux") {
            // Whoever started this test may block signals, and a child inherits that.
            let mut command = Command::new("/usr/bin/env");
            command.arg("--default-signal=TERM,INT,HUP").arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a PATH"))
            .env("TMPDIR", self.directory.path())
            .env("FRAISIER_CONFITURE_BIN", self.path("confiture"))
            .env(
                "DATABASE_URL",
                format!("postgresql://app:{PASSWORD}@db/shop"),
            )
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A request, framed.
    pub(crate) fn request(&self, method: &str, target: Option<&str>) -> Vec<u8> {
        let ctx = serde_json::json!({
            "fraise": "shop", "environment": "test", "host": null,
            "workdir": self.directory.path(), "migrations_path": null,
            "env_secrets": {"DATABASE_URL": "DATABASE_URL"}, "previous_revision": null,
            "artifact_ref": null, "settings": {},
        });
        let params = match method {
            "describe" => serde_json::json!({}),
            "up" | "down_to" => serde_json::json!({"ctx": ctx, "target": target}),
            _ => serde_json::json!({"ctx": ctx}),
        };
        let request =
            serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        framed(&request.to_string())
    }

    /// What the program answers to these bytes on its standard input.
    pub(crate) fn answer(&self, input: &[u8]) -> Answered {
        Answered::read(&finish(self.program(), input))
    }
}

/// A message as it goes over the wire.
pub(crate) fn framed(message: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{message}", message.len()).into_bytes()
}

/// Runs a command with this input to its end, which has to come.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that answers early does not read all.
    let _ = stdin.write_all(input);
    drop(stdin);
    end_of(child)
}

/// What a process printed until its end, which has to come.
pub(crate) fn end_of(mut child: Child) -> Output {
    let began = Instant::now();
    let pid = child.id();
    let waiter = thread::spawn(move || {
        let status = child.wait();
        (child, status)
    });
    while !waiter.is_finished() {
        assert!(began.elapsed() < PATIENCE, "{pid} does not end");
        thread::sleep(Duration::from_millis(2));
    }
    let (child, _) = waiter.join().expect("waited");
    child.wait_with_output().expect("its output")
}

/// Waits until it is so.
pub(crate) fn eventually(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process of this number, read from a file, is there and no zombie.
pub(crate) fn lives(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    status.is_ok_and(|status| {
        !status
            .rsplit(')')
            .next()
            .is_some_and(|it| it.starts_with(" Z"))
    })
}

/// The one response of the program.
pub(crate) struct Answered {
    pub(crate) response: Value,
    pub(crate) stderr: String,
    pub(crate) status: Option<i32>,
}

impl Answered {
    /// Takes standard output apart, which has to be one message and nothing else.
    pub(crate) fn read(output: &Output) -> Self {
        let stdout = String::from_utf8(output.stdout.clone()).expect("UTF-8");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !stdout.contains(PASSWORD) && !stderr.contains(PASSWORD),
            "{stdout}{stderr}"
        );
        let (header, message) = stdout
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no message: {stdout:?} {stderr:?}"));
        assert_eq!(header, format!("Content-Length: {}", message.len()));
        let response: Value = serde_json::from_str(message).expect("JSON");
        assert_eq!(response["jsonrpc"], "2.0");
        let keys: Vec<_> = response.as_object().expect("an object").keys().collect();
        assert!(keys == ["error", "id", "jsonrpc"] || keys == ["id", "jsonrpc", "result"]);
        Self {
            response,
            stderr,
            status: output.status.code(),
        }
    }

    pub(crate) fn code(&self) -> i64 {
        self.response["error"]["code"].as_i64().expect("an error")
    }

    pub(crate) fn message(&self) -> &str {
        self.response["error"]["message"]
            .as_str()
            .expect("an error")
    }
}
