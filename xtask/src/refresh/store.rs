//! The recordings and the index below `contract-fixtures/`, read and written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use contract_catalogue::case::Case;
use contract_catalogue::fixtures::files::{self, Files, Kind};
use contract_catalogue::fixtures::history::History;
use contract_catalogue::fixtures::{INDEX, files::Changed};
use contract_catalogue::index::{Entry, Index};
use contract_catalogue::release::Release;

/// The text of the recordings that one release shows, by case.
pub type Texts = BTreeMap<String, String>;

/// The committed recordings and snapshots.
#[derive(Debug)]
pub struct Store<'a> {
    root: PathBuf,
    catalogue: &'a [Case],
    releases: BTreeSet<Release>,
    files: Files,
}

impl<'a> Store<'a> {
    /// Reads everything below `root`; the store is empty if there is no index.
    pub fn read(root: &Path, catalogue: &'a [Case]) -> anyhow::Result<Self> {
        let mut store = Self {
            root: root.to_owned(),
            catalogue,
            releases: BTreeSet::new(),
            files: Files::new(),
        };
        if root.join(INDEX).exists() {
            let index = Index::parse(&fs::read_to_string(root.join(INDEX))?)?;
            store.releases = index.releases().collect();
            store.files = files::read(root)?;
        }
        Ok(store)
    }

    /// The directory of the recordings.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The releases of the index.
    pub fn releases(&self) -> &BTreeSet<Release> {
        &self.releases
    }

    /// The recordings that `release` shows.
    pub fn shown_by(&self, release: Release) -> Texts {
        self.shown(release, |files| &files.recordings)
    }

    /// The adapter's results for those.
    pub fn snapshots_of(&self, release: Release) -> Texts {
        self.shown(release, |files| &files.snapshots)
    }

    fn shown(&self, release: Release, of: impl Fn(&files::CaseFiles) -> &History<String>) -> Texts {
        let applies = |case: &&Case| case.applies_to(release);
        let text = |case: &Case| {
            let text = of(self.files.get(case.name)?).shown_by(release)?;
            Some((case.name.to_owned(), text.clone()))
        };
        self.catalogue
            .iter()
            .filter(applies)
            .filter_map(text)
            .collect()
    }

    /// The cases that `release` changed.
    pub fn changed_with(&self, release: Release) -> Vec<&str> {
        let changed = |case: &&Case| {
            let files = self.files.get(case.name);
            files.is_some_and(|files| files.recordings.changed_with(release))
        };
        let changed = self.catalogue.iter().filter(changed);
        changed.map(|case| case.name).collect()
    }

    /// Adds what was recorded, by release. Releases that were not recorded now show the same as before. A
    /// case that is no longer in the catalogue is removed, with its snapshots.
    pub fn write(&mut self, recorded: &BTreeMap<Release, Texts>) -> anyhow::Result<Changed> {
        fs::create_dir_all(&self.root)?;
        let mut sum = Changed::default();
        let releases: BTreeSet<Release> = self
            .releases
            .iter()
            .chain(recorded.keys())
            .copied()
            .collect();
        let mut before = std::mem::take(&mut self.files);
        for case in self.catalogue {
            let old = before.remove(case.name).unwrap_or_default();
            let of_release = |release: &Release| {
                let now = recorded.get(release).and_then(|texts| texts.get(case.name));
                let text = now.or_else(|| old.recordings.shown_by(*release))?;
                Some((*release, text.clone()))
            };
            let applies = |release: &&Release| case.applies_to(**release);
            let history: History<String> = releases
                .iter()
                .filter(applies)
                .filter_map(of_release)
                .collect();
            let changed = files::write(
                &self.root,
                case.name,
                Kind::Recording,
                &old.recordings,
                &history,
            )?;
            sum.written += changed.written;
            sum.removed += changed.removed;
            let files = files::CaseFiles {
                recordings: history,
                snapshots: old.snapshots,
            };
            self.files.insert(case.name.to_owned(), files);
        }
        for case in before.keys() {
            fs::remove_dir_all(self.root.join(case))?;
        }
        self.releases = releases;
        fs::write(self.root.join(INDEX), self.index().to_file())?;
        Ok(sum)
    }

    fn index(&self) -> Index {
        let entry = |release: &Release| Entry {
            release: *release,
            changed: self.changed_with(*release).len(),
        };
        Index {
            releases: self.releases.iter().map(entry).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract_catalogue::catalogue::parse;

    use super::*;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    fn catalogue() -> Vec<Case> {
        let text = "[[case]]\nname = 'up/a'\n[[case]]\nname = 'up/b'\nsince = '0.23.0'\n";
        parse(text).unwrap()
    }

    fn texts(recordings: &[(&str, &str)]) -> Texts {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        recordings.iter().map(owned).collect()
    }

    /// Every file below `root` but the index, sorted.
    fn listing(root: &Path) -> Vec<String> {
        let mut listing = Vec::new();
        for (name, files) in files::read(root).unwrap() {
            let recordings = files.recordings.stored();
            listing.extend(recordings.map(|(release, _)| format!("{name}/{release}.json")));
            let snapshots = files.snapshots.stored();
            listing.extend(snapshots.map(|(release, _)| format!("{name}/{release}.snap")));
        }
        listing
    }

    /// 0.22.0 to 0.24.0, where 0.23.0 changed `up/a`.
    fn stored(root: &Path, catalogue: &[Case]) {
        let recorded = BTreeMap::from([
            (release("0.22.0"), texts(&[("up/a", "1")])),
            (release("0.23.0"), texts(&[("up/a", "2"), ("up/b", "1")])),
            (release("0.24.0"), texts(&[("up/a", "2"), ("up/b", "1")])),
        ]);
        Store::read(root, catalogue)
            .unwrap()
            .write(&recorded)
            .unwrap();
    }

    #[test]
    fn a_recorded_release_stores_its_changes_and_an_index_line() {
        let (root, catalogue) = (tempfile::tempdir().unwrap(), catalogue());
        stored(root.path(), &catalogue);
        let expected = ["up/a/0.22.0.json", "up/a/0.23.0.json", "up/b/0.23.0.json"];
        assert_eq!(listing(root.path()), expected);

        let mut store = Store::read(root.path(), &catalogue).unwrap();
        let recorded = texts(&[("up/a", "3"), ("up/b", "1")]);
        let changed = store.write(&BTreeMap::from([(release("0.25.0"), recorded)]));
        assert_eq!(
            (changed.unwrap().written, listing(root.path()).len()),
            (1, 4)
        );
        assert_eq!(store.changed_with(release("0.25.0")), ["up/a"]);
        let index = fs::read_to_string(root.path().join(INDEX)).unwrap();
        let counts: Vec<usize> = Index::parse(&index)
            .unwrap()
            .releases
            .iter()
            .map(|entry| entry.changed)
            .collect();
        assert_eq!(counts, [1, 2, 0, 1]);
    }

    #[test]
    fn recording_a_release_again_does_not_change_the_others() {
        let (root, catalogue) = (tempfile::tempdir().unwrap(), catalogue());
        stored(root.path(), &catalogue);
        let mut store = Store::read(root.path(), &catalogue).unwrap();
        let recorded = texts(&[("up/a", "1"), ("up/b", "1")]);
        store
            .write(&BTreeMap::from([(release("0.23.0"), recorded)]))
            .unwrap();
        let store = Store::read(root.path(), &catalogue).unwrap();
        let a = |name: &str| store.shown_by(release(name))["up/a"].clone();
        assert_eq!(["0.22.0", "0.23.0", "0.24.0"].map(a), ["1", "1", "2"]);
        let expected = ["up/a/0.22.0.json", "up/a/0.24.0.json", "up/b/0.23.0.json"];
        assert_eq!(listing(root.path()), expected);
    }

    #[test]
    fn a_removed_case_loses_its_snapshots() {
        let (root, catalogue) = (tempfile::tempdir().unwrap(), catalogue());
        stored(root.path(), &catalogue);
        for name in ["up/a/0.22.0.snap", "up/b/0.23.0.snap"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let mut store = Store::read(root.path(), &catalogue[..1]).unwrap();
        store.write(&BTreeMap::new()).unwrap();
        let expected = ["up/a/0.22.0.json", "up/a/0.23.0.json", "up/a/0.22.0.snap"];
        assert_eq!(listing(root.path()), expected);
    }
}
