//! The files that a case starts from.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Serialize;

/// The directory of a project's migrations, relative to its root.
pub const MIGRATIONS: &str = "db/migrations";

/// A project directory as data: relative path to contents.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Project {
    files: BTreeMap<String, String>,
}

impl Project {
    /// A project with an empty migrations directory.
    pub fn empty() -> Self {
        Self::default()
    }

    /// This project with one more file, or that file replaced. A name without a directory is that of a
    /// migration.
    pub fn with(mut self, file: &str, contents: &str) -> Self {
        let path = if file.contains('/') {
            file.to_owned()
        } else {
            format!("{MIGRATIONS}/{file}")
        };
        self.files.insert(path, format!("{contents}\n"));
        self
    }

    /// This project with one more reversible SQL migration: `<name>.up.sql` and `<name>.down.sql`.
    pub fn migration(self, name: &str, up: &str, down: &str) -> Self {
        self.with(&format!("{name}.up.sql"), up)
            .with(&format!("{name}.down.sql"), down)
    }

    /// This project without one migration file.
    pub fn without(mut self, file: &str) -> Self {
        let removed = self.files.remove(&format!("{MIGRATIONS}/{file}"));
        assert!(
            removed.is_some(),
            "there is no migration file {file} to leave out"
        );
        self
    }

    /// Every file with its path, as one text.
    pub fn sql(&self) -> String {
        let file = |(path, contents): (&String, &String)| format!("-- {path}\n{contents}");
        self.files.iter().map(file).collect()
    }

    /// The versions of its SQL migrations, sorted.
    pub fn versions(&self) -> Vec<String> {
        let names = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(MIGRATIONS));
        let stems = names.filter_map(|name| name.strip_prefix('/')?.strip_suffix(".up.sql"));
        let versions = stems.filter_map(|stem| stem.split('_').next());
        versions.map(str::to_owned).collect()
    }

    /// Writes the project below `root`, including its migrations directory if that is empty.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        fs::create_dir_all(root.join(MIGRATIONS))?;
        for (path, contents) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(root))?;
            fs::write(path, contents)?;
        }
        Ok(())
    }
}

/// The names of everything in a directory, sorted.
///
/// # Errors
///
/// When it cannot be read.
pub fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let names = directory
        .read_dir()?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_has_two_files_and_either_can_be_removed() {
        let project = Project::empty()
            .migration("001_a", "CREATE TABLE a ();", "DROP TABLE a;")
            .without("001_a.down.sql");
        assert_eq!(
            project.files.into_iter().collect::<Vec<_>>(),
            [(
                "db/migrations/001_a.up.sql".to_owned(),
                "CREATE TABLE a ();\n".to_owned()
            )]
        );
    }
}
