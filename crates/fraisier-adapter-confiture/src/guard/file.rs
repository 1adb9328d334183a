//! Reads migrations for the guard: one at a time, regular files only, within a budget.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// The largest file that is looked at, in MiB. A migration that a person wrote is far smaller.
const LARGEST: u64 = 4;

/// How much is looked at of all files together, in MiB: what is read in a fraction of a second.
pub(super) const ALTOGETHER: u64 = 64;

const UNREADABLE: &str = "it cannot be read as SQL";

/// The text of a migration, whose length is taken from the budget.
///
/// # Errors
///
/// Why the guard does not look at it, in words.
pub(super) fn read(path: &Path, budget: &mut u64) -> Result<String, String> {
    let is_sql = path.extension().is_some_and(|extension| extension == "sql");
    let bytes = if is_sql { bytes(path).ok() } else { None };
    let bytes = bytes.ok_or(UNREADABLE)?;
    let length = bytes.len() as u64;
    if length > LARGEST << 20 {
        return Err(format!("it is larger than {LARGEST} MiB"));
    }
    *budget = budget.checked_sub(length).ok_or_else(|| {
        format!("the migrations up to it are larger together than {ALTOGETHER} MiB")
    })?;
    String::from_utf8(bytes).map_err(|_| UNREADABLE.into())
}

/// What a regular file contains, or the beginning of one that is too large. Opening never waits, as it
/// does for a FIFO.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // The length in the metadata proves nothing: the file may grow, and files of the kernel have none.
    let mut bytes = Vec::new();
    file.take((LARGEST << 20) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
