//! The cases that no recording holds: they are judged by themselves, without a baseline.

use contract_lab::runner::Runner;
use contract_tests::case::Case;

use super::bench::Bench;
use super::ran::Ran;
use super::{effects, interrupted};

/// All of them.
#[must_use]
pub fn cases() -> Vec<Case> {
    let effects = effects::effects().into_iter().map(|effect| effect.case);
    std::iter::once(interrupted::case())
        .chain(effects)
        .collect()
}

/// Whether the case of this name is one of them.
#[must_use]
pub fn has(name: &str) -> bool {
    cases().iter().any(|case| case.name == name)
}

/// Runs and judges `case`, when it is one of them.
///
/// # Errors
/// When it cannot be run.
pub(crate) fn run(
    bench: &Bench<'_>,
    runner: &Runner<'_>,
    case: &Case,
) -> anyhow::Result<Option<Ran>> {
    if case.name == interrupted::NAME {
        let prepared = runner.prepare(&case.definition)?;
        return interrupted::run(bench, case, &prepared).map(Some);
    }
    let mut effects = effects::effects().into_iter();
    match effects.find(|effect| effect.case.name == case.name) {
        Some(effect) => {
            let prepared = runner.prepare(&case.definition)?;
            effects::run(bench, &effect, prepared, runner.server()).map(Some)
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use contract_tests::catalogue::catalogue;

    use super::*;

    #[test]
    fn none_has_the_name_of_a_recorded_case() {
        for case in catalogue() {
            assert!(!has(case.name), "{}", case.name);
        }
    }
}
