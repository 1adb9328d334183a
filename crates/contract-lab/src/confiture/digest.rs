//! A digest of the contents of files.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::files::{below, entries};

/// The SHA-256 of a file.
pub fn hash_file(path: &Path) -> anyhow::Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path)?)))
}

/// The SHA-256 of the files of a directory and of their paths in it.
pub fn hash_tree(root: &Path, without: &[&str]) -> anyhow::Result<String> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries(root, without) {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push(below(root, &entry).to_owned());
        }
    }
    files.sort();
    let mut hasher = Sha256::new();
    for relative in files {
        hasher.update(relative.to_string_lossy().as_bytes());
        hasher.update([0]);
        hasher.update(fs::read(root.join(&relative))?);
        hasher.update([0]);
    }
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
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
