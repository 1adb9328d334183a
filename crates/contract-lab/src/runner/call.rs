//! One call of a binary, in an environment that holds nothing of this machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use contract_tests::call::{Call, LINKS};
use contract_tests::case::Definition;
use contract_tests::connection::{Endpoint, PGPASSWORD};
use contract_tests::release::Release;
use contract_tests::site::Site;
use fraisier_adapter_confiture::tools::ledger::arguments;
use fraisier_adapter_confiture::tools::replay::set_variables;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::run_within;

/// Wide enough that nothing is wrapped: where a line breaks would depend on the length of paths.
const COLUMNS: &str = "1000";

/// What one call left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallOutput {
    /// The exit status.
    pub exit: i32,
    /// The report, when one was written.
    pub report: Option<String>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Makes one call by `program`, which may stand in front of a binary, and takes what it left.
pub fn call_by(
    program: &Path,
    site: &Site,
    definition: &Definition,
    call: &Call,
    limit: Duration,
) -> anyhow::Result<CallOutput> {
    let mut command = command(program, site, definition, call);
    let output = run_within(&mut command, limit).context("calling confiture")?;
    let exit = output.status.code();
    let exit = exit.with_context(|| format!("confiture ended with {}", output.status))?;
    let report = match fs::read(&site.report) {
        Ok(bytes) => {
            fs::remove_file(&site.report)?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Err(_) => None,
    };
    Ok(CallOutput {
        exit,
        report,
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// Reads the ledger with the Python of an installation.
pub(super) fn ledger_by(
    python: &Path,
    site: &Site,
    definition: &Definition,
    limit: Duration,
) -> anyhow::Result<Value> {
    let mut command = in_clean_environment(python, site, definition);
    command.args(arguments(&site.report));
    let output = run_within(&mut command, limit).context("reading the ledger")?;
    let report = fs::read(&site.report);
    let report = report.with_context(|| format!("nothing is reported: {}", output.stderr))?;
    fs::remove_file(&site.report)?;
    Ok(serde_json::from_slice(&report)?)
}

/// Where an `up` runs that comes before a case, with its files below `root`.
pub(super) fn site_of_up(release: Release, root: &Path, endpoint: Endpoint) -> Site {
    Site {
        release,
        project: root.join("project"),
        report: root.join("report.json"),
        links: root.join("links"),
        environment: None,
        machine: None,
        endpoint,
    }
}

/// The command of one call, in an environment that holds nothing of this machine.
pub(super) fn command(
    program: &Path,
    site: &Site,
    definition: &Definition,
    call: &Call,
) -> Command {
    let names = site.names();
    let argv = call.argv(if call.is_planned() && site.links.is_dir() {
        LINKS
    } else {
        definition.migrations_dir
    });
    let mut command = in_clean_environment(program, site, definition);
    command.args(argv.iter().map(|argument| names.expand(argument)));
    if call.is_operation() {
        command.envs(set_variables());
    }
    command.env("COLUMNS", COLUMNS);
    if *call == Call::PreflightAgainst {
        command.env(PGPASSWORD, &site.endpoint.password);
    }
    command
}

/// A program in an environment that holds nothing of this machine, and the connection of the case.
fn in_clean_environment(program: &Path, site: &Site, definition: &Definition) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(&site.project)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &site.project)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    for (name, value) in definition.connection.environment(&site.endpoint) {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}
