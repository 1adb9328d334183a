//! `--self-test`: does the gate find what harms, and only that?

use std::process::ExitCode;

use anyhow::Context as _;
use contract_gate::run::Settings;
use contract_gate::run::server::Servers;
use contract_gate::run::terms::Terms;
use contract_gate::self_test::injections::injections;
use contract_gate::self_test::self_test;
use contract_lab::Lab;

use super::args::{GateArgs, Size};
use super::candidates::{self, ready};

/// Runs it; a miss is a no.
pub fn run(
    args: &GateArgs,
    size: Size,
    settings: &Settings<'_>,
    lab: &Lab,
    servers: &Servers<'_>,
) -> anyhow::Result<ExitCode> {
    let newest = settings.recorded.releases().last().map(ToString::to_string);
    let named = match args.candidates.first().cloned().or(newest) {
        Some(name) => candidates::named(&[name], settings.recorded)?,
        None => Vec::new(),
    };
    let named = named.first().context("no release is recorded")?;
    let provided = ready(args, named, lab)?;
    let terms = Terms::new(settings, &provided.installed.version)?;
    let server = servers.current()?;
    let injections: Vec<_> = injections()
        .into_iter()
        .filter(|injection| size == Size::Whole || !injection.live)
        .collect();
    let score = self_test(settings, &provided, terms, &server, &injections, lab.ui)?;
    print!("{score}");
    Ok(ExitCode::from(u8::from(!score.is_full())))
}
