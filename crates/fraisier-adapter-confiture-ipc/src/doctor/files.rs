//! The migrations directory.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use std::{fs, io};

use fraisier_adapter_confiture::tools::{Migration, NotText, migrations_in, surprises};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::checks::{FILES, Seen};
use super::finding::Finding;
use super::finding::Grade::{Fail, Unknown};
use crate::project::Project;

/// How long reading every file may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The migrations of the directory, if it was read, and the findings.
pub(super) async fn examine(project: &Project) -> (Option<Vec<Migration>>, Vec<Finding>) {
    let directory = project.directory();
    let shown = directory.display().to_string();
    let (reply, examined) = oneshot::channel();
    // Nothing waits for this thread: it may read for longer than the limit.
    let reads = thread::spawn(move || reply.send(look(&directory)));
    drop(reads);
    let failed = |grade, text| (None, vec![Finding::new(FILES[0].name, grade, text)]);
    match timeout(LIMIT, examined).await {
        Ok(Ok(Ok((migrations, seen)))) => {
            let findings = FILES.iter().flat_map(|check| check.judge(&seen));
            (Some(migrations), findings.collect())
        }
        Ok(Ok(Err(why))) => failed(
            Fail,
            format!(
                "{shown} cannot be read: {why}. Next: name the project with --workdir and \
                 --migrations-dir. Under fraisier, `preflight` and `verify` look into its own working \
                 directory"
            ),
        ),
        _ => failed(
            Unknown,
            format!("{shown} could not be read within {LIMIT:?}"),
        ),
    }
}

/// The migrations of the directory, and what is to be said of its files.
fn look(directory: &Path) -> io::Result<(Vec<Migration>, Vec<Seen>)> {
    let migrations = migrations_in(directory)?.into_iter();
    let (no_migrations, migrations): (Vec<_>, Vec<_>) = migrations.partition(is_no_migration);
    let endings = [".up.sql", ".down.sql", ".verify.sql", ".py"];
    let not_text = NotText::in_directory(directory, &endings)?;
    let (path, count) = (directory.display(), migrations.len());
    let kind = if count == 0 { "empty" } else { "directory" };
    let plural = if count == 1 { "" } else { "s" };
    let count = format!("{path} contains {count} migration{plural}");
    let mut seen = vec![Seen::new(kind, count)];
    seen.extend(Seen::all("irregular", irregular(&migrations)));
    seen.extend(Seen::all("NUL", not_text.with_nul));
    seen.extend(Seen::all("not UTF-8", not_text.not_utf8));
    seen.extend(Seen::all("byte order mark", not_text.with_bom));
    let pairs = migrations.windows(2);
    let twice = pairs.filter(|pair| pair[0].version == pair[1].version);
    let twice: BTreeSet<&str> = twice.map(|pair| &*pair[0].version).collect();
    seen.extend(Seen::all("twice", twice));
    for (ending, kind) in [(".down.sql", "one-way"), (".verify.sql", "unverified")] {
        let without = migrations.iter().filter(|it| lacks(it, ending));
        seen.extend(Seen::all(kind, without.map(|it| &*it.version)));
    }
    seen.extend(Seen::all("name not UTF-8", unnamable(directory)));
    let hidden = no_migrations.iter().filter_map(|it| it.path.file_name());
    seen.extend(Seen::all("hidden", hidden.map(OsStr::to_string_lossy)));
    let surprises = surprises(&migrations).into_iter();
    seen.extend(surprises.map(|(code, what)| Seen::new(code, what)));
    Ok((migrations, seen))
}

/// Whether it is a hidden file that `up` takes for a migration, and fails at: SQL without a way back, or Python that
/// contains no class.
fn is_no_migration(migration: &Migration) -> bool {
    let name = migration.path.file_name().unwrap_or_default();
    let name = name.as_encoded_bytes();
    let contains_class = || {
        let text = fs::read_to_string(&migration.path).unwrap_or_default();
        ["class", "import"].iter().any(|it| text.contains(it))
    };
    name.starts_with(b".")
        && (lacks(migration, ".down.sql") || name.ends_with(b".py") && !contains_class())
}

/// The SQL and Python whose name is not UTF-8.
fn unnamable(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    let names = entries.map(|it| it.file_name());
    let names = names.filter(|it| it.to_str().is_none());
    let names = names.map(|it| it.to_string_lossy().into_owned());
    let endings = [".sql", ".py"];
    names
        .filter(|name| endings.iter().any(|it| name.ends_with(it)))
        .collect()
}

/// What has the name of a migration's file, but is not a regular file.
fn irregular(migrations: &[Migration]) -> Vec<String> {
    let files = migrations.iter().flat_map(|it| {
        let beside = [".down.sql", ".verify.sql"].map(|ending| sibling(it, ending));
        beside.into_iter().flatten().chain([it.path.clone()])
    });
    let irregular = files.filter(|path| path.symlink_metadata().is_ok() && !path.is_file());
    irregular
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect()
}

/// Whether it is a SQL migration without the file of this ending. A `.py` migration contains its own way
/// back.
pub(super) fn lacks(migration: &Migration, ending: &str) -> bool {
    sibling(migration, ending).is_some_and(|file| !file.exists())
}

/// The file of this ending that belongs to a SQL migration.
fn sibling(migration: &Migration, ending: &str) -> Option<PathBuf> {
    let name = migration.path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".up.sql")?;
    Some(migration.path.with_file_name(format!("{stem}{ending}")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::super::finding::Grade;
    use super::*;

    fn examined(files: &[&str]) -> Vec<Finding> {
        let base = tempfile::tempdir().expect("a directory");
        for file in files {
            fs::write(base.path().join(file), "").expect("written");
        }
        examined_in(base.path())
    }

    fn examined_in(directory: &Path) -> Vec<Finding> {
        let (_, seen) = look(directory).expect("read");
        FILES.iter().flat_map(|check| check.judge(&seen)).collect()
    }

    #[test]
    fn files_that_are_not_regular_are_named() {
        let base = tempfile::tempdir().expect("a directory");
        let at = |name: &str| base.path().join(name);
        for regular in ["1_a.up.sql", "1_a.verify.sql", "5_e.down.sql"] {
            fs::write(at(regular), "").expect("written");
        }
        symlink(at("1_a.up.sql"), at("2_b.up.sql")).expect("a link");
        fs::create_dir(at("3_c.up.sql")).expect("created");
        fs::create_dir(at("1_a.down.sql")).expect("created");
        symlink(at("nowhere"), at("5_e.up.sql")).expect("a link");
        let made = Command::new("mkfifo").arg(at("4_d.up.sql")).status();
        assert!(made.expect("mkfifo").success());
        let directory = examined_in(base.path()).remove(1);
        assert_eq!(directory.grade, Grade::Warn, "{directory:?}");
        let says = "not a regular file: 1_a.down.sql, 3_c.up.sql, 4_d.up.sql, \
                    5_e.up.sql";
        assert!(directory.evidence.ends_with(says), "{directory:?}");
        assert!(!directory.next.is_empty());
    }

    #[test]
    fn missing_files_of_a_migration_are_reported() {
        let whole = examined(&["1_a.up.sql", "1_a.down.sql", "1_a.verify.sql", "2_b.py"]);
        assert!(
            whole.iter().all(|finding| finding.grade == Grade::Ok),
            "{whole:?}"
        );
        let lacking = examined(&["1_a.up.sql", "2_b.up.sql", "2_b.down.sql", "2_c.py"]);
        let [directory, files, text, versions, back, verify] = &lacking[..] else {
            panic!("{lacking:?}")
        };
        assert!(
            directory.evidence.ends_with("contains 3 migrations"),
            "{directory:?}"
        );
        assert_eq!((files.grade, text.grade), (Grade::Ok, Grade::Ok));
        assert_eq!(versions.grade, Grade::Fail);
        assert!(versions.evidence.ends_with("version 2"), "{versions:?}");
        assert_eq!(back.grade, Grade::Warn);
        assert!(back.evidence.ends_with("for 1"), "{back:?}");
        assert_eq!(verify.grade, Grade::Ok);
        assert!(verify.evidence.ends_with("for 1, 2"), "{verify:?}");
    }

    #[test]
    fn file_names_that_confiture_reads_differently_are_reported() {
        let base = tempfile::tempdir().expect("a directory");
        for (name, bytes) in [
            ("1_a.up.sql", &b"SELECT 1;"[..]),
            ("1_a.down.sql", b"SELECT\0 1;"),
            ("10_b.up.sql", b"SELECT 'caf\xe9';"),
            ("9_c.up.sql", b""),
            ("._9_c.up.sql", b""),
            ("._1_a.py", b""),
            (".8_b.up.sql", b""),
            (".8_b.down.sql", b""),
        ] {
            fs::write(base.path().join(name), bytes).expect("written");
        }
        let found = examined_in(base.path());
        let of = |check: &str| -> Vec<&Finding> {
            found.iter().filter(|it| it.check == check).collect()
        };
        assert_eq!(of("text")[0].grade, Grade::Fail);
        assert!(
            of("text")[0].evidence.ends_with(": 1_a.down.sql"),
            "{found:?}"
        );
        let [refused, hidden, widths] = of("names")[..] else {
            panic!("{found:?}")
        };
        assert_eq!((refused.grade, hidden.grade), (Fail, Grade::Warn));
        let files = "at ._1_a.py, ._9_c.up.sql";
        assert!(refused.evidence.ends_with(files), "{refused:?}");
        assert!(hidden.evidence.contains(".8_b.up.sql"), "{hidden:?}");
        assert!(widths.evidence.contains("10 comes before 9"), "{found:?}");
        let at = |name: &str| base.path().join(name);
        fs::rename(at("1_a.down.sql"), at("1_b.py")).expect("renamed");
        let text = examined_in(base.path()).remove(2);
        assert!(text.evidence.ends_with(": 1_b.py"), "{text:?}");
        fs::remove_file(at("1_b.py")).expect("removed");
        let text = examined_in(base.path()).remove(2);
        assert!(text.evidence.ends_with("10_b.up.sql"), "{text:?}");
        fs::write(at("10_b.up.sql"), "\u{feff}SELECT 1;").expect("written");
        let text = examined_in(base.path()).remove(2);
        assert!(text.evidence.ends_with("of 10_b.up.sql"), "{text:?}");
        // Not every file system has such names.
        let name = base.path().join(OsStr::from_bytes(b"11_\xff.up.sql"));
        if fs::write(name, "").is_ok() {
            let found = examined_in(base.path());
            let names = found.iter().find(|it| it.check == "names");
            let names = names.expect("a finding");
            assert_eq!(names.grade, Grade::Fail);
            assert!(names.evidence.contains("11_\u{fffd}.up.sql"), "{names:?}");
        }
    }
}
