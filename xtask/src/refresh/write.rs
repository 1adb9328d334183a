//! Writes recordings, the index and the provenance below `contract-fixtures/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use contract_tests::fixtures::{INDEX, PROVENANCE};
use contract_tests::index::{Entry, Index, changes};
use contract_tests::release::Release;
use serde::{Deserialize, Serialize};

use super::changes::describe;
use super::record::Recorded;
use crate::exit::Trouble;
use contract_lab::confiture::Installed;
use contract_lab::ui::Ui;

/// The text of every file of one release's directory, by case.
pub type Texts = BTreeMap<String, String>;

/// The packages whose version can change what confiture does or prints.
const PACKAGES_THAT_MATTER: &[&str] = &[
    "click", "pglast", "psycopg", "pydantic", "pyyaml", "rich", "sqlglot", "typer",
];

/// The case that records the exit codes a release documents.
const EXIT_CODES: &str = "surface/exit-codes";
/// Where the adapter keeps those of the newest release, from the recordings.
const ADAPTERS_EXIT_CODES: &str =
    "../crates/fraisier-adapter-confiture/src/failure/exit-codes.json";

/// What was written.
pub struct Written {
    /// Releases with a directory of their own.
    pub directories: usize,
    /// Releases that behave as another one.
    pub shared: usize,
}

/// How one release was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Provenance {
    system: String,
    python: String,
    postgresql: String,
    packages: BTreeMap<String, String>,
}

/// The releases of the index; none when there is no index yet.
///
/// # Errors
/// When the index cannot be read.
pub fn index(root: &Path) -> anyhow::Result<BTreeSet<Release>> {
    let index = read_index(root)?;
    Ok(index.releases.iter().map(|entry| entry.release).collect())
}

fn read_index(root: &Path) -> anyhow::Result<Index> {
    match fs::read_to_string(root.join(INDEX)) {
        Ok(text) => Index::parse(&text),
        Err(_) => Ok(Index::default()),
    }
}

/// The recordings of `release` as the fixtures below `root` have them.
///
/// # Errors
/// When a file cannot be read, or the release is not in the index.
pub fn texts_of(root: &Path, release: Release) -> anyhow::Result<Texts> {
    let index = read_index(root)?;
    let entry = index
        .entry(release)
        .with_context(|| format!("{release} is not in the index"))?;
    read_texts(&root.join(entry.behaves_as.to_string()))
}

fn read_texts(directory: &Path) -> anyhow::Result<Texts> {
    let mut texts = Texts::new();
    for operation in fs::read_dir(directory)? {
        let operation = operation?;
        for file in fs::read_dir(operation.path())? {
            let path = file?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let name = format!("{}/{stem}", operation.file_name().to_string_lossy());
                texts.insert(name, fs::read_to_string(&path)?);
            }
        }
    }
    Ok(texts)
}

/// The texts of what was recorded of one release.
pub fn texts(recorded: &Recorded) -> Texts {
    let text = |(name, recording): (&String, &contract_tests::recording::Recording)| {
        (name.clone(), recording.to_file())
    };
    recorded.iter().map(text).collect()
}

/// Writes what was recorded, and tells what changed from release to release.
///
/// A release whose recordings all equal those of an earlier directory gets none of its own.
///
/// # Errors
/// When a file cannot be read or written, or when a directory would change that a release shares
/// which was not recorded now.
pub fn all(
    recorded: &BTreeMap<Release, Recorded>,
    installed: &BTreeMap<Release, Installed>,
    postgresql: &str,
    root: &Path,
    ui: Ui,
) -> anyhow::Result<Written> {
    fs::create_dir_all(root)?;
    let old = read_index(root)?;
    let mut known: BTreeMap<Release, Texts> = BTreeMap::new();
    for entry in &old.releases {
        if !recorded.contains_key(&entry.release) {
            let shown_by = recorded.get(&entry.behaves_as).map(texts);
            let before = read_texts(&root.join(entry.behaves_as.to_string()))?;
            if shown_by.is_some_and(|now| now != before) {
                return Err(Trouble::new(
                    format!(
                        "{} shares the directory of {}, which would change",
                        entry.release, entry.behaves_as
                    ),
                    format!("record {} as well", entry.release),
                )
                .into());
            }
            known.insert(entry.release, before);
        }
    }
    for (release, recordings) in recorded {
        known.insert(*release, texts(recordings));
    }

    let index = index_of(&known);
    let directories = index.directories();
    for entry in old
        .releases
        .iter()
        .filter(|entry| entry.behaves_as == entry.release)
    {
        if !directories.contains_key(&entry.release) {
            fs::remove_dir_all(root.join(entry.release.to_string()))?;
        }
    }
    for release in directories.keys() {
        write_directory(&root.join(release.to_string()), &known[release])?;
    }
    for entry in &index.releases {
        if recorded.contains_key(&entry.release) {
            ui.note(&describe(entry));
        }
    }
    fs::write(root.join(INDEX), index.to_file())?;
    write_provenance(recorded, installed, postgresql, root)?;
    write_exit_codes(&index, recorded, root)?;
    Ok(Written {
        directories: directories.len(),
        shared: index.releases.len() - directories.len(),
    })
}

/// Puts the exit codes of the newest release beside the adapter's classification of them, when
/// `root` lies beside the adapter.
fn write_exit_codes(
    index: &Index,
    recorded: &BTreeMap<Release, Recorded>,
    root: &Path,
) -> anyhow::Result<()> {
    let newest = index.releases.last().map(|entry| entry.release);
    let recording = newest.and_then(|newest| recorded.get(&newest)?.get(EXIT_CODES));
    let path = root.join(ADAPTERS_EXIT_CODES);
    if let Some(recording) = recording.filter(|_| path.is_file()) {
        fs::write(path, recording.calls[0].stdout.to_string())?;
    }
    Ok(())
}

/// The index of these releases: each behaves as the latest earlier directory that equals it.
fn index_of(known: &BTreeMap<Release, Texts>) -> Index {
    let mut index = Index::default();
    let mut previous: Option<&Texts> = None;
    for (release, texts) in known {
        let owners = index.directories();
        let same = owners.keys().rev().find(|owner| known[owner] == *texts);
        index.releases.push(Entry {
            release: *release,
            behaves_as: same.copied().unwrap_or(*release),
            cases: texts.len(),
            changed: previous.map_or_else(Vec::new, |before| changes(before, texts)),
        });
        previous = Some(texts);
    }
    index
}

/// Makes `directory` hold these recordings and no other; snapshots of what stays are left alone.
fn write_directory(directory: &Path, texts: &Texts) -> anyhow::Result<()> {
    if directory.is_dir() {
        for name in read_texts(directory)?
            .keys()
            .filter(|name| !texts.contains_key(*name))
        {
            for extension in ["json", "snap"] {
                let _ = fs::remove_file(directory.join(format!("{name}.{extension}")));
            }
        }
    }
    for (name, text) in texts {
        let path = directory.join(format!("{name}.json"));
        if let Some(operation) = path.parent() {
            fs::create_dir_all(operation)?;
        }
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(&path, text)?;
        }
    }
    Ok(())
}

fn write_provenance(
    recorded: &BTreeMap<Release, Recorded>,
    installed: &BTreeMap<Release, Installed>,
    postgresql: &str,
    root: &Path,
) -> anyhow::Result<()> {
    let path = root.join(PROVENANCE);
    let mut provenance: BTreeMap<Release, Provenance> = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).context("the provenance cannot be read")?,
        Err(_) => BTreeMap::new(),
    };
    for release in recorded.keys() {
        let installed = &installed[release];
        let matters =
            |(name, _): &(&String, &String)| PACKAGES_THAT_MATTER.contains(&name.as_str());
        let packages = installed.packages.iter().filter(matters);
        provenance.insert(
            *release,
            Provenance {
                system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                python: installed.python.clone().unwrap_or_default(),
                postgresql: postgresql.to_owned(),
                packages: packages
                    .map(|(name, version)| (name.clone(), version.clone()))
                    .collect(),
            },
        );
    }
    let mut text = serde_json::to_string_pretty(&provenance)?;
    text.push('\n');
    fs::write(path, text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(recordings: &[(&str, &str)]) -> Texts {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        recordings.iter().map(owned).collect()
    }

    #[test]
    fn a_release_shares_the_directory_of_one_it_equals() {
        let one = texts(&[("up/a", "1"), ("up/b", "1")]);
        let two = texts(&[("up/a", "2"), ("up/b", "1")]);
        let release = |text: &str| text.parse::<Release>().unwrap();
        let index = index_of(&BTreeMap::from([
            (release("0.22.0"), one.clone()),
            (release("0.23.0"), two),
            (release("0.24.0"), one),
        ]));
        let seen: Vec<(String, String, usize)> = index
            .releases
            .iter()
            .map(|entry| {
                let texts = (entry.release.to_string(), entry.behaves_as.to_string());
                (texts.0, texts.1, entry.changed.len())
            })
            .collect();
        let row = |release: &str, as_: &str, changed| (release.to_owned(), as_.to_owned(), changed);
        assert_eq!(
            seen,
            [
                row("0.22.0", "0.22.0", 0),
                row("0.23.0", "0.23.0", 1),
                row("0.24.0", "0.22.0", 1)
            ]
        );
        assert!(Index::parse(&index.to_file()).is_ok());
    }

    #[test]
    fn a_directory_keeps_snapshots_of_what_stays_and_loses_what_went() {
        let root = tempfile::tempdir().unwrap();
        write_directory(root.path(), &texts(&[("up/a", "1"), ("up/b", "1")])).unwrap();
        for name in ["up/a.snap", "up/b.snap"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        write_directory(root.path(), &texts(&[("up/a", "2")])).unwrap();
        let there = |name: &str| root.path().join(name).exists();
        assert!(there("up/a.json") && there("up/a.snap"));
        assert!(!there("up/b.json") && !there("up/b.snap"));
        assert_eq!(read_texts(root.path()).unwrap(), texts(&[("up/a", "2")]));
    }
}
