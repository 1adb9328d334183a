//! Which migrations have a `.verify.sql` with something to run.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use super::project::stem_of;
use super::sql_files::open;

/// What `verify` has to know of the files: a `.verify.sql` that confiture skipped is in order only
/// when it has no statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyFiles(BTreeMap<String, Files>);

/// The files of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Files {
    /// The name of the migration.
    name: String,
    /// How many `.verify.sql` there are.
    checks: usize,
    /// Whether one of them has a statement in it, or cannot be read.
    has_statement: bool,
}

impl VerifyFiles {
    /// What a migrations directory holds.
    ///
    /// # Errors
    ///
    /// Those of reading the directory, such as `NotFound` when it does not exist, or `NotADirectory`
    /// when it is a file. A `.verify.sql` that cannot be read is no error: it may have a statement.
    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        let mut found: BTreeMap<String, Files> = BTreeMap::new();
        for entry in directory.read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let check = name.strip_suffix(".verify.sql");
            let Some(stem) = check.or_else(|| stem_of(&name)) else {
                continue;
            };
            let (version, title) = stem.split_once('_').unwrap_or((stem, ""));
            let files = found.entry(version.to_owned()).or_default();
            title.clone_into(&mut files.name);
            if check.is_some() {
                files.checks += 1;
                files.has_statement |= may_have_statement(&entry.path());
            }
        }
        Ok(Self(found))
    }

    /// The name of the migration of this version; empty when no file tells.
    pub(crate) fn name(&self, version: &str) -> &str {
        self.0.get(version).map_or("", |files| &files.name)
    }

    /// Whether this version has more than one `.verify.sql`: confiture runs one of them.
    pub(crate) fn is_ambiguous(&self, version: &str) -> bool {
        self.0.get(version).is_some_and(|files| files.checks > 1)
    }

    /// Whether a `.verify.sql` of this version has something to run.
    pub(crate) fn has_statement(&self, version: &str) -> bool {
        self.0.get(version).is_some_and(|files| files.has_statement)
    }
}

/// How much of a `.verify.sql` is read to find a statement; a longer one is taken to have one.
const VERIFY_LIMIT: u64 = 1 << 20;

/// Whether a file has anything but blanks, comments and semicolons in it. One that cannot be read,
/// or is no regular file, may.
fn may_have_statement(path: &Path) -> bool {
    let mut bytes = Vec::new();
    open(path)
        .and_then(|file| file.take(VERIFY_LIMIT).read_to_end(&mut bytes))
        .map_or(true, |length| {
            length as u64 == VERIFY_LIMIT || has_statement(&bytes)
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

#[cfg(test)]
mod tests {
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
}
