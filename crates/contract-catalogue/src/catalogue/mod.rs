//! Every case of the contract, defined once.
//!
//! The recorder records them, the replay suite checks the recordings and the adapter with them, and the
//! gate runs them live to judge a release that is not recorded yet.

mod current;
mod down_to;
mod ledger_order;
mod preflight;
mod projects;
mod surface;
mod up;
mod verify;

use fraisier_adapter_api::AdapterErrorKind;

use crate::call::Call;
use crate::case::Case;
use crate::expectation::{Expected, Fact};

/// All cases, by operation, in the order in which they are best read. What holds for every case is added
/// here.
pub fn catalogue() -> Vec<Case> {
    let cases = [
        current::cases(),
        up::cases(),
        down_to::cases(),
        ledger_order::cases(),
        verify::cases(),
        preflight::cases(),
        surface::cases(),
    ]
    .concat();
    let general = |case: Case| match case.definition.call {
        Call::Preflight | Call::PreflightAgainst => {
            case.expect([Fact::DocumentedExits, Fact::IssueNamespace])
        }
        _ => case.expect([Fact::DocumentedExits]),
    };
    cases.into_iter().map(general).collect()
}

/// The adapter has a result.
const RESULT: Fact = Fact::Adapter(Expected::Result);

/// The adapter fails in this way.
const fn error(kind: AdapterErrorKind) -> Fact {
    Fact::Adapter(Expected::Error(kind))
}

/// The adapter refuses in this way before it starts the command.
const fn refused(kind: AdapterErrorKind) -> Fact {
    Fact::Adapter(Expected::Refused(kind))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::FLOOR;

    #[test]
    fn names_are_unique_paths_of_an_operation_and_a_situation() {
        let mut names = BTreeSet::new();
        for case in catalogue() {
            assert!(names.insert(case.name), "{} twice", case.name);
            let (operation, situation) = case.name.split_once('/').expect(case.name);
            for part in [operation, situation] {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
                assert!(!part.is_empty() && part.bytes().all(plain), "{}", case.name);
            }
        }
    }

    #[test]
    fn every_release_has_at_least_forty_five_cases() {
        let on_the_oldest = catalogue()
            .iter()
            .filter(|case| case.applies_to(FLOOR))
            .count();
        assert!(on_the_oldest >= 45, "{on_the_oldest}");
    }

    #[test]
    fn every_case_has_an_expectation() {
        for case in catalogue() {
            let judged = |fact: &Fact| matches!(fact, Fact::Adapter(_));
            let facts = || {
                case.expectations
                    .iter()
                    .map(|expectation| &expectation.fact)
            };
            assert!(facts().any(|fact| !judged(fact)), "{}", case.name);
            if case.definition.call.is_operation() {
                assert!(facts().any(judged), "{}", case.name);
            }
        }
    }
}
