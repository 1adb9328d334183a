//! Writes files atomically, makes programs and FIFOs, and copies directories.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::{fs, io};

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
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let target = to.join(&name);
        if without.iter().any(|other| name == *other) {
            continue;
        }
        if kind.is_dir() {
            copy_tree(&entry.path(), &target, without)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        } else if kind.is_symlink() && !target.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        }
    }
    Ok(())
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
