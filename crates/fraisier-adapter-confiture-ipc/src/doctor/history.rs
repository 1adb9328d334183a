//! What was applied, against the files.

use std::collections::{BTreeMap, BTreeSet};

use fraisier_adapter_confiture::ConfitureVersion;
use fraisier_adapter_confiture::tools::Migration;
use serde::Deserialize;

use super::files::lacks;
use super::finding::Grade::{self, Fail, Unknown, Warn};
use super::finding::{Finding, listed};

pub(super) const CHECK: &str = "history";

/// A row of the ledger, in the order of `pk_confiture`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Row {
    pub(super) version: String,
    /// Whether it has a point in time: neither null nor infinite.
    is_timed: Option<bool>,
    /// Whether that is later than the clock of the server.
    is_ahead: bool,
    /// The place of that time among those of all rows.
    rank: i64,
    /// SHA-256 of the file as it was applied, in hexadecimal.
    checksum: Option<String>,
}

/// What the database says of the migrations.
pub(super) struct History<'a> {
    pub(super) rows: &'a [Row],
    /// Triggers, rules and constraints of the ledger, and columns that nothing fills.
    pub(super) interferes: &'a [String],
    /// SHA-256 by the name of the file; none where it could not be read.
    pub(super) checksums: &'a BTreeMap<String, Option<String>>,
}

/// What can be wrong with versions: what is said of them, and what helps.
#[rustfmt::skip]
const PROBLEMS: [&str; 10] = [
    "what may keep rows out of the ledger, so that a migration fails or is applied again: {}. Next: drop the \
     trigger, rule or constraint; give the column its default (ALTER TABLE tb_confiture ALTER pk_confiture ADD \
     GENERATED ALWAYS AS IDENTITY)",
    "rows without a time, which no rollback can pass: {}. Next: set applied_at of each: it has to increase in the \
     order of pk_confiture",
    "the time is not after that of the row before, so confiture would roll back others: {}. Next: check that the \
     order of pk_confiture is the order of application, then set the times to it: UPDATE tb_confiture l SET \
     applied_at = now() - interval '1 second' * (SELECT count(*) FROM tb_confiture n WHERE n.pk_confiture > \
     l.pk_confiture)",
    "the time is later than the clock of the server, so no rollback can pass what is applied before that time: {}. \
     Next: correct that clock, or set applied_at of each: it has to increase in the order of pk_confiture and to be \
     in the past",
    "edited after they were applied: {}. Next: restore the files as they were applied, and put the change into a new \
     migration: from 0.48.0 on, confiture refuses to begin",
    "rows without a checksum, which confiture takes for edited from 0.50.0 on: {}. Next: set checksum of each row to \
     what `sha256sum` prints for its file",
    "pending, without .down.sql: {}. Next: write the missing files: `up` stops at a migration without one, and what \
     it applied before stays",
    "applied, and their files were not read: {}. Next: make them regular files that this user may read: nothing \
     tells otherwise whether they were edited",
    "applied, and no file has them: {}. Next: deploy the build that has these files, or a newer one: without them \
     nothing can roll them back",
    "pending, and older than what is applied: {}. Next: `up` applies them all the same; `current` then names the one \
     that was applied last, not the highest",
];

impl History<'_> {
    /// A finding for each problem, or one that there is none.
    pub(super) fn compare(
        &self,
        migrations: &[Migration],
        version: Option<&ConfitureVersion>,
    ) -> Vec<Finding> {
        let files = migrations.iter().map(|it| (&*it.version, it));
        let files: BTreeMap<&str, &Migration> = files.collect();
        let applied: BTreeSet<&str> = self.rows.iter().map(|row| &*row.version).collect();
        let newest = applied.last().copied().unwrap_or_default();
        let pending = files.keys().copied();
        let pending: Vec<&str> = pending.filter(|it| !applied.contains(it)).collect();
        let rows = |wanted: &dyn Fn(&Row) -> bool| -> Vec<&str> {
            let rows = self.rows.iter().filter(|row| wanted(row));
            rows.map(|row| &*row.version).collect()
        };
        let sum = |row: &Row| {
            let name = files.get(&*row.version)?.path.file_name()?;
            self.checksums.get(name.to_str()?)
        };
        let is_edited = |row: &Row| match (sum(row), &row.checksum) {
            (Some(Some(now)), Some(then)) => now != then,
            _ => false,
        };
        let of_pending = |wanted: &dyn Fn(&str) -> bool| -> Vec<&str> {
            pending.iter().copied().filter(|it| wanted(it)).collect()
        };
        let since = |minor| match version {
            Some(version) if !version.is_at_least(0, minor, 0) => Warn,
            _ => Fail,
        };
        let found: [(Grade, Vec<&str>); 10] = [
            (Fail, self.interferes.iter().map(|it| &**it).collect()),
            (Fail, rows(&|row| row.is_timed != Some(true))),
            (Fail, self.unordered()),
            (Fail, rows(&|row| row.is_ahead)),
            (since(48), rows(&is_edited)),
            (
                since(50),
                rows(&|row| row.checksum.is_none() && sum(row).is_some()),
            ),
            (Fail, of_pending(&|it| lacks(files[it], ".down.sql"))),
            (
                Unknown,
                rows(&|row| row.checksum.is_some() && sum(row) == Some(&None)),
            ),
            (Warn, rows(&|row| !files.contains_key(&*row.version))),
            (Warn, of_pending(&|it| it < newest)),
        ];
        let mut findings = Vec::new();
        for ((grade, versions), text) in found.into_iter().zip(PROBLEMS) {
            if !versions.is_empty() {
                let text = text.replace("{}", &listed(&versions));
                findings.push(Finding::new(CHECK, grade, text));
            }
        }
        let summary = match (applied.len(), pending.len()) {
            (applied, 0) => format!("{applied} applied, none pending"),
            (applied, _) => format!("{applied} applied, pending: {}", listed(&pending)),
        };
        match findings.first_mut() {
            Some(first) => first.evidence = format!("{summary}; {}", first.evidence),
            None => findings.push(Finding::new(CHECK, Grade::Ok, summary)),
        }
        findings
    }

    /// The rows whose time is not after that of the row before.
    fn unordered(&self) -> Vec<&str> {
        let timed = self.rows.iter().filter(|row| row.is_timed == Some(true));
        let pairs = timed.clone().zip(timed.skip(1));
        let pairs = pairs.filter(|(before, row)| before.rank >= row.rank);
        pairs.map(|(_, row)| &*row.version).collect()
    }
}

#[cfg(test)]
mod tests {
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
        let history = History {
            rows: applied,
            interferes: &[],
            checksums: &checksums,
        };
        let found = history.compare(&migrations, Some(&ConfitureVersion::parse(version)));
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

    #[test]
    fn a_trigger_of_the_ledger_is_named() {
        let history = History {
            rows: &[],
            interferes: &["trigger swallow".into()],
            checksums: &BTreeMap::new(),
        };
        let found = history.compare(&[], None);
        assert_eq!(found[0].grade, Fail);
        assert!(found[0].evidence.ends_with("trigger swallow"), "{found:?}");
    }
}
