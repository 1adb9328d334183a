//! The directories of a project, and the migrations in them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use fraisier_adapter_api::AdapterCtx;

use crate::failure::{Failure, Operation, State};
use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

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
pub(crate) struct Migration {
    /// What stands before the first `_` of its name: how confiture tells migrations apart.
    pub(crate) version: String,
    /// Where it is.
    pub(crate) path: PathBuf,
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

    /// The migrations of the directory, sorted by version and file.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` when the directory does not exist, is a file, or cannot be read. confiture
    /// finds nothing wrong with a directory that is not there.
    pub(crate) fn migrations(&self, operation: Operation) -> Result<Vec<Migration>, AdapterError> {
        let directory = self.workdir.join(&self.migrations);
        list(&directory).map_err(|cause| {
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
            Failure {
                operation,
                kind: AdapterErrorKind::InvalidConfig,
                what: format!("the {what} {} cannot be read: {cause}", directory.display()),
                state: State::NotStarted,
                next: next.into(),
                evidence: None,
            }
            .into()
        })
    }
}

/// The migrations of a directory, sorted by version and file.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<Migration>> {
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
    let stem = match (name.strip_suffix(".up.sql"), name.strip_suffix(".py")) {
        (Some(stem), _) => stem,
        (None, Some(stem)) if !name.starts_with('_') => stem,
        _ => return None,
    };
    Some(stem.split('_').next().unwrap_or_default().to_owned())
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
            let found = project.migrations(Operation::Up).expect("listed");
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
            let error = Project::of(&ctx)
                .migrations(Operation::Preflight)
                .unwrap_err();
            assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
            assert_eq!(error.operation.as_deref(), Some("preflight"));
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
            let error = Project::of(&ctx).migrations(Operation::Up).unwrap_err();
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
