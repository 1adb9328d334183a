//! What is injected: one change at a time, and the cause that the gate has to name.

mod done;
mod fields;
mod flags;
mod harmless;
mod outcomes;

use std::collections::HashSet;
use std::mem::discriminant;

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

/// How many harmful changes stand for one in [`share`].
const ONE_OF: usize = 3;

/// A share for every change of this repository: all that harms nobody, every kind of harm, and every
/// third of the harmful changes for which confiture itself is not called again.
#[must_use]
pub fn share() -> Vec<Injection> {
    let mut kinds = HashSet::new();
    let mut others = 0;
    let chosen = |injection: &Injection| {
        if injection.cause.is_none() || kinds.insert(discriminant(&injection.tamper.act)) {
            return true;
        }
        if injection.live {
            return false;
        }
        others += 1;
        others % ONE_OF == 0
    };
    injections().into_iter().filter(chosen).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contract_tests::catalogue::catalogue;

    use super::*;
    use crate::run::interrupted;

    #[test]
    fn at_least_a_hundred_and_a_quarter_of_them_harmless() {
        let all = injections();
        let harmless = all.iter().filter(|injection| injection.cause.is_none());
        assert!(all.len() >= 100, "{}", all.len());
        assert!(harmless.count() >= 25);
    }

    #[test]
    fn the_share_has_every_kind_of_harm_and_all_that_is_harmless() {
        let (all, share) = (injections(), share());
        let kinds = |injections: &[Injection]| -> HashSet<_> {
            let harmful = injections.iter().filter(|one| one.cause.is_some());
            harmful.map(|one| discriminant(&one.tamper.act)).collect()
        };
        let harmless =
            |injections: &[Injection]| injections.iter().filter(|one| one.cause.is_none()).count();
        assert!(share.len() >= 100, "{}", share.len());
        assert!(share.len() * 2 < all.len(), "{}", share.len());
        assert!(harmless(&share) >= 25);
        assert_eq!(harmless(&share), harmless(&all));
        assert_eq!(kinds(&share), kinds(&all));
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
        known.insert(interrupted::NAME);
        for injection in &all {
            for case in &injection.only {
                assert!(known.contains(case), "{case}");
            }
        }
    }
}
