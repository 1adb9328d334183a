//! Clearing away servers whose guardian was killed the hard way.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// How every server's directory begins.
pub const PREFIX: &str = "fraisier-xtask-postgres-";

/// The file in it that the guardian keeps locked while it lives.
pub const LOCK: &str = "lock";

/// Stops and removes every server in `base` that nobody guards any more. What belongs to other
/// users is left alone.
pub fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            clear(&entry.path());
        }
    }
}

fn clear(directory: &Path) {
    // A directory without its lock file is one that is just being made, or removed.
    let Ok(lock) = File::open(directory.join(LOCK)) else {
        return;
    };
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    let data = directory.join("data");
    if let Some(pid) = postmaster(&data) {
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
    fn only_what_nobody_holds_is_removed() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let directory = base.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&directory).unwrap();
            let lock = File::create(directory.join(LOCK)).unwrap();
            (directory, lock)
        };
        let (held, lock) = make("held");
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let (stale, _) = make("stale");
        let other = base.path().join("other");
        fs::create_dir(&other).unwrap();
        sweep(base.path());
        assert!(held.exists() && other.exists());
        assert!(!stale.exists());
    }

    #[test]
    fn a_process_that_is_not_the_server_is_not_taken_for_it() {
        let data = tempfile::tempdir().unwrap();
        let own = std::process::id();
        fs::write(data.path().join("postmaster.pid"), format!("{own}\n")).unwrap();
        assert_eq!(postmaster(data.path()), None);
    }
}
