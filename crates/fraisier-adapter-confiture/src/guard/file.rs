//! Reads migrations for the guard: one at a time, regular files only, within a budget.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// The largest file that is looked at, in MiB. A migration that a person wrote is far smaller.
const LARGEST: u64 = 4;

/// How much is looked at of all files together, in MiB: what is read in a fraction of a second.
const ALTOGETHER: u64 = 64;

const UNREADABLE: &str = "it cannot be read as SQL";

/// How much may still be read.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes: ALTOGETHER << 20,
        }
    }
}

impl Budget {
    /// The text of a migration.
    ///
    /// # Errors
    ///
    /// Why the guard does not look at it, in words.
    pub(super) fn read(&mut self, path: &Path) -> Result<String, String> {
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        let bytes = if is_sql { read(path).ok() } else { None };
        let bytes = bytes.ok_or(UNREADABLE)?;
        let length = bytes.len() as u64;
        if length > LARGEST << 20 {
            return Err(format!("it is larger than {LARGEST} MiB"));
        }
        if length > self.bytes {
            return Err(format!(
                "the migrations up to it are larger together than {ALTOGETHER} MiB"
            ));
        }
        self.bytes -= length;
        String::from_utf8(bytes).map_err(|_| UNREADABLE.into())
    }
}

/// What a regular file holds, or the beginning of one that is too large. Opening never waits, as it
/// does for a FIFO.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // The length that a file states says nothing: the file may grow, and files of the kernel state
    // none.
    let mut bytes = Vec::new();
    file.take((LARGEST << 20) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
