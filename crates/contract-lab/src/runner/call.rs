//! One call of a binary, in an environment without anything of this machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::call::Call;
use contract_catalogue::case::Definition;
use contract_catalogue::connection::{Endpoint, PGPASSWORD};
use contract_catalogue::release::Release;
use contract_catalogue::site::Site;
use fraisier_adapter_confiture::tools::replay::set_variables;

use crate::command::{Output, run_within};

/// Wide enough that nothing is wrapped: line breaks would depend on the lengths of paths.
const COLUMNS: &str = "1000";

/// Makes one call of `program`, which may be a wrapper of the binary, and removes its report.
pub fn call_by(
    program: &Path,
    site: &Site,
    definition: &Definition,
    call: &Call,
    limit: Duration,
) -> anyhow::Result<Output> {
    let mut command = command(program, site, definition, call);
    let output = run_within(&mut command, limit).context("calling confiture")?;
    let status = output.status;
    ensure!(status.code().is_some(), "confiture ended with {status}");
    let _ = fs::remove_file(&site.report);
    Ok(output)
}

/// The site of an `up` that prepares a case, with its files below `root`.
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

/// The command of one call, in an environment without anything of this machine.
pub(super) fn command(
    program: &Path,
    site: &Site,
    definition: &Definition,
    call: &Call,
) -> Command {
    let names = site.names();
    let argv = call.argv(definition.migrations_dir);
    let mut command = Command::new(program);
    command
        .args(argv.iter().map(|argument| names.expand(argument)))
        .current_dir(&site.project)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &site.project)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("COLUMNS", COLUMNS);
    if call.is_operation() {
        command.envs(set_variables());
    }
    for (name, value) in definition.connection.environment(&site.endpoint) {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if *call == Call::PreflightAgainst {
        command.env(PGPASSWORD, &site.endpoint.password);
    }
    command
}
