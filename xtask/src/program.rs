//! The adapter's program, built with the cargo that built this.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use contract_lab::command::{Output, run};
use contract_lab::trouble::Trouble;
use contract_lab::ui::Ui;
use serde::Deserialize;

/// Its name, by which the engine finds it.
pub const PROGRAM: &str = "fraisier-adapter-confiture-ipc";

/// Builds it, as far as it is not built.
///
/// # Errors
/// When it does not build.
pub fn build(ui: Ui) -> anyhow::Result<PathBuf> {
    let task = ui.spin("building the adapter's program");
    let output = run(cargo()
        .args(["build", "--quiet", "--locked", "--package", PROGRAM])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root()))?;
    drop(task);
    done(&output).context("the adapter's program cannot be built")?;
    executable_of(&output.stdout)
        .ok_or_else(|| anyhow::anyhow!("cargo did not say where it put the adapter's program"))
}

/// The program that a `cargo build` with JSON messages made.
fn executable_of(messages: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .find(|path| path.file_name().is_some_and(|name| name == PROGRAM))
}

/// The cargo that started this, without what it told this program.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// What cargo said last, when it failed.
///
/// # Errors
/// When it failed.
pub fn done(output: &Output) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = output.stderr.lines().collect();
    let last = lines[lines.len().saturating_sub(12)..].join("\n");
    Err(Trouble::new(
        format!("cargo ended with {}:\n{last}", output.status),
        "check the network and the registry; fraisier needs Rust 1.95 or newer (`rustup update`)",
    )
    .into())
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let built = option_env!("CARGO_MANIFEST_DIR").unwrap_or_default();
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| built.into());
    let mut root = PathBuf::from(manifest);
    root.pop();
    root
}
