//! Runs cargo, for an optimised build.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Context as _;

/// Runs `cargo` with the command and then the arguments, on the same terminal.
pub fn cargo(command: &[&str], args: impl IntoIterator<Item = OsString>) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    let status = cargo.args(command).args(args).status();
    let status = status.context("cannot run cargo")?;
    anyhow::ensure!(
        status.success(),
        "`cargo {}` ended with {status}",
        command[0]
    );
    Ok(())
}
