//! A digest of the contents of files.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a file.
pub fn hash_file(path: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    add_file(&mut hasher, path)?;
    Ok(hex(&hasher.finalize()))
}

/// The SHA-256 of the files of a directory and of their paths in it.
pub fn hash_tree(root: &Path, without: &[&str]) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    for relative in files(root, without)? {
        hasher.update(relative.to_string_lossy().as_bytes());
        hasher.update([0]);
        add_file(&mut hasher, &root.join(&relative))?;
        hasher.update([0]);
    }
    Ok(hex(&hasher.finalize()))
}

fn add_file(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

/// The regular files below `root`, by relative path, in order.
fn files(root: &Path, without: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let name = entry.file_name();
            if without.iter().any(|other| name == *other) {
                continue;
            }
            let relative = directory.join(&name);
            let kind = entry.file_type()?;
            if kind.is_dir() {
                directories.push(relative);
            } else if kind.is_file() {
                found.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_or_moved_file_changes_the_hash() {
        let root = tempfile::tempdir().unwrap();
        let hash = || hash_tree(root.path(), &["__pycache__"]).unwrap();
        fs::write(root.path().join("a"), "1").unwrap();
        let first = hash();
        fs::create_dir(root.path().join("__pycache__")).unwrap();
        fs::write(root.path().join("__pycache__/a.pyc"), "x").unwrap();
        assert_eq!(hash(), first);
        fs::write(root.path().join("a"), "2").unwrap();
        let second = hash();
        assert_ne!(second, first);
        fs::rename(root.path().join("a"), root.path().join("b")).unwrap();
        assert_ne!(hash(), second);
    }
}
