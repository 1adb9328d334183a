//! An installed wrapper: its link, its task in the same directory, and what it observed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contract_catalogue::front;

use super::seen::Seen;
use super::task::Task;

/// The file with the wrapper's task, in the directory of the link.
pub(super) const TASK: &str = "wrapper.json";

/// The file with the ledger as it was first read.
pub(super) const LEDGER: &str = "ledger.json";

/// The number of the call that began last.
const BEGUN: &str = "begun";

/// The numbered files with the observation of each call.
const SEEN: &str = "seen";

/// A wrapper in a directory of its own.
#[derive(Debug)]
pub struct Wrapper {
    directory: tempfile::TempDir,
}

impl Wrapper {
    /// Puts the script, its link and its task in place. `myself` is the program that calls
    /// [`run_as_wrapper`](super::run_as_wrapper) when it starts.
    pub fn new(myself: &Path, task: &Task) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("confiture-gate-")
            .tempdir()?;
        fs::create_dir(directory.path().join(SEEN))?;
        fs::write(directory.path().join(TASK), serde_json::to_vec(task)?)?;
        front::put_in_place(directory.path(), myself)?;
        Ok(Self { directory })
    }

    /// The program to start.
    pub fn program(&self) -> PathBuf {
        self.directory.path().join(front::SCRIPT)
    }

    /// The ledger as the adapter first read it, if it did.
    #[must_use]
    pub fn ledger(&self) -> Option<String> {
        fs::read_to_string(self.directory.path().join(LEDGER)).ok()
    }

    /// Whether the latest call began and did not end: it was killed, and the wrapper with it.
    pub fn is_unfinished(&self) -> bool {
        unfinished(self.directory.path())
    }

    /// The observations, in the order of the calls.
    pub fn seen(&self) -> io::Result<Vec<Seen>> {
        seen_in(self.directory.path())
    }
}

/// Whether the latest call began and did not end.
fn unfinished(directory: &Path) -> bool {
    let begun = directory.join(BEGUN);
    fs::read_to_string(begun).is_ok_and(|number| {
        let number: usize = number.parse().unwrap_or_default();
        !place(directory, number).exists()
    })
}

/// Stores that the call of this number begins.
pub(super) fn begin(directory: &Path, number: usize) -> io::Result<()> {
    fs::write(directory.join(BEGUN), number.to_string())
}

/// The observations so far below `directory`, in the order of the calls.
pub(super) fn seen_in(directory: &Path) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    while let Ok(bytes) = fs::read(place(directory, seen.len())) {
        seen.push(serde_json::from_slice(&bytes)?);
    }
    Ok(seen)
}

/// The file of the call of this number.
pub(super) fn place(directory: &Path, number: usize) -> PathBuf {
    directory.join(SEEN).join(format!("{number}.json"))
}
