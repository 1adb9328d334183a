//! What is in the SQL files of a migrations directory.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::project::{Migration, stem_of};

/// The files of a migrations directory that are not text.
#[derive(Debug, Default)]
pub struct NotText {
    /// confiture silently runs nothing that follows a NUL byte.
    pub with_nul: Vec<String>,
    /// confiture fails when it reads one of these, and does not name it.
    pub not_utf8: Vec<String>,
    /// SQL that begins with a byte order mark, which is a syntax error to the server.
    pub with_bom: Vec<String>,
}

impl NotText {
    /// Reads the files of a directory whose names have one of these endings.
    ///
    /// # Errors
    ///
    /// Those of reading the directory. A file that cannot be read is no finding: confiture cannot read it
    /// either.
    pub fn in_directory(directory: &Path, endings: &[&str]) -> io::Result<Self> {
        let mut found = Self::default();
        let mut names = Vec::new();
        for entry in directory.read_dir()? {
            let name = entry?.file_name();
            let text = name.to_string_lossy().into_owned();
            if endings.iter().any(|ending| text.ends_with(ending)) {
                names.push((text, name));
            }
        }
        names.sort_unstable();
        for (text, name) in names {
            match is_text(&directory.join(name)) {
                Ok(Text::Utf8) | Err(_) => {}
                Ok(Text::WithNul) => found.with_nul.push(text),
                Ok(Text::NotUtf8) => found.not_utf8.push(text),
                Ok(Text::WithBom) if text.as_bytes().ends_with(b".py") => {}
                Ok(Text::WithBom) => found.with_bom.push(text),
            }
        }
        Ok(found)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Text {
    Utf8,
    NotUtf8,
    WithNul,
    WithBom,
}

/// Opens a regular file, and nothing else. It never waits, as opening a FIFO does.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let is_file = file.metadata()?.is_file();
    is_file
        .then_some(file)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// How much of a file is read at once.
const CHUNK: u64 = 64 << 10;

/// What a regular file contains.
fn is_text(path: &Path) -> io::Result<Text> {
    let mut file = open(path)?;
    let mut text = None;
    // The chunk, and before it the beginning of a character that the previous chunk ended in.
    let mut bytes = Vec::new();
    while file.by_ref().take(CHUNK).read_to_end(&mut bytes)? > 0 {
        if bytes.contains(&0) {
            return Ok(Text::WithNul);
        }
        let is_marked = bytes.starts_with("\u{feff}".as_bytes());
        text.get_or_insert(if is_marked { Text::WithBom } else { Text::Utf8 });
        match str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() => drop(bytes.drain(..error.valid_up_to())),
            valid => {
                if valid.is_err() {
                    text = Some(Text::NotUtf8);
                }
                bytes.clear();
            }
        }
    }
    if !bytes.is_empty() {
        text = Some(Text::NotUtf8);
    }
    Ok(text.unwrap_or(Text::Utf8))
}

/// What `verify` has to know of a migrations directory: a `.verify.sql` that confiture skipped is in order
/// only if it has no statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyFiles(Vec<VerifyFile>);

/// A migration, or the `.verify.sql` of one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct VerifyFile {
    version: String,
    /// The name of the migration.
    name: String,
    /// Whether the `.verify.sql` has a statement in it, or cannot be read; `None` of a migration.
    has_statement: Option<bool>,
}

impl VerifyFiles {
    /// Reads a directory.
    ///
    /// # Errors
    ///
    /// Those of reading the directory, such as `NotFound` when it does not exist, or `NotADirectory`
    /// when it is a file. A `.verify.sql` that cannot be read is no error: it may have a statement.
    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        let mut found = Vec::new();
        for entry in directory.read_dir()? {
            let entry = entry?;
            let file = entry.file_name();
            let file = file.to_string_lossy();
            let check = file.strip_suffix(".verify.sql");
            if let Some(stem) = check.or_else(|| stem_of(&file)) {
                let (version, name) = stem.split_once('_').unwrap_or((stem, ""));
                found.push(VerifyFile {
                    version: version.to_owned(),
                    name: name.to_owned(),
                    has_statement: check.map(|_| may_have_statement(&entry.path())),
                });
            }
        }
        Ok(Self(found))
    }

    fn of(&self, version: &str) -> impl Iterator<Item = &VerifyFile> {
        self.0.iter().filter(move |file| file.version == version)
    }

    /// The name of the migration of this version; empty where no file has it.
    pub(crate) fn name(&self, version: &str) -> &str {
        self.of(version).last().map_or("", |file| &file.name)
    }

    /// Whether this version has more than one `.verify.sql`: confiture runs one of them.
    pub(crate) fn is_ambiguous(&self, version: &str) -> bool {
        let checks = self.of(version).filter(|file| file.has_statement.is_some());
        checks.count() > 1
    }

    /// Whether a `.verify.sql` of this version has something to run.
    pub(crate) fn has_statement(&self, version: &str) -> bool {
        self.of(version)
            .any(|file| file.has_statement == Some(true))
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
            length as u64 == VERIFY_LIMIT || has_statement(&String::from_utf8_lossy(&bytes))
        })
}

fn has_statement(sql: &str) -> bool {
    let mut sql = sql.strip_prefix('\u{feff}').unwrap_or(sql);
    loop {
        sql = sql.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c', ';']);
        if let Some(comment) = sql.strip_prefix("--") {
            let end = comment.find(['\n', '\r']);
            sql = &comment[end.unwrap_or(comment.len())..];
        } else if let Some(rest) = sql.strip_prefix("/*").and_then(after_block_comment) {
            sql = rest;
        } else {
            return !sql.is_empty();
        }
    }
}

/// What follows a block comment that has begun; they nest. `None` when it does not end.
fn after_block_comment(mut sql: &str) -> Option<&str> {
    let mut depth = 1;
    while depth > 0 {
        sql = &sql[sql.find(['*', '/'])?..];
        (sql, depth) = match (sql.strip_prefix("/*"), sql.strip_prefix("*/")) {
            (Some(rest), _) => (rest, depth + 1),
            (_, Some(rest)) => (rest, depth - 1),
            (None, None) => (&sql[1..], depth),
        };
    }
    Some(sql)
}

/// The names that confiture reads or sorts differently from what their author expects: for each the code of an
/// issue, and a sentence.
#[must_use]
pub fn surprises(migrations: &[Migration]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for Migration { version, path } in migrations {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            let what = format!(
                "the hidden file {name} is the migration {version:?} to confiture; remove it if it is \
                 not one (macOS writes such files beside the real ones)"
            );
            found.push((HIDDEN_MIGRATION, what));
        }
    }
    let numbered = migrations.iter().map(|it| &it.version);
    let numbered = numbered.filter_map(|it| Some((it.parse::<u128>().ok()?, it)));
    let numbered: Vec<_> = numbered.collect();
    if let Some([first, second]) = numbered.windows(2).find(|pair| pair[0].0 > pair[1].0) {
        let what = format!(
            "confiture orders versions as text, so {} comes before {}; give all versions the same number \
             of digits",
            first.1, second.1
        );
        found.push((VERSIONS_OUT_OF_ORDER, what));
    }
    found
}

/// The issue that a hidden file is a migration.
pub const HIDDEN_MIGRATION: &str = "FRAISIER_HIDDEN_MIGRATION";

/// The issue that versions of different widths are not in the order of their numbers.
pub const VERSIONS_OUT_OF_ORDER: &str = "FRAISIER_VERSIONS_OUT_OF_ORDER";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Text {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        std::fs::write(&path, bytes).expect("written");
        is_text(&path).expect("read")
    }

    #[test]
    fn a_byte_order_mark_counts_only_at_the_beginning() {
        assert_eq!(text("\u{feff}SELECT 1;".as_bytes()), Text::WithBom);
        assert_eq!(text(b"\xef\xbb\xbf\xe9"), Text::NotUtf8);
        assert_eq!(text(b"\xef\xbb\xbf\0"), Text::WithNul);
        assert_eq!(text("\u{feff}".as_bytes()), Text::WithBom);
    }

    #[test]
    fn utf8_is_checked_across_chunks() {
        for blanks in (64 << 10) - 4..=(64 << 10) + 1 {
            let with = |bytes: &[u8]| text(&[&b" ".repeat(blanks), bytes].concat());
            assert_eq!(with("é日本語".as_bytes()), Text::Utf8);
            assert_eq!(with(b"\xe9t\xe9 of Latin-1"), Text::NotUtf8);
            assert_eq!(with("\u{feff}".as_bytes()), Text::Utf8);
            assert_eq!(
                with("日".as_bytes().split_last().expect("bytes").1),
                Text::NotUtf8
            );
            assert_eq!(with(b"\xe9\0"), Text::WithNul);
        }
        assert_eq!(text(b""), Text::Utf8);
    }

    #[test]
    fn versions_whose_order_surprises_are_reported() {
        let codes = |names: &[&str]| {
            let directory = tempfile::tempdir().expect("a directory");
            for name in names {
                std::fs::write(directory.path().join(name), "").expect("written");
            }
            let migrations = super::super::project::list(directory.path()).expect("listed");
            surprises(&migrations)
                .into_iter()
                .map(|it| it.0)
                .collect::<Vec<_>>()
        };
        for names in [
            &["1_a.up.sql", "10_b.up.sql", "9_c.py"][..],
            &["1_a.up.sql", "002_b.up.sql"],
        ] {
            assert_eq!(codes(names), [VERSIONS_OUT_OF_ORDER], "{names:?}");
        }
        for names in [
            &["001_a.up.sql", "002_b.py", "20260101120000_c.up.sql"][..],
            &["a_1.up.sql", "b_2.up.sql", "10_c.up.sql"],
            &["2_a.up.sql", "10_b.down.sql"],
        ] {
            assert_eq!(codes(names), [""; 0], "{names:?}");
        }
        assert_eq!(
            codes(&["._001_a.up.sql", "001_a.up.sql"]),
            [HIDDEN_MIGRATION]
        );
    }

    #[test]
    fn a_verify_file_with_anything_but_blanks_and_comments_has_a_statement() {
        for nothing in [
            "",
            " \n\t;\r\n;",
            "-- none",
            "-- none\n/* nor /* nested */ here */ ;",
            "\u{feff}-- none",
        ] {
            assert!(!has_statement(nothing), "{nothing:?}");
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
            assert!(has_statement(something), "{something:?}");
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
