//! How candidates are judged.

use std::path::PathBuf;
use std::time::Duration;

use contract_catalogue::case::Case;
use contract_catalogue::release::Release;

use super::baseline::Recorded;
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
