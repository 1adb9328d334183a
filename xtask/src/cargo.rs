//! The cargo that built this, and the repository that it was built from.

use std::path::PathBuf;
use std::process::Command;

use contract_lab::command::Output;
use contract_lab::trouble::Trouble;

/// How many of the last lines of cargo are shown when it failed.
const LAST: usize = 12;

/// The cargo that started this, without the variables it set for this program.
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

/// Says what cargo said last, when it failed.
pub fn succeeded(output: &Output, what_failed: &str, way_out: &str) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let (status, said) = (output.status, last(&output.stderr));
    Err(Trouble::new(
        format!("{what_failed}: cargo ended with {status}:\n{said}"),
        way_out,
    )
    .into())
}

/// The last lines of what cargo said: the reason is among them.
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
