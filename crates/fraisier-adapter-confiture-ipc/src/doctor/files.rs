//! The migrations directory.

use std::collections::BTreeMap;

use fraisier_adapter_confiture::tools::{Migration, migrations_in};

use super::finding::{Finding, Status, listed};
use crate::project::Project;

/// The migrations of a directory; `None` when it cannot be read.
pub(super) type Files = Option<Vec<Migration>>;

pub(super) fn examine(project: &Project, checks: &mut Vec<Finding>) -> Files {
    let directory = project.workdir.join(&project.migrations_dir);
    let shown = std::path::absolute(&directory).unwrap_or_else(|_| directory.clone());
    let migrations = match migrations_in(&directory) {
        Ok(migrations) => migrations,
        Err(why) => {
            let evidence = format!("{} cannot be read: {why}", shown.display());
            let next = "name the project with --workdir and --migrations-dir. Under fraisier, \
                        `preflight` and `verify` look into its own working directory";
            checks.push(Finding::new("directory", Status::Fail, evidence, next));
            for check in ["versions", "way back", "verify"] {
                checks.push(Finding::unknown(check, "not made: there are no files"));
            }
            return None;
        }
    };
    let many = if migrations.len() == 1 { "" } else { "s" };
    let evidence = format!(
        "{} holds {} migration{many}",
        shown.display(),
        migrations.len()
    );
    checks.push(if migrations.is_empty() {
        Finding::new(
            "directory",
            Status::Warn,
            evidence,
            "is it the right directory?",
        )
    } else {
        Finding::ok("directory", evidence)
    });
    checks.push(doubled(&migrations));
    checks.push(beside(
        &migrations,
        ("way back", ".down.sql", Status::Warn),
        "write them: without, `up` and `down_to` stop there, and a failed deploy cannot be undone",
    ));
    checks.push(beside(
        &migrations,
        ("verify", ".verify.sql", Status::Ok),
        "",
    ));
    Some(migrations)
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
        return Finding::ok("versions", "each is there once");
    }
    let evidence = format!("more than one file has the version {}", listed(&twice));
    let next = "give each migration a version of its own: confiture refuses to begin";
    Finding::new("versions", Status::Fail, evidence, next)
}

/// Whether each SQL migration has the file that belongs to it. A `.py` migration has its way down in
/// itself.
fn beside(
    migrations: &[Migration],
    (check, ending, otherwise): (&'static str, &str, Status),
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
    let sibling = || {
        let name = migration.path.file_name()?.to_str()?;
        let stem = name.strip_suffix(".up.sql")?;
        Some(migration.path.with_file_name(format!("{stem}{ending}")))
    };
    sibling().is_some_and(|file| !file.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(files: &[&str]) -> Vec<Finding> {
        let base = tempfile::tempdir().expect("a directory");
        for file in files {
            std::fs::write(base.path().join(file), "").expect("written");
        }
        let project = Project {
            workdir: base.path().into(),
            migrations_dir: ".".into(),
            database_url_env: "DATABASE_URL".into(),
        };
        let mut checks = Vec::new();
        examine(&project, &mut checks);
        checks
    }

    #[test]
    fn what_belongs_to_a_migration_is_missed() {
        let whole = examined(&["1_a.up.sql", "1_a.down.sql", "1_a.verify.sql", "2_b.py"]);
        assert!(
            whole.iter().all(|finding| finding.status == Status::Ok),
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
        assert_eq!(versions.status, Status::Fail);
        assert!(versions.evidence.ends_with("version 2"), "{versions:?}");
        assert_eq!(back.status, Status::Warn);
        assert!(back.evidence.ends_with("for 1"), "{back:?}");
        assert_eq!(verify.status, Status::Ok);
        assert!(verify.evidence.ends_with("for 1, 2"), "{verify:?}");
    }
}
