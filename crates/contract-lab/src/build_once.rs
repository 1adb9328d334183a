//! Building a directory once: safe with other runs at the same time, redone when interrupted.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::command::{Output, run_with};
use super::files::{unwritable, write_atomically};
use super::{interrupt, ui::Ui};

/// The marker of a complete directory, with a description of its contents. It is written last.
const MARKER: &str = ".complete.json";

/// A directory under construction, locked against other runs.
#[derive(Debug)]
pub struct Building<'a> {
    /// Where to build. It does not exist yet.
    pub directory: &'a Path,
    lock: File,
}

impl Building<'_> {
    /// Runs a program that fills the directory. The program holds the lock too, as its empty standard
    /// input. If it continues after a `kill -9` of this run, the next run waits for it, and the two do
    /// not write into the same directory.
    pub fn run(&self, command: &mut Command) -> anyhow::Result<Output> {
        run_with(command, self.lock.try_clone()?.into())
    }
}

/// Returns the description of `directory`. Calls `build` for it unless an earlier run completed the
/// directory; later runs get the description that `build` returned.
pub fn build_once<T: Serialize + DeserializeOwned>(
    directory: &Path,
    ui: Ui,
    usable: impl Fn(&T) -> bool,
    build: impl FnOnce(&Building<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let read = || read_marker(directory).filter(|found| usable(found));
    if let Some(found) = read() {
        return Ok(found);
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
    let lock = lock(&sibling(directory, ".lock"), ui)?;
    // Another run may have completed it while this one waited.
    if let Some(found) = read() {
        return Ok(found);
    }
    remove(directory)?;
    let building = Building { directory, lock };
    let description = build(&building).inspect_err(|_| {
        let _ = remove(directory);
    })?;
    let marker = serde_json::to_vec_pretty(&description)?;
    write_atomically(&directory.join(MARKER), &marker)?;
    Ok(description)
}

fn read_marker<T: DeserializeOwned>(directory: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(directory.join(MARKER)).ok()?).ok()
}

fn remove(directory: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(unwritable(directory, &error).into())
        }
        _ => Ok(()),
    }
}

fn sibling(directory: &Path, suffix: &str) -> PathBuf {
    let mut name = directory.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Holds the lock until the file is closed, at the latest when this process ends.
fn lock(path: &Path, ui: Ui) -> anyhow::Result<File> {
    let file = File::create(path).map_err(|error| unwritable(path, &error))?;
    let mut shown = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                if !shown {
                    ui.note(&format!(
                        "waiting for another run that holds {}",
                        path.display()
                    ));
                    shown = true;
                }
                interrupt::check()?;
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => {
                return Err(io::Error::from(error))
                    .with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn build(directory: &Path, calls: &AtomicUsize) -> anyhow::Result<u32> {
        build_once(
            directory,
            Ui::silent(),
            |_| true,
            |building| {
                let half_built = building.directory.exists();
                assert!(!half_built, "a half-built directory was handed on");
                fs::create_dir(building.directory)?;
                std::thread::sleep(Duration::from_millis(50));
                calls.fetch_add(1, Ordering::SeqCst);
                Ok(7)
            },
        )
    }

    #[test]
    fn concurrent_runs_build_once() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("env");
        let calls = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(build(&directory, &calls).unwrap(), 7));
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_build_that_outlives_its_run_blocks_the_next_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("env.lock");
        let building = Building {
            directory: root.path(),
            lock: lock(&path, Ui::silent()).unwrap(),
        };
        let mut program = Command::new("sleep")
            .arg("10")
            .stdin(building.lock.try_clone().unwrap())
            .spawn()
            .unwrap();
        drop(building);
        let again = File::open(&path).unwrap();
        let taken = flock(&again, FlockOperation::NonBlockingLockExclusive).is_ok();
        program.kill().unwrap();
        program.wait().unwrap();
        assert!(!taken);
        assert!(flock(&again, FlockOperation::NonBlockingLockExclusive).is_ok());
    }

    #[test]
    fn a_build_without_its_marker_is_redone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("env");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("half"), "").unwrap();
        let calls = AtomicUsize::new(0);
        assert_eq!(build(&directory, &calls).unwrap(), 7);
        assert!(!directory.join("half").exists());
    }

    #[test]
    fn an_unusable_build_is_redone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("env");
        build(&directory, &AtomicUsize::new(0)).unwrap();
        let rebuilt = build_once(
            &directory,
            Ui::silent(),
            |found| *found == 8,
            |building| {
                fs::create_dir(building.directory)?;
                Ok(8)
            },
        );
        assert_eq!(rebuilt.unwrap(), 8);
    }

    #[test]
    fn a_failed_build_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("env");
        let failed = build_once::<u32>(
            &directory,
            Ui::silent(),
            |_| true,
            |building| {
                fs::create_dir(building.directory)?;
                anyhow::bail!("no network")
            },
        );
        assert_eq!(failed.unwrap_err().to_string(), "no network");
        assert!(!directory.exists());
    }
}
