//! The index: every recorded release, and the directory whose behaviour it shares.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::release::Release;

/// The history of the contract, oldest release first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// One entry for each release.
    pub releases: Vec<Entry>,
}

/// One release of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The release.
    pub release: Release,
    /// The release whose directory shows how this one behaves; itself when it has its own.
    pub behaves_as: Release,
    /// How many cases are recorded of it.
    pub cases: usize,
    /// The cases whose recording differs from the release before, as `operation/situation`, or
    /// `operation/*` where all of that operation's do. Empty when it behaves as that one did.
    pub changed: Vec<String>,
}

impl Index {
    /// Reads an index and checks it.
    ///
    /// # Errors
    ///
    /// When the text is not an index, lists no release, lists one twice or out of order, or names a
    /// directory that no release of the index owns.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let index: Self = serde_json::from_str(text).context("the index cannot be read")?;
        ensure!(!index.releases.is_empty(), "the index lists no release");
        for pair in index.releases.windows(2) {
            let (one, next) = (pair[0].release, pair[1].release);
            ensure!(one < next, "the index lists {next} after {one}");
        }
        let directories = index.directories();
        for entry in &index.releases {
            let owner = index.entry(entry.behaves_as);
            ensure!(
                owner.is_some_and(|owner| owner.behaves_as == owner.release),
                "{} behaves as {}, which has no directory of its own",
                entry.release,
                entry.behaves_as,
            );
            ensure!(
                directories.get(&entry.behaves_as) == Some(&entry.cases),
                "{} and {} share a directory and differ in their number of cases",
                entry.release,
                entry.behaves_as,
            );
        }
        Ok(index)
    }

    /// The entry of `release`.
    #[must_use]
    pub fn entry(&self, release: Release) -> Option<&Entry> {
        self.releases.iter().find(|entry| entry.release == release)
    }

    /// The releases that have a directory, with how many cases it holds.
    #[must_use]
    pub fn directories(&self) -> BTreeMap<Release, usize> {
        let own = |entry: &&Entry| entry.behaves_as == entry.release;
        let counted = |entry: &Entry| (entry.release, entry.cases);
        self.releases.iter().filter(own).map(counted).collect()
    }

    /// The text of the file that holds this index.
    ///
    /// # Panics
    ///
    /// Never: an index always has a JSON form.
    #[must_use]
    pub fn to_file(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("an index has a JSON form");
        text.push('\n');
        text
    }
}

/// What differs between the recordings of two releases, for [`Entry::changed`].
#[must_use]
pub fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = |name: &&&String| before.get(**name) != after.get(**name);
    let operation = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    let mut of_operation: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for name in &names {
        of_operation.entry(operation(name)).or_default().0 += 1;
    }
    for name in names.iter().filter(differs) {
        let changed = &mut of_operation.entry(operation(name)).or_default().1;
        changed.push((*name).clone());
    }
    of_operation
        .into_iter()
        .flat_map(|(operation, (all, changed))| {
            if changed.len() == all {
                vec![format!("{operation}/*")]
            } else {
                changed
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(release: &str, behaves_as: &str, cases: usize) -> Entry {
        Entry {
            release: release.parse().unwrap(),
            behaves_as: behaves_as.parse().unwrap(),
            cases,
            changed: Vec::new(),
        }
    }

    fn parsed(releases: Vec<Entry>) -> anyhow::Result<Index> {
        Index::parse(&Index { releases }.to_file())
    }

    #[test]
    fn a_sound_index_is_read() {
        let index = parsed(vec![
            entry("0.22.0", "0.22.0", 3),
            entry("0.23.0", "0.23.0", 3),
            entry("0.24.0", "0.23.0", 3),
        ])
        .unwrap();
        assert_eq!(index.directories().len(), 2);
    }

    #[test]
    fn an_unsound_index_is_refused() {
        for releases in [
            vec![],
            vec![entry("0.22.0", "0.22.0", 3), entry("0.22.0", "0.22.0", 3)],
            vec![entry("0.23.0", "0.23.0", 3), entry("0.22.0", "0.22.0", 3)],
            vec![entry("0.22.0", "0.20.0", 3)],
            vec![entry("0.22.0", "0.22.0", 3), entry("0.23.0", "0.22.0", 4)],
        ] {
            assert!(parsed(releases.clone()).is_err(), "{releases:?}");
        }
        assert!(Index::parse("{}").is_err());
    }

    #[test]
    fn changes_are_named_by_case_or_by_whole_operation() {
        let recordings = |texts: [(&str, &str); 3]| {
            BTreeMap::from(texts.map(|(name, text)| (name.to_owned(), text.to_owned())))
        };
        let before = recordings([("up/a", "1"), ("up/b", "1"), ("current/a", "1")]);
        let after = recordings([("up/a", "2"), ("up/b", "1"), ("current/a", "2")]);
        assert_eq!(changes(&before, &after), ["current/*", "up/a"]);
        assert!(changes(&before, &before).is_empty());
    }
}
