//! What was applied, against the files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use fraisier_adapter_confiture::tools::Migration;
use sha2::{Digest as _, Sha256};

use super::files::lacks;
use super::finding::{Finding, Grade, listed};
use super::regular;

pub(super) const CHECK: &str = "history";

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) version: String,
    /// SHA-256 of the file as it was applied, in hexadecimal. Some releases and commands leave none.
    pub(super) checksum: Option<String>,
}

/// Compares the ledger with the files.
pub(super) fn compare(applied: &[Applied], migrations: &[Migration]) -> Finding {
    let files: BTreeMap<&str, &Migration> = migrations
        .iter()
        .map(|migration| (migration.version.as_str(), migration))
        .collect();
    let mut unknown = Vec::new();
    let mut modified = Vec::new();
    let mut unread = Vec::new();
    for row in applied {
        let version = row.version.as_str();
        let Some(file) = files.get(version) else {
            unknown.push(version);
            continue;
        };
        if let Some(then) = &row.checksum {
            match checksum(file) {
                Ok(now) if now == *then => {}
                Ok(_) => modified.push(version),
                Err(_) => unread.push(version),
            }
        }
    }
    let is_applied = |version: &str| applied.iter().any(|row| row.version == version);
    let pending: Vec<&str> = files
        .keys()
        .copied()
        .filter(|version| !is_applied(version))
        .collect();
    let newest = applied.iter().map(|row| row.version.as_str()).max();
    let late: Vec<&str> = pending
        .iter()
        .copied()
        .filter(|version| newest.is_some_and(|newest| *version < newest))
        .collect();
    let one_way: Vec<&str> = pending
        .iter()
        .copied()
        .filter(|version| files.get(version).is_some_and(|it| lacks(it, ".down.sql")))
        .collect();
    let mut evidence = vec![match (applied.len(), pending.len()) {
        (applied, 0) => format!("{applied} applied, none pending"),
        (applied, _) => format!("{applied} applied, pending: {}", listed(&pending)),
    }];
    for (versions, what) in [
        (&modified, "edited after they were applied"),
        (&unread, "applied, and their files cannot be read"),
        (&unknown, "applied, and no file has them"),
        (&late, "pending, and older than what is applied"),
        (&one_way, "pending, without .down.sql"),
    ] {
        if !versions.is_empty() {
            evidence.push(format!("{what}: {}", listed(versions)));
        }
    }
    let (grade, next) = if !modified.is_empty() {
        (
            Grade::Fail,
            "restore the files as they were applied, and put the change into a new migration: from \
             0.48.0 on, confiture refuses to begin",
        )
    } else if !one_way.is_empty() {
        (
            Grade::Fail,
            "write the missing files: `up` stops at a migration without one, and what it applied \
             before stays",
        )
    } else if !unread.is_empty() {
        (
            Grade::Unknown,
            "make them regular files that this user may read: nothing tells otherwise whether they \
             were edited",
        )
    } else if !unknown.is_empty() {
        (
            Grade::Warn,
            "deploy the build that has these files, or a newer one: without them nothing can roll \
             them back",
        )
    } else if !late.is_empty() {
        (
            Grade::Warn,
            "`up` applies them all the same; `current` then names the one that was applied last, not \
             the highest",
        )
    } else {
        (Grade::Ok, "")
    };
    Finding::new(CHECK, grade, evidence.join("; "), next)
}

/// As confiture makes it: of the bytes of the file.
fn checksum(migration: &Migration) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut regular::open(&migration.path)?, &mut Hash(&mut hasher))?;
    let mut text = String::new();
    for byte in hasher.finalize() {
        // A text takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

struct Hash<'a>(&'a mut Sha256);

impl io::Write for Hash<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn compared(applied: &[(&str, Option<&str>)], files: &[&str]) -> Finding {
        let base = tempfile::tempdir().expect("a directory");
        let migrations: Vec<Migration> = files
            .iter()
            .map(|version| {
                let path = base.path().join(format!("{version}_x.up.sql"));
                std::fs::write(&path, "").expect("written");
                // `3` is the one without a way back.
                if *version != "3" {
                    let down = base.path().join(format!("{version}_x.down.sql"));
                    std::fs::write(down, "").expect("written");
                }
                Migration {
                    version: (*version).into(),
                    path,
                }
            })
            .collect();
        let applied: Vec<Applied> = applied
            .iter()
            .map(|(version, checksum)| Applied {
                version: (*version).into(),
                checksum: checksum.map(str::to_owned),
            })
            .collect();
        compare(&applied, &migrations)
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_waited_for_and_not_called_edited() {
        let base = tempfile::tempdir().expect("a directory");
        let migration = |version: &str| Migration {
            version: version.into(),
            path: base.path().join(format!("{version}_x.up.sql")),
        };
        let migrations = ["1", "2"].map(migration);
        let made = Command::new("mkfifo").arg(&migrations[0].path).status();
        assert!(made.expect("mkfifo").success());
        std::fs::create_dir(&migrations[1].path).expect("created");
        let applied = ["1", "2"].map(|version| Applied {
            version: version.into(),
            checksum: Some(EMPTY.into()),
        });
        let (sender, compared) = mpsc::channel();
        thread::spawn(move || sender.send(compare(&applied, &migrations)));
        let finding = compared.recv_timeout(Duration::from_secs(60));
        let finding = finding.expect("the FIFO is not opened");
        assert_eq!(finding.grade, Grade::Unknown, "{finding:?}");
        assert!(
            finding.evidence.ends_with("cannot be read: 1, 2"),
            "{finding:?}"
        );
    }

    #[test]
    fn each_difference_is_told() {
        for (applied, files, grade, says) in [
            (&[][..], &[][..], Grade::Ok, "0 applied, none pending"),
            (&[], &["1", "2"], Grade::Ok, "0 applied, pending: 1, 2"),
            (
                &[("1", Some(EMPTY))],
                &["1", "2"],
                Grade::Ok,
                "1 applied, pending: 2",
            ),
            (&[("1", None)], &["1"], Grade::Ok, "1 applied, none pending"),
            (
                &[("1", Some("0123"))],
                &["1"],
                Grade::Fail,
                "edited after they were applied: 1",
            ),
            (&[("2", None)], &["1"], Grade::Warn, "no file has them: 2"),
            (&[], &["1", "3"], Grade::Fail, "without .down.sql: 3"),
            (&[("3", None)], &["3"], Grade::Ok, "none pending"),
            (
                &[("2", None)],
                &["1", "2"],
                Grade::Warn,
                "older than what is applied: 1",
            ),
            (
                &[("1", Some("0123")), ("3", None)],
                &["1", "2"],
                Grade::Fail,
                "no file has them: 3; pending, and older",
            ),
        ] {
            let finding = compared(applied, files);
            assert_eq!(finding.grade, grade, "{finding:?}");
            assert!(finding.evidence.contains(says), "{finding:?}");
        }
    }
}
