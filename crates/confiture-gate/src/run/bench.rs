//! What every case of one candidate is run with.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract_tests::release::Release;

use super::baseline::Baseline;

/// What every case of one candidate has in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    /// The candidate.
    pub(crate) program: &'a Path,
    /// This program, which is also the wrapper.
    pub(crate) myself: &'a Path,
    /// The release by whose floors it is judged.
    pub(crate) judged_as: Release,
    /// What it is compared with.
    pub(crate) baseline: &'a Baseline,
    /// What `--version` prints, once it is known.
    pub(crate) version: Option<String>,
    /// The version it says it has, which is shown to the adapter as the release it is judged as.
    pub(crate) says: &'a str,
    /// How long one call may take.
    pub(crate) limit: Duration,
    /// How many calls did not end within it.
    pub(crate) hung: AtomicUsize,
    /// Whether the calls are made that a recording has and the adapter did not make.
    pub(crate) records: bool,
    /// Where what each case left is kept.
    pub(crate) keep: Option<PathBuf>,
}

/// After so many calls that do not end, no call gets the whole limit any more.
const PATIENT_FOR: usize = 3;

impl Bench<'_> {
    /// How long the next call may take.
    pub(crate) fn limit(&self) -> Duration {
        if self.hung.load(Ordering::Relaxed) < PATIENT_FOR {
            self.limit
        } else {
            self.limit / 6
        }
    }

    /// Counts a call that did not end.
    pub(crate) fn count_hung(&self) {
        self.hung.fetch_add(1, Ordering::Relaxed);
    }
}
