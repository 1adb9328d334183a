//! The sample project, copied to where confiture may work on it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use contract_lab::scratch::Scratch;
use contract_tests::release::Release;

use crate::cargo::root;

/// The first release that applies `CREATE INDEX CONCURRENTLY` from an SQL file.
const CONCURRENT_SQL: &str = "0.37.0";

/// A private copy of the sample project; dropping it removes the copy.
#[derive(Debug)]
pub struct Project {
    copy: Scratch,
    sample: PathBuf,
    /// What was done to make it work with an old release, for people to read.
    pub adapted: Option<&'static str>,
}

impl Project {
    /// Copies the sample for the confiture that calls itself `version`.
    ///
    /// # Errors
    /// When the sample is not where this program was built, or the copy cannot be written.
    pub fn copy_for(version: &str) -> anyhow::Result<Self> {
        let mut project = Self {
            copy: Scratch::new().context("cannot make a temporary directory")?,
            sample: root().join("xtask/sample-project"),
            adapted: None,
        };
        fs::create_dir_all(project.migrations())?;
        project.add("db/migrations")?;
        if needs_python(version) {
            for file in files(&project.migrations())? {
                if is_part_of(&file, "index_purchase_product") && !named(&file, ".verify.sql") {
                    fs::remove_file(file)?;
                }
            }
            project.add("before-0.37")?;
            project.adapted = Some(
                "before 0.37.0 every SQL migration runs in a transaction, so the concurrent index \
                 is a Python migration here",
            );
        }
        Ok(project)
    }

    /// The directory to run confiture in.
    pub fn root(&self) -> &Path {
        self.copy.path()
    }

    /// The directory of the migrations.
    pub fn migrations(&self) -> PathBuf {
        self.root().join("db/migrations")
    }

    /// The versions of the migrations in it, oldest first.
    ///
    /// # Errors
    /// When the copy was taken away.
    pub fn versions(&self) -> anyhow::Result<Vec<String>> {
        let mut versions: Vec<String> = files(&self.migrations())?
            .iter()
            .filter_map(|file| file.file_name()?.to_str()?.split_once('_'))
            .map(|(version, _)| version.to_owned())
            .collect();
        versions.sort();
        versions.dedup();
        Ok(versions)
    }

    /// Adds the migration that fails.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn add_failing_migration(&self) -> anyhow::Result<()> {
        self.add("next")
    }

    fn add(&self, part: &str) -> anyhow::Result<()> {
        for file in files(&self.sample.join(part))? {
            let name = file.file_name().unwrap_or_default();
            fs::copy(&file, self.migrations().join(name))
                .with_context(|| format!("cannot copy {}", file.display()))?;
        }
        Ok(())
    }
}

fn needs_python(version: &str) -> bool {
    let floor: Release = CONCURRENT_SQL.parse().expect("a release");
    version
        .parse()
        .is_ok_and(|release: Release| release < floor)
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot read the sample project in {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn is_part_of(file: &Path, migration: &str) -> bool {
    file.to_string_lossy().contains(migration)
}

fn named(file: &Path, ending: &str) -> bool {
    file.to_string_lossy().ends_with(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(project: &Project) -> Vec<String> {
        let mut names: Vec<String> = files(&project.migrations())
            .unwrap()
            .iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_release_gets_sql_and_an_old_one_python() {
        let new = Project::copy_for("1.29.0").unwrap();
        assert!(new.adapted.is_none());
        assert_eq!(names(&new).len(), 9);
        assert!(!names(&new).iter().any(|name| named(Path::new(name), ".py")));

        let old = Project::copy_for("0.36.0").unwrap();
        assert!(old.adapted.is_some());
        assert_eq!(names(&old).len(), 8);
        assert_eq!(new.versions().unwrap(), old.versions().unwrap());
    }

    #[test]
    fn the_failing_migration_comes_last() {
        let project = Project::copy_for("1.29.0").unwrap();
        let before = project.versions().unwrap();
        project.add_failing_migration().unwrap();
        let after = project.versions().unwrap();
        assert_eq!(before.len(), 3);
        assert_eq!(after[..3], before);
        assert_eq!(after.len(), 4);
    }
}
