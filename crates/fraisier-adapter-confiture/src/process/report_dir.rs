//! The directory of a report: a place no other user can read or plant, and that goes with its call,
//! or is swept when the call's process was killed.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::TempDir;

use super::error::RunError;

/// How the name of every such directory begins. Builds that know no mark sweep another name.
const PREFIX: &str = "confiture-call-";

/// How many entries of the temporary directory are looked at.
const LOOKED_AT: usize = 100_000;
/// How many directories are removed.
const REMOVED: usize = 1000;

/// The file that marks a directory as held by its process for as long as that lives. One without it is
/// never swept: whoever made it may be running and hold no lock, because it could not take one, or
/// because it is a build that takes none.
const MARK: &str = "held";

/// The place for one report, in a directory of its own that only this user can enter. Dropping it
/// removes the directory.
pub(super) struct ReportDir {
    dir: TempDir,
    /// As long as this is open, no other process takes the directory for one that was left behind.
    /// Where it cannot be held, none ever does.
    _held: Option<File>,
}

impl ReportDir {
    pub(super) fn create() -> Result<Self, RunError> {
        Self::create_in(&std::env::temp_dir())
    }

    fn create_in(parent: &Path) -> Result<Self, RunError> {
        // The child starts in another directory, so a relative TMPDIR has to be resolved here.
        let failed = |source| RunError::TempDir {
            parent: parent.to_owned(),
            source,
        };
        let parent = std::path::absolute(parent).map_err(failed)?;
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(failed)?;
        let held = hold(dir.path()).ok();
        Ok(Self { dir, _held: held })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the report belongs, beside nothing but the mark.
    pub(super) fn report(&self) -> PathBuf {
        self.path().join("report.json")
    }
}

/// Sweeps the temporary directory, so that no call waits for it.
pub(super) fn start_sweep() {
    // Where no thread can be had, the next process sweeps.
    let _ = thread::Builder::new()
        .name("confiture-sweep".to_owned())
        .spawn(|| sweep(&std::env::temp_dir()));
}

/// Removes the directories of this user that were held, and that nobody holds any more.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else {
        return;
    };
    let ours = entries
        .take(LOOKED_AT)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| entry.path().join(MARK).exists());
    for entry in ours.take(REMOVED) {
        if let Ok(_held) = take(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Holds the directory as long as the value lives, and marks it, so that it is swept afterwards.
///
/// # Errors
///
/// When it cannot be locked or marked. Then nobody sweeps it.
fn hold(dir: &Path) -> io::Result<File> {
    let held = take(dir)?;
    File::create_new(dir.join(MARK))?;
    Ok(held)
}

/// Locks the directory, as long as the value lives.
///
/// # Errors
///
/// When it is another's, of this user or of another one.
fn take(dir: &Path) -> io::Result<File> {
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
    fn only_this_user_can_enter_the_directory_and_it_goes_with_the_value() {
        let report = ReportDir::create().unwrap();
        let dir = report.path().to_owned();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o700);
        fs::write(report.report(), "{}").unwrap();
        drop(report);
        assert!(!dir.exists());
    }

    #[test]
    fn a_missing_parent_is_named() {
        let error = ReportDir::create_in(Path::new("/nowhere/at/all"))
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }

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
        drop(hold(&left).unwrap());
        let held = make(&format!("{PREFIX}held"));
        let others = make("of-somebody-else");
        let link = parent.path().join(format!("{PREFIX}link"));
        std::os::unix::fs::symlink(&others, &link).unwrap();
        let holder = hold(&held).unwrap();
        sweep(parent.path());
        assert!(!left.exists());
        assert!(held.join("report.json").exists() && others.join("report.json").exists());
        assert!(link.is_symlink());
        drop(holder);
        sweep(parent.path());
        assert!(!held.exists());
    }

    #[test]
    fn what_never_was_held_stays_although_nobody_locks_it() {
        let parent = tempfile::tempdir().unwrap();
        let of_another_build = parent.path().join(format!("{PREFIX}unmarked"));
        fs::create_dir(&of_another_build).unwrap();
        fs::write(of_another_build.join("report.json"), "{}").unwrap();
        sweep(parent.path());
        assert!(of_another_build.join("report.json").exists());
        // Nothing but the mark keeps it.
        drop(hold(&of_another_build).unwrap());
        sweep(parent.path());
        assert!(!of_another_build.exists());
    }

    #[test]
    fn what_is_held_or_gone_cannot_be_taken() {
        let parent = tempfile::tempdir().unwrap();
        let _held = take(parent.path()).unwrap();
        assert!(take(parent.path()).is_err());
        assert!(take(&parent.path().join("gone")).is_err());
    }
}
