//! Opens files.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Opens a regular file, and nothing else: opening a FIFO waits for somebody to write.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        let why = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    File::open(path)
}
