//! What is injected: one change at a time, and the cause that the gate has to name.

mod done;
mod fields;
mod flags;
mod harmless;
mod injection;
mod outcomes;

pub use injection::Injection;

/// Everything that is injected.
pub fn injections() -> Vec<Injection> {
    let mut all = fields::injections();
    all.extend(outcomes::injections());
    all.extend(flags::injections());
    all.extend(done::injections());
    all.extend(harmless::injections());
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contract_tests::catalogue::catalogue;

    use super::*;
    use crate::run::unrecorded;

    #[test]
    fn at_least_a_hundred_and_a_quarter_of_them_harmless() {
        let all = injections();
        let harmless = all.iter().filter(|injection| injection.cause.is_none());
        assert!(all.len() >= 100, "{}", all.len());
        assert!(harmless.count() >= 25);
    }

    #[test]
    fn no_injection_is_there_twice_and_each_has_its_cases() {
        let all = injections();
        let names: BTreeSet<&str> = all
            .iter()
            .map(|injection| injection.name.as_str())
            .collect();
        assert_eq!(names.len(), all.len());
        let mut known: BTreeSet<&str> = catalogue().iter().map(|case| case.name).collect();
        known.extend(unrecorded::cases().iter().map(|case| case.name));
        for injection in &all {
            for case in &injection.only {
                assert!(known.contains(case), "{case}");
            }
        }
    }
}
