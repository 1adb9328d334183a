//! The cases without a recording: they are judged without a baseline.

use std::sync::LazyLock;

use contract_catalogue::case::Case;
use contract_catalogue::catalogue::parse;
use contract_lab::runner::Runner;

use super::case::Ran;
use super::settings::Setup;
use super::{cancelled, effects, session};

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| parse(include_str!("unrecorded.toml")).expect("the cases of this crate"));

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

#[cfg(test)]
mod tests {
    use contract_catalogue::catalogue::catalogue;

    use super::*;

    #[test]
    fn unrecorded_cases_have_names_of_their_own() {
        for case in catalogue() {
            let has = CASES.iter().any(|known| known.name == case.name);
            assert!(!has, "{}", case.name);
        }
    }
}
