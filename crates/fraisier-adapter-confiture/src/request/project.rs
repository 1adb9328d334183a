//! The directories of a project, and the migrations in them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use fraisier_adapter_api::{AdapterCtx, AdapterErrorKind};

use super::sql_files::{NotText, VerifyFiles};
use crate::failure::{Advice, Fault};
use crate::process::{Links, is_shortage};

/// Where confiture looks by default.
const DEFAULT_MIGRATIONS: &str = "db/migrations";

/// Where a call works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Project {
    /// The directory confiture starts in.
    pub(crate) workdir: PathBuf,
    /// The migrations directory, as an argument: relative to `workdir`, or absolute.
    pub(crate) migrations: PathBuf,
}

/// A migration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Migration {
    /// The part of its name before the first `_`: how confiture identifies migrations.
    pub version: String,
    /// Where it is.
    pub path: PathBuf,
}

impl Project {
    pub(crate) fn in_context(ctx: &AdapterCtx) -> Self {
        let or = |path: &Path, default: &str| {
            let is_empty = path.as_os_str().is_empty();
            PathBuf::from(if is_empty { Path::new(default) } else { path })
        };
        let migrations = ctx.migrations_path.as_deref();
        Self {
            workdir: or(&ctx.workdir, "."),
            migrations: or(migrations.unwrap_or(Path::new("")), DEFAULT_MIGRATIONS),
        }
    }

    /// The migrations directory as an argument, which never looks like an option.
    pub(crate) fn migrations_arg(&self) -> OsString {
        let bytes = self.migrations.as_os_str().as_encoded_bytes();
        let parent = if bytes.starts_with(b"-") { "." } else { "" };
        Path::new(parent).join(&self.migrations).into_os_string()
    }

    /// Whether the migrations directory does not exist, in a working directory that does.
    pub(crate) fn lacks_migrations(&self) -> bool {
        let found = self.directory().metadata();
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) && self.workdir.is_dir()
    }

    fn directory(&self) -> PathBuf {
        self.workdir.join(&self.migrations)
    }

    /// The migrations of the directory, sorted by version and file.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` when the directory does not exist, is a file, or cannot be read. confiture
    /// finds nothing wrong with a directory that is not there.
    pub(crate) fn migrations(&self) -> Result<Vec<Migration>, Fault> {
        self.refuse_files(None)?;
        self.read(list)
    }

    /// The same, for an operation in which confiture reads every file.
    ///
    /// # Errors
    ///
    /// Those of [`migrations`](Self::migrations), and `InvalidConfig` when a file is not UTF-8.
    pub(crate) fn readable_migrations(&self) -> Result<Vec<Migration>, Fault> {
        self.refuse_files(Some(".up.sql"))?;
        self.read(list)
    }

    /// A directory of links to the migrations of these versions, and to everything in the migrations
    /// directory that is not a migration.
    ///
    /// A `.py` migration may read files beside a parent of its directory, so there are links to these too, up
    /// to the working directory.
    ///
    /// # Errors
    ///
    /// Those of [`migrations`](Self::migrations).
    pub(crate) fn links(&self, versions: &[String]) -> Result<Links, Fault> {
        self.read(|directory| links(&self.workdir, directory, versions))
    }

    /// What `verify` has to know of the files.
    ///
    /// # Errors
    ///
    /// Those of [`migrations`](Self::migrations).
    pub(crate) fn verify_files(&self) -> Result<VerifyFiles, Fault> {
        self.refuse_files(Some(".verify.sql"))?;
        self.read(VerifyFiles::in_directory)
    }

    /// Refuses SQL files with NUL bytes, and those of this ending that are not UTF-8.
    fn refuse_files(&self, utf8: Option<&str>) -> Result<(), Fault> {
        let endings = [".up.sql", ".down.sql", ".verify.sql"];
        let mut found = self.read(|directory| NotText::in_directory(directory, &endings))?;
        let has_to_be = |name: &String| utf8.is_some_and(|ending| name.ends_with(ending));
        found.not_utf8.retain(has_to_be);
        for (files, what) in [
            (
                found.with_nul,
                "is not text: it contains a NUL byte, and confiture silently runs nothing behind one",
            ),
            (found.not_utf8, "is not UTF-8 text"),
        ] {
            if !files.is_empty() {
                let what = format!("{} {what}", quoted(&files));
                return Err(Fault::in_config(what, Advice::correct_setting()));
            }
        }
        Ok(())
    }

    /// The failure, with the names of the files that confiture could not decode.
    pub(crate) fn naming_undecodable(&self, fault: Fault) -> Fault {
        if !fault.mentions("codec can't decode") {
            return fault;
        }
        let found = NotText::in_directory(&self.directory(), &[".up.sql", ".down.sql"]);
        match found.unwrap_or_default().not_utf8.as_slice() {
            [] => fault,
            files => fault.and(&format!("not UTF-8: {}", quoted(files))),
        }
    }

    fn read<T>(&self, how: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, Fault> {
        let directory = self.directory();
        how(&directory).map_err(|cause| {
            let (what, directory, next) = match std::fs::read_dir(&self.workdir) {
                Err(error) if error.kind() == cause.kind() && self.migrations.is_relative() => {
                    ("workdir", &self.workdir, Advice::correct_workdir())
                }
                _ => (
                    "migrations directory",
                    &directory,
                    Advice::correct_migrations_path(),
                ),
            };
            let what = format!("the {what} {} cannot be read: {cause}", directory.display());
            if is_shortage(&cause) {
                let kind = AdapterErrorKind::Execution;
                return Fault::not_started(kind, what, Advice::free_resources());
            }
            Fault::in_config(what, next)
        })
    }
}

/// Some names of files, in short.
fn quoted(names: &[String]) -> String {
    const MOST: usize = 5;
    let shown = names.iter().take(MOST).map(|name| format!("{name:?}"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The version a file of this name has as a migration; `None` when confiture does not read it as
/// one. Only the directory itself is looked at, never a subdirectory.
pub(crate) fn version_of(name: &OsStr) -> Option<String> {
    // No call can name a version that is not UTF-8, but the file is a migration.
    let name = name.to_string_lossy();
    let stem = stem_of(&name)?;
    Some(stem.split('_').next().unwrap_or_default().to_owned())
}

/// The part of the name of a migration's file after the first `_`, without the ending; all of it where there is
/// no `_`.
pub(crate) fn name_of(name: &str) -> Option<&str> {
    let stem = stem_of(name)?;
    Some(stem.split_once('_').map_or(stem, |(_, name)| name))
}

/// The name of a migration's file without its ending.
pub(crate) fn stem_of(name: &str) -> Option<&str> {
    match (name.strip_suffix(".up.sql"), name.strip_suffix(".py")) {
        (Some(stem), _) => Some(stem),
        (None, Some(stem)) if !name.starts_with('_') => Some(stem),
        _ => None,
    }
}

/// The migrations of a directory as confiture sees them, sorted by version and file.
///
/// # Errors
///
/// Those of reading the directory, such as `NotFound` when it does not exist, or `NotADirectory` when
/// it is a file.
pub fn list(directory: &Path) -> io::Result<Vec<Migration>> {
    let mut migrations = Vec::new();
    for entry in directory.read_dir()? {
        let name = entry?.file_name();
        if let Some(version) = version_of(&name) {
            migrations.push(Migration {
                version,
                path: directory.join(name),
            });
        }
    }
    migrations.sort();
    Ok(migrations)
}

/// The links to the migrations of these versions, to everything in the directory that is not a migration, and
/// to what surrounds the directory.
fn links(workdir: &Path, directory: &Path, versions: &[String]) -> io::Result<Links> {
    let workdir = std::path::absolute(workdir)?;
    let absolute = std::path::absolute(directory)?;
    let parent = absolute.parent().unwrap_or(&absolute);
    let is_plain = !parent.components().any(|it| it == Component::ParentDir);
    let root = if is_plain && parent.starts_with(&workdir) {
        &workdir
    } else {
        parent
    };
    let place = |path: &Path| Path::new("project").join(path.strip_prefix(root).unwrap_or(path));
    let mut targets = BTreeMap::new();
    for ancestor in parent.ancestors().take_while(|it| it.starts_with(root)) {
        for entry in ancestor.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            if !parent.starts_with(&path) {
                targets.insert(place(&path), path);
            }
        }
    }
    let directory = place(parent).join("links");
    targets.remove(&directory);
    for entry in absolute.read_dir()? {
        let name = entry?.file_name();
        if version_of(&name).is_none_or(|version| versions.contains(&version)) {
            targets.insert(directory.join(&name), absolute.join(name));
        }
    }
    Ok(Links { directory, targets })
}

#[cfg(test)]
mod tests;
