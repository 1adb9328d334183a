//! `--promote`: a release gets its recordings, and the difference is written for its reviewer.

use std::process::ExitCode;

use contract_gate::run::Settings;
use contract_gate::run::server::Servers;
use contract_lab::Lab;
use contract_tests::release::Release;

use super::args::GateArgs;

/// Runs it.
pub fn run(
    _args: &GateArgs,
    _release: Release,
    _settings: &Settings<'_>,
    _lab: &Lab,
    _servers: &Servers<'_>,
) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
