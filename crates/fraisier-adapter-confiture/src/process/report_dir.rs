//! The directory of a report. No other user can read it or put anything there. It is removed at the
//! end of its run; one whose process was killed is swept by a later process.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::TempDir;

use super::error::RunError;

/// The beginning of the name of a directory that its process holds, by a lock, as long as it is there.
/// One that nobody holds was left behind, and is swept. Builds that took no lock used another name.
const HELD: &str = "confiture-call-";
/// The beginning of the name of a directory that could not be locked. It is never swept.
const NOT_HELD: &str = "confiture-unheld-";

/// How many directories are made when another process sweeps each before it is held.
const TRIES: usize = 10;

/// How many entries of the temporary directory a sweep looks at.
const LOOKED_AT: usize = 100_000;
/// How many directories a sweep removes.
const REMOVED: usize = 1000;

/// The place for one report, in a directory of its own that only this user can enter. Dropping it
/// removes the directory.
pub(super) struct ReportDir {
    dir: TempDir,
    /// The lock: while this is open, no other process sweeps the directory.
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
        Self::made_by(|prefix| {
            tempfile::Builder::new()
                .prefix(prefix)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(&parent)
                .map_err(failed)
        })
    }

    /// A directory that `make` makes with the prefix that it is given.
    fn made_by(make: impl Fn(&str) -> Result<TempDir, RunError>) -> Result<Self, RunError> {
        for _ in 0..TRIES {
            let dir = make(HELD)?;
            match hold(dir.path()) {
                Ok(held) => {
                    return Ok(Self {
                        dir,
                        _held: Some(held),
                    });
                }
                Err(error) if is_anothers(&error) => {}
                Err(_) => break,
            }
        }
        let dir = make(NOT_HELD)?;
        Ok(Self { dir, _held: None })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the report belongs.
    pub(super) fn report(&self) -> PathBuf {
        self.path().join("report.json")
    }
}

/// Sweeps the temporary directory on a thread of its own, so that no run waits for it.
pub(super) fn start_sweep() {
    // Where no thread can be had, the next process sweeps.
    let _ = thread::Builder::new()
        .name("confiture-sweep".to_owned())
        .spawn(|| sweep(&std::env::temp_dir()));
}

/// Removes the directories of this user that nobody holds any more.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else {
        return;
    };
    let ours = entries
        .take(LOOKED_AT)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(HELD));
    for entry in ours.take(REMOVED) {
        if let Ok(_held) = hold(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a directory could not be held because another process sweeps it.
fn is_anothers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotFound
    )
}

/// Holds the directory as long as the value lives.
///
/// # Errors
///
/// When another process holds it or has removed it, or when it is another user's.
fn hold(dir: &Path) -> io::Result<File> {
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
    use std::cell::{Cell, RefCell};
    use std::fs;
    use std::time::Duration;

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
        let left = make(&format!("{HELD}left"));
        let held = make(&format!("{HELD}held"));
        let not_held = make(&format!("{NOT_HELD}one"));
        let others = make("of-somebody-else");
        let link = parent.path().join(format!("{HELD}link"));
        std::os::unix::fs::symlink(&others, &link).unwrap();
        let holder = hold(&held).unwrap();
        sweep(parent.path());
        assert!(!left.exists());
        for kept in [&held, &not_held, &others] {
            assert!(kept.join("report.json").exists(), "{}", kept.display());
        }
        assert!(link.is_symlink());
        drop(holder);
        // A process that another test forks holds what it inherited until it executes its program.
        for _ in 0..1000 {
            sweep(parent.path());
            if !held.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{} is not removed", held.display());
    }

    #[test]
    fn one_that_is_swept_before_it_is_held_is_made_again() {
        let parent = tempfile::tempdir().unwrap();
        let make = |prefix: &str| tempfile::Builder::new().prefix(prefix).tempdir_in(&parent);
        let (turn, sweepers) = (Cell::new(0), RefCell::new(Vec::new()));
        let swept = |times: usize| {
            ReportDir::made_by(|prefix| {
                let dir = make(prefix).unwrap();
                turn.set(turn.get() + 1);
                match turn.get() {
                    // Another process holds this one, and has removed the next.
                    1 => sweepers.borrow_mut().push(hold(dir.path()).unwrap()),
                    turn if turn <= times => fs::remove_dir(dir.path()).unwrap(),
                    _ => {}
                }
                Ok(dir)
            })
        };
        let report = swept(2).unwrap();
        assert!(is_anothers(&hold(report.path()).err().unwrap()));
        assert!(report.path().exists());
        assert_eq!(turn.replace(0), 3);
        // Where every one is swept, the last is one that nobody sweeps.
        let report = swept(TRIES).unwrap();
        assert!(hold(report.path()).is_ok());
        sweep(parent.path());
        assert!(report.path().exists());
    }

    #[test]
    fn what_is_held_or_gone_cannot_be_held() {
        let parent = tempfile::tempdir().unwrap();
        let _held = hold(parent.path()).unwrap();
        for dir in [parent.path(), &parent.path().join("gone")] {
            assert!(is_anothers(&hold(dir).err().unwrap()));
        }
    }
}
