//! What is injected: one change at a time, and the cause that the gate has to name.

mod done;
mod fields;
mod flags;
mod harmless;
mod outcomes;

use super::tamper::{Act, Tamper};

/// One change, and what the gate has to say of it.
#[derive(Debug, Clone)]
pub struct Injection {
    /// The change, in words.
    pub name: String,
    /// The change.
    pub tamper: Tamper,
    /// How the id of the cause begins; none for a change that harms nobody.
    pub cause: Option<String>,
    /// The cases to look at; without any, all that make such a call.
    pub only: Vec<&'static str>,
    /// Whether confiture itself has to be called: what it does then was not seen before.
    pub live: bool,
}

impl Injection {
    fn harmful(call: &str, act: Act, cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::harmless(call, act)
        }
    }

    fn harmless(call: &str, act: Act) -> Self {
        Self {
            name: format!("{call}: {}", act.words()),
            tamper: Tamper {
                call: call.to_owned(),
                act,
            },
            cause: None,
            only: Vec::new(),
            live: false,
        }
    }

    fn only(mut self, cases: &[&'static str]) -> Self {
        self.only = cases.to_vec();
        self
    }

    fn live(mut self) -> Self {
        self.live = true;
        self
    }
}

/// Everything that is injected.
#[must_use]
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
