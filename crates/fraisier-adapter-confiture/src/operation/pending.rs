//! Which migrations a `preflight` judges: all that the ledger does not prove to be applied as they are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Call;
use crate::ledger::{self, Ledger, Limits, Unread};
use crate::request::project::Migration;

/// An engine waits for a preflight, and without the ledger there still is one.
const LIMITS: Limits = Limits {
    lock: Duration::from_secs(5),
    statement: Duration::from_secs(10),
};

/// What of the migrations of a directory is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) judged: Vec<Migration>,
    /// How many of them the ledger has.
    pub(crate) in_ledger: usize,
    /// How many rows the ledger has.
    pub(crate) rows: usize,
    /// The versions of those that differ from what was applied, as far as is known.
    pub(crate) changed: Vec<String>,
}

/// Reads the ledger and the digests of the files, and selects.
///
/// # Errors
///
/// Why the ledger is not known.
pub(crate) async fn select(call: &Call<'_>, migrations: &[Migration]) -> Result<Selection, Unread> {
    let directory = call.request.project.migrations_arg();
    let (ledger, digests) = ledger::query(call, LIMITS, Some(&directory)).await?;
    Ok(among(migrations, &ledger.unwrap_or_default(), &digests))
}

/// Everything but the migrations that are applied under a version of their own, and whose file has the
/// checksum of the ledger.
fn among(
    migrations: &[Migration],
    ledger: &Ledger,
    digests: &BTreeMap<String, String>,
) -> Selection {
    let mut selection = Selection {
        rows: ledger.rows.len(),
        ..Selection::default()
    };
    for migration in migrations {
        let same = |it: &&Migration| it.version == migration.version;
        if let Some(row) = ledger.row(&migration.version) {
            let name = migration.path.file_name().and_then(|name| name.to_str());
            let digest = name.and_then(|name| digests.get(name));
            let is_unchanged = digest.is_some() && digest == row.checksum.as_ref();
            // confiture refuses two migrations of one version, so it has to see both.
            let is_alone = migrations.iter().filter(same).count() == 1;
            match (is_alone, is_unchanged) {
                (true, true) => continue,
                (true, false) => selection.changed.push(migration.version.clone()),
                (false, _) => {}
            }
            selection.in_ledger += 1;
        }
        selection.judged.push(migration.clone());
    }
    selection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Row;
    use crate::ledger::tests::row;

    /// What is judged of these files, each of whose digest is its name.
    fn judged(files: &[&str], rows: &[(&str, Option<&str>)]) -> (Vec<String>, usize, Vec<String>) {
        let migrations: Vec<Migration> = files
            .iter()
            .map(|name| Migration {
                version: name.split('_').next().unwrap_or_default().into(),
                path: format!("db/{name}").into(),
            })
            .collect();
        let rows = rows.iter().map(|(version, checksum)| Row {
            checksum: checksum.map(str::to_owned),
            ..row(version, 0)
        });
        let ledger = Ledger {
            rows: rows.collect(),
            ..Ledger::default()
        };
        let pairs = files.iter().filter(|name| !name.contains("fifo"));
        let digests = pairs.map(|&name| (name.into(), name.into())).collect();
        let selection = among(&migrations, &ledger, &digests);
        let names = selection.judged.iter().filter_map(|it| it.path.file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        (names.collect(), selection.in_ledger, selection.changed)
    }

    #[test]
    fn only_unchanged_applied_files_are_skipped() {
        let same = Some("1_a.up.sql");
        for (files, rows, judged_files, in_ledger, changed) in [
            (
                &["1_a.up.sql", "2_b.py"][..],
                &[][..],
                &["1_a.up.sql", "2_b.py"][..],
                0,
                &[][..],
            ),
            (
                &["1_a.up.sql", "2_b.py"],
                &[("1", same)],
                &["2_b.py"],
                0,
                &[],
            ),
            (&["1_a.up.sql"], &[("1", same), ("0", None)], &[], 0, &[]),
            (
                &["1_a.up.sql"],
                &[("1", Some("edited"))],
                &["1_a.up.sql"],
                1,
                &["1"],
            ),
            (&["1_a.up.sql"], &[("1", None)], &["1_a.up.sql"], 1, &["1"]),
            (
                &["1_fifo.up.sql"],
                &[("1", Some("1_fifo.up.sql"))],
                &["1_fifo.up.sql"],
                1,
                &["1"],
            ),
            (
                &["1_fifo.up.sql"],
                &[("1", None)],
                &["1_fifo.up.sql"],
                1,
                &["1"],
            ),
            (
                &["1_a.py", "1_a.up.sql"],
                &[("1", same)],
                &["1_a.py", "1_a.up.sql"],
                2,
                &[],
            ),
        ] {
            let found = judged(files, rows);
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let expected = (owned(judged_files), in_ledger, owned(changed));
            assert_eq!(found, expected, "{files:?} {rows:?}");
        }
    }
}
