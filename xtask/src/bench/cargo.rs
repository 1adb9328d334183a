//! Runs cargo, for an optimised build.

use std::ffi::OsString;

use anyhow::Context as _;

use crate::cargo::cargo;

/// Runs cargo with the command and then the arguments, on the same terminal.
pub fn run_cargo(command: &[&str], args: impl IntoIterator<Item = OsString>) -> anyhow::Result<()> {
    let status = cargo().args(command).args(args).status();
    let status = status.context("cannot run cargo")?;
    anyhow::ensure!(
        status.success(),
        "`cargo {}` ended with {status}",
        command[0]
    );
    Ok(())
}
