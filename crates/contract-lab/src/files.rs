//! Writes files atomically, makes programs and FIFOs, and copies directories.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use walkdir::{DirEntry, WalkDir};

use crate::trouble::Trouble;

/// Writes a file so that a reader sees the old content or the new, never a part.
pub fn write_atomically(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)
        .map_err(|error| unwritable(directory, &error))?;
    io::Write::write_all(&mut file, content)
        .and_then(|()| file.persist(path).map_err(|error| error.error))
        .map_err(|error| unwritable(directory, &error))?;
    Ok(())
}

/// Writes a file that everybody can execute.
pub fn write_program(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Copies a directory over an existing one, except for entries with one of these names.
pub fn copy_tree(from: &Path, to: &Path, without: &[&str]) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in entries(from, without) {
        let entry = entry?;
        let (kind, target) = (entry.file_type(), to.join(below(from, &entry)));
        if kind.is_dir() {
            fs::create_dir_all(target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        } else if kind.is_symlink() && !target.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        }
    }
    Ok(())
}

/// Everything below a directory, except for entries with one of these names.
pub(crate) fn entries(
    root: &Path,
    without: &[&str],
) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let walk = WalkDir::new(root).min_depth(1).sort_by_file_name();
    walk.into_iter()
        .filter_entry(move |entry| !without.iter().any(|name| entry.file_name() == *name))
}

/// The path of an entry in `root`.
pub(crate) fn below<'a>(root: &Path, entry: &'a DirEntry) -> &'a Path {
    let path = entry.path().strip_prefix(root);
    path.expect("an entry is below the root")
}

/// Makes a FIFO with the program `mkfifo`: on macOS there is no safe call for it.
pub fn make_fifo(path: &Path) -> io::Result<()> {
    if Command::new("mkfifo").arg(path).status()?.success() {
        return Ok(());
    }
    let what = format!("mkfifo made no FIFO at {}", path.display());
    Err(io::Error::other(what))
}

/// The error for a directory that cannot be written.
pub fn unwritable(directory: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        format!("cannot write to {}: {error}", directory.display()),
        "make it writable, or choose another directory with --cache-dir or XTASK_CACHE_DIR",
    )
}
