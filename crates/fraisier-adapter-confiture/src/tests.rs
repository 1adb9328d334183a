//! What the tests of the operations share.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use fraisier_adapter_api::AdapterCtx;

use crate::observe::{Call, Event, Observer};
use crate::operation::Operation;
use crate::process::{Environment, Exit, Interruption, Invocation, Output};
use crate::request::{Check, Config, Request};
use crate::tools::replay::Command;

pub(crate) const PASSWORD: &str = "s3cr3t-canary";

/// A command that exited with `status` and left this report.
pub(crate) fn output(status: i32, report: Option<&str>) -> Output {
    Output::new(
        Exit::Code(status),
        report.map(|text| text.as_bytes().to_vec()),
    )
}

/// The same, interrupted after a timeout of 3 s.
pub(crate) fn interrupted(status: i32, report: Option<&str>) -> Output {
    Output {
        interrupted: Some(Interruption::Timeout(Duration::from_secs(3))),
        ..output(status, report)
    }
}

/// An error envelope as confiture writes it.
pub(crate) fn envelope(code: &str, message: &str, actionable: &str) -> String {
    serde_json::json!({
        "ok": false,
        "error": {
            "code": code, "message": message, "severity": "error", "details": {},
            "migration": null, "file": null, "line": null, "actionable": actionable,
        },
    })
    .to_string()
}

/// A context with a password to look for.
pub(crate) fn ctx(workdir: &Path) -> AdapterCtx {
    let mut ctx = AdapterCtx::new("shop", "test").with_resolved_secret(
        "DATABASE_URL",
        format!("postgresql://app:{PASSWORD}@db.example/shop"),
    );
    ctx.workdir = workdir.into();
    ctx.env_secrets
        .insert("API_TOKEN".into(), "SHOP_API_TOKEN".into());
    ctx.env_secrets
        .insert("DATABASE_URL".into(), "SHOP_DSN".into());
    ctx
}

pub(crate) fn request(ctx: &AdapterCtx) -> Request {
    Request::new(&ambient(), &config(), Operation::Up, Some(ctx))
        .expect("a context that can be used")
}

/// The environment of a process that has, beside others, every variable that no child may see.
pub(crate) fn ambient() -> Environment {
    let variables = [
        ("CONFITURE_DATABASE_URL", "postgresql://h/another"),
        ("DATABASE_URL", "postgresql://h/another"),
        ("FORCE_COLOR", "1"),
        ("LANG", "C.UTF-8"),
        ("PGOPTIONS", "-c work_mem=1MB"),
        ("SHOP_API_TOKEN", "a secret"),
        ("SHOP_DSN", "a secret"),
    ];
    let variables = variables.into_iter();
    variables
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

pub(crate) fn config() -> Config {
    Config {
        bytecode_cache: false,
        check: Check::Off,
        ..Config::default()
    }
}

/// Makes a FIFO with the system's own program: macOS has no call for it that is free of `unsafe`.
pub(crate) fn fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success(), "{}", path.display());
}

/// Keeps every event.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Event>>);

impl Heard {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().expect("not poisoned").clone()
    }
}

impl Observer for Heard {
    fn event(&self, _: &Call, event: &Event) {
        self.0.lock().expect("not poisoned").push(event.clone());
    }
}

/// The arguments, with `<report>` for the report's path and `<private>` for the private directory.
pub(crate) fn argv(invocation: &Invocation) -> Vec<String> {
    let argv = invocation.argv(Path::new("<report>"), Path::new("<private>"));
    argv.iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect()
}

/// The output of an operation's own command; further commands fail.
pub(crate) fn only(operation: &Output) -> impl FnMut(Command) -> Output {
    let operation = operation.clone();
    move |command| match command {
        Command::Operation => operation.clone(),
        _ => output(1, None),
    }
}

/// `--version` of this release, and this output of every other command.
pub(crate) fn by_release(version: &str, other: &Output) -> impl FnMut(Command) -> Output {
    let (version, other) = (format!("confiture version {version}\n"), other.clone());
    move |command| match command {
        Command::Version => Output {
            stdout: version.clone().into_bytes().into(),
            ..output(0, None)
        },
        _ => other.clone(),
    }
}
