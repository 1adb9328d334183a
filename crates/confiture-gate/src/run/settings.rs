//! How candidates are judged: in a run, and what all cases of one candidate have in common.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract_catalogue::case::Case;
use contract_catalogue::release::Release;

use super::baseline::{Baseline, Recorded};
use super::lanes::Slots;

/// How a candidate is judged.
#[derive(Debug)]
pub struct Settings<'a> {
    /// The cases that were chosen, all or some of the catalogue.
    pub cases: &'a [Case],
    /// The whole catalogue.
    pub whole: &'a [Case],
    /// The recordings.
    pub recorded: &'a Recorded,
    /// The release by whose minimum versions it is judged, instead of its own.
    pub judged_as: Option<Release>,
    /// The baseline, instead of the newest recorded release that is not newer.
    pub against: Option<Release>,
    /// Whether any difference makes the verdict no.
    pub strict: bool,
    /// Whether the observations are stored as recordings.
    pub records: bool,
    /// How many cases of one candidate run at a time.
    pub jobs: usize,
    /// How many cases of all candidates run at a time.
    pub slots: Slots,
    /// How long one call may take.
    pub limit: Duration,
    /// The directory of `--keep`.
    pub keep: Option<PathBuf>,
    /// The program that calls [`run_as_wrapper`](crate::wrapper::run_as_wrapper).
    pub myself: PathBuf,
}

impl Settings<'_> {
    /// How many cases the catalogue has for `release`.
    pub(crate) fn catalogue(&self, release: Release) -> usize {
        let applies = |case: &&Case| case.applies_to(release);
        self.whole.iter().filter(applies).count()
    }
}

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
