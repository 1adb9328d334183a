//! Removes the report directories that killed processes left behind.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::report_file::PREFIX;

/// How many entries of the temporary directory are looked at.
const LOOKED_AT: usize = 100_000;
/// How many directories are removed.
const REMOVED: usize = 1000;

/// Sweeps the temporary directory, so that no call waits for it.
pub(super) fn start() {
    // Where no thread can be had, the next process sweeps.
    let _ = thread::Builder::new()
        .name("confiture-sweep".to_owned())
        .spawn(|| sweep(&std::env::temp_dir()));
}

/// Removes the directories of this user that nobody holds.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else {
        return;
    };
    let ours = entries
        .take(LOOKED_AT)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in ours.take(REMOVED) {
        if let Ok(_held) = take(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes the directory this process's, as long as the value lives.
///
/// # Errors
///
/// When it is another's, of this user or of another one.
pub(super) fn take(dir: &Path) -> io::Result<File> {
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(dir)?;
    let found = opened.metadata()?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    flock(&opened, FlockOperation::NonBlockingLockExclusive)?;
    // Somebody may have removed it between its being opened and its being locked.
    let named = std::fs::symlink_metadata(dir)?;
    if (named.dev(), named.ino()) != (found.dev(), found.ino()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let dir = parent.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("report.json"), "{}").unwrap();
            dir
        };
        let left = make(&format!("{PREFIX}left"));
        let held = make(&format!("{PREFIX}held"));
        let others = make("of-somebody-else");
        let link = parent.path().join(format!("{PREFIX}link"));
        std::os::unix::fs::symlink(&others, &link).unwrap();
        let holder = take(&held).unwrap();
        sweep(parent.path());
        assert!(!left.exists());
        assert!(held.join("report.json").exists() && others.join("report.json").exists());
        assert!(link.is_symlink());
        drop(holder);
        sweep(parent.path());
        assert!(!held.exists());
    }

    #[test]
    fn what_is_held_or_gone_cannot_be_taken() {
        let parent = tempfile::tempdir().unwrap();
        let _held = take(parent.path()).unwrap();
        assert!(take(parent.path()).is_err());
        assert!(take(&parent.path().join("gone")).is_err());
    }
}
