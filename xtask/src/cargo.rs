//! The cargo that built this, and the repository that it was built from.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use contract_lab::command::{Output, run};
use contract_lab::trouble::Trouble;
use serde::Deserialize;

/// How many of the last lines of cargo are shown when it failed.
const LAST: usize = 12;

/// The adapter's program, by the name by which the engine finds it.
pub const PROGRAM: &str = "fraisier-adapter-confiture-ipc";

/// The cargo that started this.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    without_cargo(&mut command);
    command
}

/// Builds these parts of the workspace as this program was built, if they are not up to date. Returns where cargo
/// put the program of this name.
pub fn build(what: &[&str], program: &str) -> anyhow::Result<PathBuf> {
    let output = run(cargo()
        .args(["build", "--quiet", "--locked"])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .args(what)
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root()))?;
    succeeded(
        &output,
        &format!("{} cannot be built", what.join(" ")),
        "correct what the compiler names; if it names nothing, check the network and the registry",
    )?;
    let built = output.stdout.lines().filter_map(executable);
    let mut named = built.filter(|path| path.file_name() == Some(program.as_ref()));
    named
        .next()
        .with_context(|| format!("cargo did not say where it put {program}"))
}

/// The program that one of cargo's messages is about.
fn executable(message: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    serde_json::from_str::<Message>(message).ok()?.executable
}

/// Removes what cargo set for this program: it does not apply to another.
pub fn without_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_ENCODED_"];
        if own.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// The target of this machine's compiler.
pub fn host() -> anyhow::Result<String> {
    let about = run(Command::new("rustc").arg("-vV"))?;
    let mut lines = about.stdout.lines();
    let host = lines.find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

/// If cargo failed, returns an error with the last lines that it printed.
pub fn succeeded(output: &Output, what_failed: &str, remedy: &str) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let (status, said) = (output.status, last(&output.stderr));
    Err(Trouble::new(
        format!("{what_failed}: cargo ended with {status}:\n{said}"),
        remedy,
    )
    .into())
}

/// The last lines that cargo printed: the reason is among them.
pub fn last(said: &str) -> String {
    let lines: Vec<&str> = said.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LAST)..].join("\n")
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let built = option_env!("CARGO_MANIFEST_DIR").unwrap_or_default();
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| built.into());
    let mut root = PathBuf::from(manifest);
    root.pop();
    root
}
