//! Files of SQL that confiture would not run as they are written.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::project::Migration;

/// The files of a migrations directory that are not text.
#[derive(Debug, Default)]
pub struct NotText {
    /// confiture silently does not run what is behind a NUL byte.
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

/// What a regular file contains.
fn is_text(path: &Path) -> io::Result<Text> {
    let mut file = open(path)?;
    let mut chunk = vec![0; 64 << 10];
    // How many bytes of the last chunk begin a character.
    let mut begun = 0;
    let mut text = None;
    loop {
        let length = begun + file.read(&mut chunk[begun..])?;
        let bytes = &chunk[..length];
        if bytes[begun..].contains(&0) {
            return Ok(Text::WithNul);
        }
        let is_end = length == begun;
        if text.is_none() {
            text = Some(match bytes {
                [0xef, 0xbb, 0xbf, ..] => Text::WithBom,
                _ => Text::Utf8,
            });
        }
        begun = match str::from_utf8(bytes) {
            Ok(_) => 0,
            Err(error) if error.error_len().is_none() && !is_end => length - error.valid_up_to(),
            Err(_) => {
                text = Some(Text::NotUtf8);
                0
            }
        };
        if is_end {
            return Ok(text.unwrap_or(Text::Utf8));
        }
        chunk.copy_within(length - begun..length, 0);
    }
}

/// What confiture reads as a migration, or sorts, differently from what its author expects: a code, and a
/// sentence about it.
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
    let number = |it: &Migration| it.version.parse::<u128>().ok();
    let numbered = migrations
        .iter()
        .filter_map(|it| Some((number(it)?, &it.version)));
    let numbered: Vec<_> = numbered.collect();
    let out_of_order = numbered.windows(2).find(|pair| pair[0].0 > pair[1].0);
    if let Some([first, second]) = out_of_order {
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
}
