//! What was applied, against the files.

use std::collections::{BTreeMap, BTreeSet};

use fraisier_adapter_confiture::ConfitureVersion;
use fraisier_adapter_confiture::tools::Migration;
use serde::Deserialize;

use super::checks::{Seen, listed};
use super::files::lacks;

/// A row of the ledger, in the order of `pk_confiture`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Row {
    version: String,
    /// Whether it has a point in time: neither null nor infinite.
    is_timed: Option<bool>,
    /// Whether that is later than the clock of the server.
    is_ahead: bool,
    /// The place of that time among those of all rows.
    rank: i64,
    /// SHA-256 of the file as it was applied, in hexadecimal.
    checksum: Option<String>,
}

/// What is to be said of the rows. The checksums are SHA-256 by the name of the file; none where it could not be read.
pub(super) fn compare(
    rows: &[Row],
    checksums: &BTreeMap<String, Option<String>>,
    migrations: &[Migration],
    version: Option<&ConfitureVersion>,
) -> Vec<Seen> {
    let files: BTreeMap<&str, &Migration> =
        migrations.iter().map(|it| (&*it.version, it)).collect();
    let applied: BTreeSet<&str> = rows.iter().map(|row| &*row.version).collect();
    let pending = files.keys().copied().filter(|it| !applied.contains(it));
    let pending: Vec<&str> = pending.collect();
    let summary = match &*pending {
        [] => format!("{} applied, none pending", applied.len()),
        _ => format!(
            "{} applied, pending: {}",
            applied.len(),
            listed(pending.iter().copied(), ", ")
        ),
    };
    let mut seen = vec![Seen::new("summary", summary)];
    let since = |minor, fails, works| match version {
        Some(version) if !version.is_at_least(0, minor, 0) => works,
        _ => fails,
    };
    let mut before = None;
    for row in rows {
        let name = files
            .get(&*row.version)
            .and_then(|it| it.path.file_name()?.to_str());
        let checksum = name.and_then(|name| checksums.get(name));
        let is_timed = row.is_timed == Some(true);
        let kinds = [
            (!is_timed).then_some("untimed"),
            (is_timed && before >= Some(row.rank)).then_some("unordered"),
            row.is_ahead.then_some("ahead"),
            match (checksum, &row.checksum) {
                (Some(Some(now)), Some(then)) if now != then => {
                    Some(since(48, "edited", "edited, accepted"))
                }
                (Some(_), None) => Some(since(50, "no checksum", "no checksum, accepted")),
                (Some(None), Some(_)) => Some("unread"),
                _ => None,
            },
            (!files.contains_key(&*row.version)).then_some("no file"),
        ];
        seen.extend(
            kinds
                .into_iter()
                .flatten()
                .map(|kind| Seen::new(kind, &*row.version)),
        );
        if is_timed {
            before = Some(row.rank);
        }
    }
    let newest = applied.last().copied().unwrap_or_default();
    for version in pending {
        let kinds = [
            lacks(files[version], ".down.sql").then_some("pending one-way"),
            (version < newest).then_some("late"),
        ];
        seen.extend(
            kinds
                .into_iter()
                .flatten()
                .map(|kind| Seen::new(kind, version)),
        );
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::checks::HISTORY;
    use super::super::finding::Grade::{self, Fail, Unknown, Warn};
    use super::*;

    fn row(version: &str, rank: i64, checksum: Option<&str>) -> Row {
        Row {
            version: version.into(),
            is_timed: Some(true),
            is_ahead: false,
            rank,
            checksum: checksum.map(str::to_owned),
        }
    }

    /// The problems of this ledger beside these files; `3` is the one without a way back.
    fn problems(applied: &[Row], files: &[&str], version: &str) -> Vec<(Grade, String)> {
        let base = tempfile::tempdir().expect("a directory");
        let name = |version: &str| format!("{version}_x.up.sql");
        let migrations: Vec<Migration> = files
            .iter()
            .map(|version| {
                if *version != "3" {
                    let down = base.path().join(format!("{version}_x.down.sql"));
                    std::fs::write(down, "").expect("written");
                }
                Migration {
                    version: (*version).into(),
                    path: base.path().join(name(version)),
                }
            })
            .collect();
        // `4` could not be read.
        let checksums = files
            .iter()
            .map(|it| (name(it), (*it != "4").then(|| "sum".to_owned())))
            .collect();
        let version = ConfitureVersion::parse(version);
        let found = HISTORY.judge(&compare(applied, &checksums, &migrations, Some(&version)));
        let found = found.into_iter().filter(|it| it.grade != Grade::Ok);
        found.map(|it| (it.grade, it.evidence)).collect()
    }

    #[test]
    fn each_problem_of_the_history_is_found() {
        let sum = Some("sum");
        let not_timed = Row {
            is_timed: None,
            ..row("2", 2, sum)
        };
        let ahead = Row {
            is_ahead: true,
            ..row("2", 2, sum)
        };
        let first = row("1", 1, sum);
        for (applied, files, version, grade, says) in [
            (
                vec![first.clone(), row("2", 1, sum), row("5", 2, sum)],
                &["1", "2", "5"][..],
                "1.29.0",
                Fail,
                "roll back others: 2",
            ),
            (
                vec![row("1", 2, sum), row("2", 1, sum)],
                &["1", "2"],
                "1.29.0",
                Fail,
                "roll back others: 2",
            ),
            (
                vec![first.clone(), not_timed],
                &["1", "2"],
                "1.29.0",
                Fail,
                "without a time, which no rollback can pass: 2",
            ),
            (
                vec![first.clone(), ahead],
                &["1", "2"],
                "1.29.0",
                Fail,
                "what is applied before that time: 2",
            ),
            (
                vec![row("1", 1, Some("other"))],
                &["1"],
                "0.48.0",
                Fail,
                "edited after they were applied: 1",
            ),
            (
                vec![row("1", 1, Some("other"))],
                &["1"],
                "0.47.0",
                Warn,
                "edited after they were applied: 1",
            ),
            (
                vec![row("1", 1, None)],
                &["1"],
                "0.50.0",
                Fail,
                "edited from 0.50.0 on: 1",
            ),
            (
                vec![row("1", 1, None)],
                &["1"],
                "0.49.0",
                Warn,
                "edited from 0.50.0 on: 1",
            ),
            (vec![], &["1", "3"], "1.29.0", Fail, "without .down.sql: 3"),
            (
                vec![row("4", 1, sum)],
                &["4"],
                "1.29.0",
                Unknown,
                "were not read: 4",
            ),
            (
                vec![row("2", 1, sum)],
                &[],
                "1.29.0",
                Warn,
                "no file has them: 2",
            ),
            (
                vec![row("2", 1, sum)],
                &["1", "2"],
                "1.29.0",
                Warn,
                "older than what is applied: 1",
            ),
        ] {
            let found = problems(&applied, files, version);
            assert_eq!(found.len(), 1, "{says}: {found:?}");
            assert_eq!(found[0].0, grade, "{found:?}");
            assert!(found[0].1.ends_with(says), "{found:?}");
        }
    }

    #[test]
    fn a_sound_history_has_no_findings() {
        let sum = Some("sum");
        // 2 was merged late: the times and the rows agree.
        let late = [row("1", 1, sum), row("3", 2, sum), row("2", 3, sum)];
        for (applied, files) in [
            (&[][..], &[][..]),
            (&[], &["1", "2"]),
            (&late, &["1", "2", "3", "5"]),
        ] {
            assert_eq!(problems(applied, files, "1.29.0"), []);
        }
    }
}
