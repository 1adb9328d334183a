//! What the tests of the operations share.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, AdapterError};

use crate::observe::{Call, Event, Observer};
use crate::operation::Operation;
use crate::operation::reading::{Command, Reading};
use crate::process::{Environment, Exit, Interruption, Invocation, Output};
use crate::redact::Redactor;
use crate::request::{Check, Commands, Request};

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
    Request::within(&ambient(), &commands(), Operation::Up, ctx)
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

pub(crate) fn commands() -> Commands {
    Commands {
        bytecode_cache: false,
        check: Check::Off,
        ..Commands::default()
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

/// The arguments, with `<report>` for the report's path.
pub(crate) fn argv(invocation: &Invocation) -> Vec<String> {
    let argv = invocation.argv(Path::new("<report>"));
    argv.iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect()
}

/// What an operation makes of what its own command left; further commands fail.
pub(crate) fn answer<R: Reading>(
    reading: &R,
    redactor: &Redactor,
    left: &Output,
) -> Result<R::Answer, AdapterError> {
    crate::tools::replay::answer(reading, redactor, |command| match command {
        Command::Operation => left.clone(),
        _ => output(1, None),
    })
}
