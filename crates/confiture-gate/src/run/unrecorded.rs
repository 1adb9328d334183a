//! The cases without a recording: they are judged without a baseline.

use std::sync::LazyLock;

use contract_catalogue::case::Case;
use contract_catalogue::catalogue::parse;
use contract_lab::runner::Runner;

use super::case::Ran;
use super::settings::Setup;
use super::{cancelled, effects, session};

/// The text with these cases.
pub(super) const UNRECORDED: &str = include_str!("unrecorded.toml");

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| parse(UNRECORDED).expect("the cases of this crate"));

/// All cases without a recording.
pub fn cases() -> Vec<Case> {
    CASES.clone()
}

/// Runs and judges `case`, if it is one of them.
pub(crate) fn run(
    setup: &Setup<'_>,
    runner: &Runner<'_>,
    case: &Case,
) -> anyhow::Result<Option<Ran>> {
    if !CASES.iter().any(|known| known.name == case.name) {
        return Ok(None);
    }
    let prepared = runner.prepare(&case.definition)?;
    match case.name {
        cancelled::NAME => cancelled::run(setup, case, &prepared),
        session::NAME => session::run(setup, case, &prepared),
        _ => effects::run(setup, case, prepared, runner.server()),
    }
    .map(Some)
}
