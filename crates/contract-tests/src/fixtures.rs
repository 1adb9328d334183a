//! `contract-fixtures/` as a whole: what it must hold, and nothing beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::case::Case;
use crate::index::Index;
use crate::recording::Recording;
use crate::release::Release;

/// The index's file name.
pub const INDEX: &str = "index.json";
/// How the recordings came to be, by release.
pub const PROVENANCE: &str = "provenance.json";
const README: &str = "README.md";

/// Where the recordings of this checkout are.
#[must_use]
pub fn default_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contract-fixtures")
}

/// Everything recorded, checked to be complete and to hold nothing else.
#[derive(Debug)]
pub struct Fixtures {
    /// The index.
    pub index: Index,
    /// The recordings of each directory, by case name.
    pub directories: BTreeMap<Release, BTreeMap<String, Recording>>,
}

impl Fixtures {
    /// Reads everything below `root`.
    ///
    /// # Errors
    ///
    /// When there is no recording at all; when the index names a directory that is not there or a
    /// directory is not in the index; when a directory lacks a case of `catalogue`, holds one that
    /// the catalogue does not know, or was made from another definition of it; when a snapshot has
    /// no recording; when there is any other file.
    pub fn load(root: &Path, catalogue: &[Case]) -> anyhow::Result<Self> {
        let index = fs::read_to_string(root.join(INDEX))
            .with_context(|| format!("{} has no {INDEX}", root.display()))?;
        let index = Index::parse(&index)?;
        let owned = index.directories();
        let mut directories = BTreeMap::new();
        for entry in sorted_entries(root)? {
            let name = file_name(&entry);
            if entry.is_file() && [INDEX, PROVENANCE, README].contains(&name.as_str()) {
                continue;
            }
            let release: Release = name
                .parse()
                .with_context(|| format!("{} does not belong here", entry.display()))?;
            let cases = owned
                .get(&release)
                .with_context(|| format!("{} is not in the index", entry.display()))?;
            let recordings = directory(&entry, release, catalogue)?;
            ensure!(
                recordings.len() == *cases,
                "{release} holds {} cases and the index says {cases}",
                recordings.len()
            );
            directories.insert(release, recordings);
        }
        for release in owned.keys() {
            ensure!(
                directories.contains_key(release),
                "the index names {release}, which has no directory"
            );
        }
        Ok(Self { index, directories })
    }

    /// The recordings that show how `release` behaves.
    ///
    /// # Panics
    ///
    /// When the index does not list `release`.
    #[must_use]
    pub fn of(&self, release: Release) -> &BTreeMap<String, Recording> {
        let entry = self.index.entry(release).expect("a release of the index");
        &self.directories[&entry.behaves_as]
    }
}

/// Reads one release's directory and holds it against the catalogue.
fn directory(
    root: &Path,
    release: Release,
    catalogue: &[Case],
) -> anyhow::Result<BTreeMap<String, Recording>> {
    let mut recordings = BTreeMap::new();
    let mut snapshots = BTreeSet::new();
    for operation in sorted_entries(root)? {
        ensure!(operation.is_dir(), "{} is unexpected", operation.display());
        for file in sorted_entries(&operation)? {
            let file_name = file_name(&file);
            let case = |stem: &str| format!("{}/{stem}", self::file_name(&operation));
            if let Some(stem) = file_name.strip_suffix(".json") {
                let text = fs::read_to_string(&file)?;
                let recording = Recording::parse(&text)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                recordings.insert(case(stem), recording);
            } else if let Some(stem) = file_name.strip_suffix(".snap") {
                snapshots.insert(case(stem));
            } else {
                bail!("{} is unexpected", file.display());
            }
        }
    }
    for name in &snapshots {
        ensure!(
            recordings.contains_key(name),
            "{release}/{name} has a snapshot and no recording"
        );
    }
    for (name, recording) in &recordings {
        let case = catalogue
            .iter()
            .find(|case| case.name == name && case.applies_to(release))
            .with_context(|| format!("{release}/{name} is no case of the catalogue"))?;
        ensure!(
            recording.definition == case.definition.digest(),
            "{release}/{name} was recorded from another definition of the case; record it again"
        );
    }
    for case in catalogue.iter().filter(|case| case.applies_to(release)) {
        ensure!(
            recordings.contains_key(case.name),
            "{release}/{} is not recorded",
            case.name
        );
    }
    Ok(recordings)
}

fn sorted_entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("{} is missing", dir.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Call;
    use crate::case::case;
    use crate::index::Entry;

    type Change<'a> = Box<dyn FnOnce(&Path) + 'a>;

    fn catalogue() -> Vec<Case> {
        vec![
            case("current/fresh", "", Call::Current),
            case("verify/nothing", "", Call::Verify),
        ]
    }

    fn recording(case: &Case) -> String {
        let digest = case.definition.digest();
        format!(
            r#"{{"definition":"{digest}","before":null,"calls":[{{"argv":[],"env":{{}},"exit":0,
            "report":null,"stdout":[],"stderr":[]}}],"after":null}}"#
        )
    }

    /// Sound recordings of one release, changed by `change`; what reading them says.
    fn read(change: impl FnOnce(&Path)) -> Result<Fixtures, String> {
        let root = tempfile::tempdir().unwrap();
        let release = Release::new(0, 22, 0);
        let entry = Entry {
            release,
            behaves_as: release,
            cases: catalogue().len(),
            changed: Vec::new(),
        };
        let index = Index {
            releases: vec![entry],
        };
        fs::write(root.path().join(INDEX), index.to_file()).unwrap();
        for case in catalogue() {
            let path = root.path().join(format!("0.22.0/{}.json", case.name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, recording(&case)).unwrap();
        }
        change(root.path());
        Fixtures::load(root.path(), &catalogue()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn sound_recordings_are_read() {
        let fixtures = read(|_| {}).unwrap();
        assert_eq!(fixtures.of(Release::new(0, 22, 0)).len(), 2);
    }

    #[test]
    fn anything_missing_superfluous_or_stale_is_refused() {
        let write = |root: &Path, file: &str, text: &str| {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let changes: Vec<(Change<'_>, &str)> = vec![
            (
                Box::new(|root| fs::remove_file(root.join(INDEX)).unwrap()),
                "has no index.json",
            ),
            (
                Box::new(|root| write(root, INDEX, r#"{"releases":[]}"#)),
                "lists no release",
            ),
            (
                Box::new(|root| fs::remove_dir_all(root.join("0.22.0")).unwrap()),
                "which has no directory",
            ),
            (
                Box::new(|root| fs::remove_file(root.join("0.22.0/verify/nothing.json")).unwrap()),
                "verify/nothing is not recorded",
            ),
            (
                Box::new(|root| {
                    write(
                        root,
                        "0.23.0/current/fresh.json",
                        &recording(&catalogue()[0]),
                    );
                }),
                "is not in the index",
            ),
            (
                Box::new(|root| {
                    write(root, "0.22.0/up/all.json", &recording(&catalogue()[0]));
                }),
                "is no case of the catalogue",
            ),
            (
                Box::new(|root| {
                    let other = recording(&catalogue()[1]);
                    write(root, "0.22.0/current/fresh.json", &other);
                }),
                "another definition",
            ),
            (
                Box::new(|root| write(root, "0.22.0/current/at-head.snap", "")),
                "has a snapshot and no recording",
            ),
            (
                Box::new(|root| write(root, "0.22.0/current/fresh.snap.new", "")),
                "is unexpected",
            ),
            (
                Box::new(|root| write(root, "0.22.0/notes.md", "")),
                "is unexpected",
            ),
            (
                Box::new(|root| write(root, "notes.md", "")),
                "does not belong here",
            ),
            (
                Box::new(|root| {
                    let index = fs::read_to_string(root.join(INDEX)).unwrap();
                    write(root, INDEX, &index.replace(": 2,", ": 3,"));
                }),
                "the index says 3",
            ),
        ];
        for (change, expected) in changes {
            let error = read(change).unwrap_err();
            assert!(error.contains(expected), "{error} instead of {expected}");
        }
    }
}
