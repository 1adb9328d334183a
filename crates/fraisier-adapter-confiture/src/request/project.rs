//! The directories of a project, and the migrations in them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fraisier_adapter_api::{AdapterCtx, AdapterErrorKind};

use crate::failure::{DatabaseState, Failure, SHORTAGE, is_shortage};

/// Where confiture itself looks when it is not told.
const DEFAULT_MIGRATIONS: &str = "db/migrations";

/// Where a call works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// The directory confiture starts in.
    pub(crate) workdir: PathBuf,
    /// The migrations directory, as an argument: relative to `workdir`, or absolute.
    pub(crate) migrations: PathBuf,
}

/// A migration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Migration {
    /// What stands before the first `_` of its name: how confiture tells migrations apart.
    pub version: String,
    /// Where it is.
    pub path: PathBuf,
}

impl Project {
    pub(crate) fn of(ctx: &AdapterCtx) -> Self {
        let migrations = ctx
            .migrations_path
            .as_deref()
            .filter(|path| *path != Path::new(""));
        Self {
            workdir: match ctx.workdir.as_os_str() {
                empty if empty.is_empty() => PathBuf::from("."),
                workdir => workdir.into(),
            },
            migrations: migrations
                .unwrap_or(Path::new(DEFAULT_MIGRATIONS))
                .to_owned(),
        }
    }

    /// The migrations directory as an argument, which never looks like an option.
    pub(crate) fn migrations_arg(&self) -> OsString {
        if self
            .migrations
            .as_os_str()
            .as_encoded_bytes()
            .starts_with(b"-")
        {
            Path::new(".").join(&self.migrations).into_os_string()
        } else {
            self.migrations.clone().into_os_string()
        }
    }

    /// Whether the migrations directory does not exist, in a working directory that does.
    pub(crate) fn lacks_migrations(&self) -> bool {
        let missing = |path: &Path| {
            path.metadata()
                .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        missing(&self.directory()) && self.workdir.is_dir()
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
    pub(crate) fn migrations(&self) -> Result<Vec<Migration>, Failure> {
        self.read(list)
    }

    /// What `verify` has to know of the files.
    ///
    /// # Errors
    ///
    /// Those of [`migrations`](Self::migrations).
    pub(crate) fn verify_files(&self) -> Result<VerifyFiles, Failure> {
        self.read(VerifyFiles::in_directory)
    }

    fn read<T>(&self, how: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, Failure> {
        let directory = self.directory();
        how(&directory).map_err(|cause| {
            let (what, directory, next) = match std::fs::read_dir(&self.workdir) {
                Err(error) if error.kind() == cause.kind() && self.migrations.is_relative() => {
                    ("workdir", &self.workdir, "correct the `workdir`")
                }
                _ => (
                    "migrations directory",
                    &directory,
                    "correct `migrations_path`, which is relative to `workdir`, or create the \
                     directory",
                ),
            };
            let what = format!("the {what} {} cannot be read: {cause}", directory.display());
            if is_shortage(&cause) {
                let kind = AdapterErrorKind::Execution;
                return Failure::new(kind, what, DatabaseState::NotStarted, SHORTAGE);
            }
            Failure::in_config(what, next)
        })
    }
}

/// The migrations of a directory as confiture sees them, sorted by version and file.
///
/// # Errors
///
/// When the directory cannot be read, for example because it does not exist.
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

/// The version a file of this name has as a migration; `None` when confiture does not take it for
/// one. Only the directory itself is looked at, never a subdirectory.
pub(crate) fn version_of(name: &OsStr) -> Option<String> {
    // A version that is no text cannot be asked for, but the file counts.
    let name = name.to_string_lossy();
    let stem = stem_of(&name)?;
    Some(stem.split('_').next().unwrap_or_default().to_owned())
}

/// The name of a migration's file without its ending.
fn stem_of(name: &str) -> Option<&str> {
    match (name.strip_suffix(".up.sql"), name.strip_suffix(".py")) {
        (Some(stem), _) => Some(stem),
        (None, Some(stem)) if !name.starts_with('_') => Some(stem),
        _ => None,
    }
}

/// What `verify` has to know of the files: a result that confiture skipped holds only where nothing
/// was there to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyFiles {
    /// The name of each migration, by its version.
    names: BTreeMap<String, String>,
    /// The versions whose `.verify.sql` has a statement in it, or cannot be read.
    with_statement: BTreeSet<String>,
}

impl VerifyFiles {
    /// What a migrations directory holds.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read, for example because it does not exist.
    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        for entry in directory.read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let (stem, is_verify) = match (name.strip_suffix(".verify.sql"), stem_of(&name)) {
                (Some(stem), _) => (stem, true),
                (None, Some(stem)) => (stem, false),
                (None, None) => continue,
            };
            let (version, title) = stem.split_once('_').unwrap_or((stem, ""));
            if is_verify && may_have_statement(&entry.path()) {
                files.with_statement.insert(version.to_owned());
            }
            files.names.insert(version.to_owned(), title.to_owned());
        }
        Ok(files)
    }

    /// The name of the migration of this version; empty when no file tells.
    pub(crate) fn name(&self, version: &str) -> &str {
        self.names.get(version).map_or("", String::as_str)
    }

    /// Whether a `.verify.sql` of this version has something to run.
    pub(crate) fn has_statement(&self, version: &str) -> bool {
        self.with_statement.contains(version)
    }
}

/// How much of a `.verify.sql` is read to find a statement; a longer one is taken to have one.
const VERIFY_LIMIT: u64 = 1 << 20;

/// Whether a file has anything but blanks, comments and semicolons in it. One that cannot be read,
/// or is no regular file, may.
fn may_have_statement(path: &Path) -> bool {
    let read = || {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)?
            .take(VERIFY_LIMIT)
            .read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    read().map_or(true, |bytes| {
        bytes.len() as u64 == VERIFY_LIMIT || has_statement(&bytes)
    })
}

fn has_statement(mut sql: &[u8]) -> bool {
    sql = sql.strip_prefix("\u{feff}".as_bytes()).unwrap_or(sql);
    loop {
        sql = match sql {
            [] => return false,
            [
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c' | b';',
                rest @ ..,
            ] => rest,
            [b'-', b'-', rest @ ..] => {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                &rest[end.unwrap_or(rest.len())..]
            }
            [b'/', b'*', rest @ ..] => match after_block_comment(rest) {
                Some(rest) => rest,
                None => return true,
            },
            _ => return true,
        }
    }
}

/// What follows a block comment that has begun; they nest. `None` when it does not end.
fn after_block_comment(mut sql: &[u8]) -> Option<&[u8]> {
    let mut depth = 1;
    while depth > 0 {
        (sql, depth) = match sql {
            [] => return None,
            [b'/', b'*', rest @ ..] => (rest, depth + 1),
            [b'*', b'/', rest @ ..] => (rest, depth - 1),
            [_, rest @ ..] => (rest, depth),
        };
    }
    Some(sql)
}

/// The versions of these migrations.
pub(crate) fn versions(migrations: &[Migration]) -> BTreeSet<&str> {
    migrations
        .iter()
        .map(|migration| migration.version.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_verify_file_with_anything_but_blanks_and_comments_has_a_statement() {
        for nothing in [
            "",
            " \n\t;\r\n;",
            "-- none",
            "-- none\n/* nor /* nested */ here */ ;",
            "\u{feff}-- none",
        ] {
            assert!(!has_statement(nothing.as_bytes()), "{nothing:?}");
        }
        for something in [
            "SELECT true",
            "SELEC true;",
            "-- c\nSELECT 1",
            "/* c */ x",
            "/* open",
            "$",
            "\0",
            "- -",
            "/",
        ] {
            assert!(has_statement(something.as_bytes()), "{something:?}");
        }
    }

    #[test]
    fn a_verify_file_that_cannot_be_read_may_have_a_statement() {
        let base = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(base.path().join("001_a.verify.sql")).expect("created");
        std::fs::write(base.path().join("002_b.verify.sql"), "-- later").expect("written");
        std::fs::write(base.path().join("002_b.up.sql"), "").expect("written");
        let long = " ".repeat(usize::try_from(VERIFY_LIMIT).expect("small") + 1);
        std::fs::write(base.path().join("003.verify.sql"), long).expect("written");
        let files = VerifyFiles::in_directory(base.path()).expect("read");
        for (version, statement, name) in [
            ("001", true, "a"),
            ("002", false, "b"),
            ("003", true, ""),
            ("004", false, ""),
        ] {
            assert_eq!(files.has_statement(version), statement, "{version}");
            assert_eq!(files.name(version), name, "{version}");
        }
    }

    #[test]
    fn versions_are_read_as_confiture_reads_them() {
        for (name, version) in [
            ("001_create_users.up.sql", Some("001")),
            ("20260101120000_add.up.sql", Some("20260101120000")),
            ("005_p.py", Some("005")),
            ("seed.py", Some("seed")),
            ("7.up.sql", Some("7")),
            ("001_a.down.sql", None),
            ("001_a.verify.sql", None),
            ("001_a.sql", None),
            ("__init__.py", None),
            ("_helper.py", None),
            ("_x.up.sql", Some("")),
            ("001_a.up.SQL", None),
            ("README.md", None),
        ] {
            assert_eq!(version_of(OsStr::new(name)).as_deref(), version, "{name}");
        }
    }

    #[test]
    fn the_directory_is_relative_to_the_workdir_and_has_a_default() {
        let base = tempfile::tempdir().expect("a directory");
        let mut ctx = AdapterCtx::new("shop", "test");
        ctx.workdir = base.path().into();
        for (path, expected) in [
            (None, "db/migrations"),
            (Some(""), "db/migrations"),
            (Some("sql dir/ü"), "sql dir/ü"),
        ] {
            ctx.migrations_path = path.map(PathBuf::from);
            let project = Project::of(&ctx);
            let directory = base.path().join(expected);
            fs::create_dir_all(&directory).expect("created");
            fs::write(directory.join("002_b.up.sql"), "").expect("written");
            fs::write(directory.join("001_a.py"), "").expect("written");
            fs::create_dir_all(directory.join("sub")).expect("created");
            fs::write(directory.join("sub/003_c.up.sql"), "").expect("written");
            assert_eq!(project.migrations_arg(), expected);
            let found = project.migrations().expect("listed");
            assert_eq!(versions(&found), ["001", "002"].into());
            assert_eq!(found[0].path, directory.join("001_a.py"));
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_refused() {
        let base = tempfile::tempdir().expect("a directory");
        fs::write(base.path().join("file"), "").expect("written");
        let mut ctx = AdapterCtx::new("shop", "test");
        ctx.workdir = base.path().into();
        for path in ["missing", "file"] {
            ctx.migrations_path = Some(path.into());
            let error = Project::of(&ctx).migrations().unwrap_err().worded();
            assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
            assert!(error.message.contains(path), "{error}");
        }
    }

    #[test]
    fn a_workdir_that_is_not_there_is_named_instead_of_what_would_be_in_it() {
        let base = tempfile::tempdir().expect("a directory");
        fs::write(base.path().join("file"), "").expect("written");
        let mut ctx = AdapterCtx::new("shop", "test");
        for workdir in ["missing", "file"] {
            ctx.workdir = base.path().join(workdir);
            let error = Project::of(&ctx).migrations().unwrap_err().worded();
            assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
            for part in ["the workdir", workdir, "correct the `workdir`"] {
                assert!(error.message.contains(part), "{error}");
            }
            assert!(!error.message.contains("migrations"), "{error}");
        }
    }

    #[test]
    fn a_leading_dash_is_no_option() {
        let mut ctx = AdapterCtx::new("shop", "test");
        ctx.migrations_path = Some("--force".into());
        assert_eq!(Project::of(&ctx).migrations_arg(), "./--force");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_are_no_text_are_passed_as_they_are() {
        use std::os::unix::ffi::OsStrExt;

        let name = OsStr::from_bytes(b"m\xff");
        let mut ctx = AdapterCtx::new("shop", "test");
        ctx.migrations_path = Some(name.into());
        assert_eq!(Project::of(&ctx).migrations_arg(), name);
        assert_eq!(
            version_of(OsStr::from_bytes(b"00\xff_a.up.sql")).as_deref(),
            Some("00\u{fffd}")
        );
    }
}
