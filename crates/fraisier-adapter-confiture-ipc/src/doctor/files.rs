//! The migrations directory.

use std::collections::BTreeMap;
use std::path::{self, Path, PathBuf};

use fraisier_adapter_confiture::tools::{Migration, migrations_in};

use super::finding::{Finding, Grade, listed};
use crate::project::Project;

const DIRECTORY: &str = "directory";
const VERSIONS: &str = "versions";
const WAY_BACK: &str = "way back";
const VERIFY: &str = "verify";

/// The migrations of a directory; `None` when it cannot be read.
pub(super) type Files = Option<Vec<Migration>>;

pub(super) fn examine(project: &Project, checks: &mut Vec<Finding>) -> Files {
    let directory = project.workdir.join(&project.migrations_dir);
    let shown = path::absolute(&directory).unwrap_or_else(|_| directory.clone());
    let migrations = match migrations_in(&directory) {
        Ok(migrations) => migrations,
        Err(why) => {
            let evidence = format!("{} cannot be read: {why}", shown.display());
            let next = "name the project with --workdir and --migrations-dir. Under fraisier, \
                        `preflight` and `verify` look into its own working directory";
            checks.push(Finding::new(DIRECTORY, Grade::Fail, evidence, next));
            for check in [VERSIONS, WAY_BACK, VERIFY] {
                checks.push(Finding::unknown(check, "not made: there are no files"));
            }
            return None;
        }
    };
    checks.push(held(&shown, &migrations));
    checks.push(doubled(&migrations));
    checks.push(beside(
        &migrations,
        (WAY_BACK, ".down.sql", Grade::Warn),
        "write them: without them, `up` and `down_to` stop there, and a failed deploy cannot be \
         undone",
    ));
    checks.push(beside(&migrations, (VERIFY, ".verify.sql", Grade::Ok), ""));
    Some(migrations)
}

/// What the directory holds, and what in it is no file that could be read.
fn held(directory: &Path, migrations: &[Migration]) -> Finding {
    let many = if migrations.len() == 1 { "" } else { "s" };
    let (shown, count) = (directory.display(), migrations.len());
    let evidence = format!("{shown} holds {count} migration{many}");
    if migrations.is_empty() {
        let next = "if it is not the right directory, name that with --migrations-dir";
        return Finding::new(DIRECTORY, Grade::Warn, evidence, next);
    }
    let irregular: Vec<String> = migrations
        .iter()
        .flat_map(|migration| {
            let beside = |ending| sibling(migration, ending);
            let own = Some(migration.path.clone());
            [own, beside(".down.sql"), beside(".verify.sql")]
        })
        .flatten()
        .filter(|path| path.symlink_metadata().is_ok() && !path.is_file())
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    if irregular.is_empty() {
        return Finding::ok(DIRECTORY, evidence);
    }
    let evidence = format!("{evidence}; not a regular file: {}", listed(&irregular));
    let next = "put a regular file in the place of each, or move it out of the directory: confiture \
                reads whatever has such a name, fails at a directory and waits at a FIFO";
    Finding::new(DIRECTORY, Grade::Warn, evidence, next)
}

fn doubled(migrations: &[Migration]) -> Finding {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for migration in migrations {
        *count.entry(&migration.version).or_default() += 1;
    }
    let twice: Vec<&str> = count
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(version, _)| *version)
        .collect();
    if twice.is_empty() {
        return Finding::ok(VERSIONS, "each is there once");
    }
    let evidence = format!("more than one file has the version {}", listed(&twice));
    let next = "give each migration a version of its own: confiture refuses to begin";
    Finding::new(VERSIONS, Grade::Fail, evidence, next)
}

/// Whether each SQL migration has the file that belongs to it. A `.py` migration has its way down in
/// itself.
fn beside(
    migrations: &[Migration],
    (check, ending, otherwise): (&'static str, &str, Grade),
    next: &str,
) -> Finding {
    let without: Vec<&str> = migrations
        .iter()
        .filter(|migration| lacks(migration, ending))
        .map(|migration| migration.version.as_str())
        .collect();
    if without.is_empty() {
        Finding::ok(check, format!("every SQL migration has its {ending}"))
    } else {
        let evidence = format!("no {ending} for {}", listed(&without));
        Finding::new(check, otherwise, evidence, next)
    }
}

/// Whether it is a SQL migration without the file of this ending.
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
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    fn examined(files: &[&str]) -> Vec<Finding> {
        let base = tempfile::tempdir().expect("a directory");
        for file in files {
            fs::write(base.path().join(file), "").expect("written");
        }
        examined_in(base.path())
    }

    fn examined_in(directory: &Path) -> Vec<Finding> {
        let project = Project {
            workdir: directory.into(),
            migrations_dir: ".".into(),
            database_url_env: "DATABASE_URL".into(),
        };
        let mut checks = Vec::new();
        examine(&project, &mut checks);
        checks
    }

    #[test]
    fn what_is_no_regular_file_is_named() {
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
        let directory = examined_in(base.path()).remove(0);
        assert_eq!(directory.grade, Grade::Warn, "{directory:?}");
        let says = "holds 5 migrations; not a regular file: 1_a.down.sql, 3_c.up.sql, 4_d.up.sql, \
                    5_e.up.sql";
        assert!(directory.evidence.ends_with(says), "{directory:?}");
        assert!(!directory.next.is_empty());
    }

    #[test]
    fn what_belongs_to_a_migration_is_missed() {
        let whole = examined(&["1_a.up.sql", "1_a.down.sql", "1_a.verify.sql", "2_b.py"]);
        assert!(
            whole.iter().all(|finding| finding.grade == Grade::Ok),
            "{whole:?}"
        );
        let lacking = examined(&["1_a.up.sql", "2_b.up.sql", "2_b.down.sql", "2_c.py"]);
        let [directory, versions, back, verify] = &lacking[..] else {
            panic!("{lacking:?}")
        };
        assert!(
            directory.evidence.ends_with("holds 3 migrations"),
            "{directory:?}"
        );
        assert_eq!(versions.grade, Grade::Fail);
        assert!(versions.evidence.ends_with("version 2"), "{versions:?}");
        assert_eq!(back.grade, Grade::Warn);
        assert!(back.evidence.ends_with("for 1"), "{back:?}");
        assert_eq!(verify.grade, Grade::Ok);
        assert!(verify.evidence.ends_with("for 1, 2"), "{verify:?}");
    }
}
