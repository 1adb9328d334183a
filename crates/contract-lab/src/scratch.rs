//! Temporary directories that do not stay behind, not even after a `kill -9`.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

/// How every such directory begins.
const PREFIX: &str = "fraisier-xtask-";

/// The file in it that its owner keeps locked while it lives.
const LOCK: &str = "lock";

/// Where in it a server keeps its data.
pub const DATA: &str = "data";

/// A directory of this process, which no other user can enter. Dropping it removes it; when that
/// cannot happen any more, the next one that is made does.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    // Dropped last: until the directory is gone, nobody else needs to care.
    _lock: File,
}

impl Scratch {
    /// Makes one where temporary files go.
    pub fn new() -> io::Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    /// Makes one in `base`, and removes those there that nobody owns any more.
    pub fn within(base: &Path) -> io::Result<Self> {
        sweep(base);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(base)?;
        // It gets its name once it is locked: an unlocked lock file says that nobody is here.
        let unnamed = directory.path().join("lock.new");
        let lock = File::create(&unnamed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(unnamed, directory.path().join(LOCK))?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// What belongs to other users is left alone.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            clear(&entry.path());
        }
    }
}

/// Removes `directory` and ends the server that runs in it, unless somebody holds its lock.
fn clear(directory: &Path) {
    let Ok(lock) = File::open(directory.join(LOCK)) else {
        return;
    };
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    if let Some(pid) = postmaster(&directory.join(DATA)) {
        let _ = kill_process(pid, Signal::QUIT);
        let end = Instant::now() + Duration::from_secs(5);
        while test_kill_process(pid).is_ok() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = fs::remove_dir_all(directory);
}

/// The process that serves `data`, when it still lives and really is that one.
fn postmaster(data: &Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    let cwd = fs::read_link(format!("/proc/{number}/cwd")).ok()?;
    (cwd == data).then(|| Pid::from_raw(number)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_without_an_owner_are_removed() {
        let base = tempfile::tempdir().unwrap();
        let owned = Scratch::within(base.path()).unwrap();
        // As after a kill -9: at the end of the line the lock is gone, the directory is not.
        let left = Scratch::within(base.path()).unwrap().directory.keep();
        let other = base.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join(LOCK), "").unwrap();
        let made = Scratch::within(base.path()).unwrap();
        assert!(!left.exists());
        assert!(owned.path().exists() && made.path().exists() && other.exists());
    }

    #[test]
    fn a_scratch_directory_is_private_and_removed_with_its_owner() {
        let base = tempfile::tempdir().unwrap();
        let scratch = Scratch::within(base.path()).unwrap();
        let path = scratch.path().to_owned();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn another_process_with_the_servers_id_is_not_the_server() {
        let data = tempfile::tempdir().unwrap();
        let own = std::process::id();
        fs::write(data.path().join("postmaster.pid"), format!("{own}\n")).unwrap();
        assert_eq!(postmaster(data.path()), None);
    }
}
