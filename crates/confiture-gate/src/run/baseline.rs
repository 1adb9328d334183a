//! The recordings of a release, case by case.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use contract_catalogue::announced::{
    MOVED_CODES, PENDING_SCOPE, judge_pending, scoped_result, without_moved_codes,
};
use contract_catalogue::call::Call;
use contract_catalogue::case::Case;
use contract_catalogue::fixtures::Fixtures;
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;
use contract_lab::trouble::Trouble;

use crate::answer::AdapterAnswer;

/// The recordings of the revision that this program was built from: path and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

/// A recorded release to compare with.
#[derive(Debug)]
pub struct Baseline {
    /// The release.
    pub release: Release,
    /// Its recordings, with the adapter's answers.
    pub cases: BTreeMap<String, (Recording, AdapterAnswer)>,
}

/// All recorded releases.
#[derive(Debug)]
pub struct Recorded {
    fixtures: Fixtures,
}

impl Recorded {
    /// Reads the recordings below `root`, or those that this program contains.
    pub fn load(root: Option<&Path>, catalogue: &[Case]) -> anyhow::Result<Self> {
        let fixtures = match root {
            Some(root) => Fixtures::load(root, catalogue)?,
            None => Fixtures::of_texts(EMBEDDED.iter().copied(), catalogue)?,
        };
        Ok(Self { fixtures })
    }

    /// The recorded releases, oldest first.
    pub fn releases(&self) -> Vec<Release> {
        self.fixtures.releases().collect()
    }

    /// Whether `release` is recorded.
    pub fn has(&self, release: Release) -> bool {
        self.fixtures.releases().any(|known| known == release)
    }

    /// `release`, if it can be a baseline.
    pub fn known(&self, release: Release) -> Result<Release, Trouble> {
        if self.has(release) {
            return Ok(release);
        }
        Err(Trouble::new(
            format!("{release} is not recorded, so nothing can be compared with it"),
            "choose a release of contract-fixtures/index.json with --against",
        ))
    }

    /// The newest recorded release that is not newer than `release`.
    pub fn not_newer_than(&self, release: Release) -> Result<Release, Trouble> {
        let mut releases = self.releases().into_iter().rev();
        releases.find(|known| *known <= release).ok_or_else(|| {
            Trouble::new(
                format!("no recorded release is as old as {release}"),
                "choose a baseline with --against",
            )
        })
    }

    /// The recordings of `release` as a baseline.
    pub fn baseline(&self, release: Release) -> anyhow::Result<Baseline> {
        self.known(release)?;
        let mut cases = BTreeMap::new();
        for (name, recording) in self.fixtures.shown_by(release) {
            let snapshot = self.fixtures.snapshot(release, name);
            let snapshot = snapshot.with_context(|| {
                format!(
                    "{release}/{name} has no snapshot; \
                     `UPDATE_SNAPSHOTS=1 cargo test -p contract-catalogue --test replay` writes it"
                )
            })?;
            let answer =
                AdapterAnswer::parse(snapshot).with_context(|| format!("{release}/{name}"))?;
            cases.insert(name.to_owned(), (recording.clone(), answer));
        }
        Ok(Baseline { release, cases })
    }
}

impl Baseline {
    /// The baseline for a newer release, whose preflight judges only what is pending.
    pub fn expected_of(mut self, cases: &[Case], newer: Release) -> Self {
        if self.release >= PENDING_SCOPE || newer < PENDING_SCOPE {
            return self;
        }
        for case in cases {
            let Some((recording, answer)) = self.cases.get_mut(case.name) else {
                continue;
            };
            let before = recording.before.as_ref();
            let revision = before.and_then(|state| state.revision.clone());
            for call in &mut recording.calls {
                judge_pending(call, revision.as_deref());
            }
            if let AdapterAnswer::Result(result) = answer {
                scoped_result(&case.definition.call, result, revision.as_deref());
                if newer >= MOVED_CODES && case.definition.call == Call::ExitCodes {
                    without_moved_codes(result);
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use contract_catalogue::catalogue::catalogue;

    use super::*;
    use crate::answer::changed_answers;
    use crate::drift::drift;

    #[test]
    fn a_recorded_release_is_its_own_baseline() {
        let catalogue = catalogue();
        let recorded = Recorded::load(None, &catalogue).unwrap();
        let newest = *recorded.releases().last().unwrap();
        let baseline = recorded.baseline(newest).unwrap();
        assert_eq!(
            recorded.not_newer_than(Release::new(99, 0, 0)).unwrap(),
            newest
        );
        for refused in [
            recorded.not_newer_than(Release::new(0, 1, 0)).unwrap_err(),
            recorded.known(Release::new(99, 0, 0)).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("--against"), "{refused}");
        }
        for case in &catalogue {
            let (recording, answer) = &baseline.cases[case.name];
            assert!(drift(recording, recording).is_empty(), "{}", case.name);
            let call = &case.definition.call;
            assert!(
                changed_answers(call, answer, answer).is_empty(),
                "{}",
                case.name
            );
        }
    }
}
