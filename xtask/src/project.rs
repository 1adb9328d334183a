//! A project directory that confiture works on: every command writes its migrations with this.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context as _;

use contract_catalogue::project::MIGRATIONS;
use contract_catalogue::release::Release;
use contract_lab::files::copy_tree;
use tempfile::TempDir;

use crate::cargo::root;

/// The first release that applies `CREATE INDEX CONCURRENTLY` from an SQL file.
const CONCURRENT_SQL: &str = "0.37.0";

/// How many rows each table has that [`Project::table`] makes.
pub const ROWS: i64 = 1000;

/// A directory with migrations; a temporary one is removed with the value.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
    _scratch: Option<TempDir>,
}

impl Project {
    /// One without migrations, in a temporary directory.
    pub fn empty() -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
        let project = Self::at(scratch.path())?;
        Ok(Self {
            _scratch: Some(scratch),
            ..project
        })
    }

    /// The project in this directory.
    pub fn at(root: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(root.join(MIGRATIONS))?;
        Ok(Self {
            root: root.to_owned(),
            _scratch: None,
        })
    }

    /// A copy of the sample project, for the confiture with this version.
    pub fn sample(version: &str) -> anyhow::Result<Self> {
        let project = Self::empty()?;
        project.add_sample("db/migrations")?;
        if adaptation(version).is_some() {
            for ending in ["up.sql", "down.sql"] {
                let name = format!("20260119083000_index_purchase_product.{ending}");
                fs::remove_file(project.migrations().join(name))?;
            }
            project.add_sample("before-0.37")?;
        }
        Ok(project)
    }

    /// Adds the migration of the sample project that fails.
    pub fn add_failing_sample(&self) -> anyhow::Result<()> {
        self.add_sample("next")
    }

    fn add_sample(&self, part: &str) -> anyhow::Result<()> {
        let from = root().join("xtask/sample-project").join(part);
        copy_tree(&from, &self.migrations(), &[])
            .with_context(|| format!("cannot copy {}", from.display()))
    }

    /// The directory to run confiture in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the migrations.
    pub fn migrations(&self) -> PathBuf {
        self.root.join(MIGRATIONS)
    }

    /// Writes a file of the migrations directory.
    pub fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        let path = self.migrations().join(file);
        fs::write(path, text).with_context(|| format!("cannot write {file}"))
    }

    /// Writes `NAME.up.sql` and `NAME.down.sql`.
    pub fn migration(&self, name: &str, up: &str, down: &str) -> anyhow::Result<()> {
        self.write(&format!("{name}.up.sql"), up)?;
        self.write(&format!("{name}.down.sql"), down)
    }

    /// Writes the migration that creates the table `t_VERSION` with [`ROWS`] rows.
    pub fn table(&self, version: &str) -> anyhow::Result<()> {
        self.table_and(version, "", "")
    }

    /// As [`Self::table`], with these further statements at the end of the way up and the way down.
    pub fn table_and(&self, version: &str, up: &str, down: &str) -> anyhow::Result<()> {
        self.migration(
            &format!("{version}_m{version}"),
            &format!(
                "CREATE TABLE t_{version} (id int PRIMARY KEY);\n\
                 INSERT INTO t_{version} SELECT generate_series(1, {ROWS});\n{up}"
            ),
            &format!("DROP TABLE t_{version};\n{down}"),
        )
    }

    /// Writes a Python migration with these bodies of `up` and `down`, further members included.
    pub fn python(&self, name: &str, members: &str) -> anyhow::Result<()> {
        let (version, slug) = name
            .split_once('_')
            .context("a name begins with a version")?;
        let mut text = format!(
            "import time\nfrom confiture.models.migration import Migration\n\n\n\
             class Generated(Migration):\n    version = \"{version}\"\n    name = \"{slug}\"\n"
        );
        for line in members.lines() {
            text.push_str("    ");
            text.push_str(line);
            text.push('\n');
        }
        self.write(&format!("{name}.py"), &text)
    }

    /// Copies all its migrations to another.
    pub fn copy_to(&self, other: &Self) -> anyhow::Result<()> {
        Ok(copy_tree(&self.migrations(), &other.migrations(), &[])?)
    }

    /// The names of the files of its migrations.
    fn files(&self) -> anyhow::Result<Vec<String>> {
        let entries = fs::read_dir(self.migrations())?;
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().into_string());
        let names: Vec<_> = entries.map(name).collect::<io::Result<_>>()?;
        Ok(names.into_iter().flatten().collect())
    }

    /// Removes the files whose name begins with `prefix`.
    pub fn remove(&self, prefix: &str) -> anyhow::Result<()> {
        for file in self.files()?.iter().filter(|it| it.starts_with(prefix)) {
            fs::remove_file(self.migrations().join(file))?;
        }
        Ok(())
    }

    /// The versions of the migrations in it, oldest first.
    pub fn versions(&self) -> anyhow::Result<Vec<String>> {
        let files = self.files()?;
        let versions = files.iter().filter_map(|file| file.split_once('_'));
        let versions: BTreeSet<_> = versions.map(|(version, _)| version.to_owned()).collect();
        Ok(versions.into_iter().collect())
    }
}

/// How the sample project is adapted to an old release, as a sentence.
pub fn adaptation(version: &str) -> Option<&'static str> {
    let first: Release = CONCURRENT_SQL.parse().expect("a release");
    let old = version.parse().is_ok_and(|it: Release| it < first);
    old.then_some(
        "before 0.37.0 every SQL migration runs in a transaction, so the concurrent index is a \
         Python migration here",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_release_has_its_concurrent_index_in_python() {
        let new = Project::sample("0.37.0").unwrap();
        let old = Project::sample("0.36.0").unwrap();
        let files = |project: &Project| project.files().unwrap().len();
        assert_eq!((files(&new), files(&old)), (9, 8));
        assert_eq!(new.versions().unwrap(), old.versions().unwrap());
        new.add_failing_sample().unwrap();
        let versions = new.versions().unwrap();
        assert_eq!(
            (versions.len(), &versions[..3]),
            (4, &old.versions().unwrap()[..])
        );
    }

    #[test]
    fn files_are_removed_by_prefix() {
        let project = Project::empty().unwrap();
        project.table("001").unwrap();
        project.table("002").unwrap();
        project.remove("001_").unwrap();
        assert_eq!(project.versions().unwrap(), ["002"]);
    }
}
