//! What all cases of one candidate have in common.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract_catalogue::release::Release;

use super::baseline::Baseline;

/// The candidate, its baseline and its limits.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    /// The candidate.
    pub(crate) program: &'a Path,
    /// This program, which is also the wrapper.
    pub(crate) myself: &'a Path,
    /// The release by whose minimum versions it is judged.
    pub(crate) judged_as: Release,
    /// The baseline that it is compared with.
    pub(crate) baseline: &'a Baseline,
    /// What `--version` prints, once it is known.
    pub(crate) version: Option<String>,
    /// The version that the candidate prints. The adapter sees the release that it is judged as instead.
    pub(crate) says: &'a str,
    /// How long one call may take.
    pub(crate) limit: Duration,
    /// How many calls did not end within the limit.
    pub(crate) hung: AtomicUsize,
    /// Whether to make the recorded calls that the adapter did not make.
    pub(crate) records: bool,
    /// The directory of `--keep`.
    pub(crate) keep: Option<PathBuf>,
}

/// After this many calls that do not end, later calls get a shorter limit.
const PATIENT_FOR: usize = 3;

impl Setup<'_> {
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
