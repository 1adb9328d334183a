//! The cases without a recording: they are judged without a baseline.

use contract_catalogue::case::Case;
use contract_lab::runner::Runner;

use super::ran::Ran;
use super::setup::Setup;
use super::{cancelled, effects, session};

/// All cases without a recording.
pub fn cases() -> Vec<Case> {
    let effects = effects::effects().into_iter().map(|effect| effect.case);
    [cancelled::case(), session::case()]
        .into_iter()
        .chain(effects)
        .collect()
}

/// Whether the case of this name is one of them.
pub fn has(name: &str) -> bool {
    cases().iter().any(|case| case.name == name)
}

/// Runs and judges `case`, if it is one of them.
pub(crate) fn run(
    setup: &Setup<'_>,
    runner: &Runner<'_>,
    case: &Case,
) -> anyhow::Result<Option<Ran>> {
    if !has(case.name) {
        return Ok(None);
    }
    let prepared = runner.prepare(&case.definition)?;
    let mut effects = effects::effects().into_iter();
    match case.name {
        cancelled::NAME => cancelled::run(setup, case, &prepared),
        session::NAME => session::run(setup, case, &prepared),
        name => {
            let effect = effects.find(|effect| effect.case.name == name);
            let effect = effect.expect("what is no other case is an effect");
            effects::run(setup, &effect, prepared, runner.server())
        }
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
            assert!(!has(case.name), "{}", case.name);
        }
    }
}
