//! Runs the catalogue on every release, as far as it was not captured before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use contract_tests::case::{Case, Circumstance};
use contract_tests::recording::Recording;
use contract_tests::release::Release;

use super::captures::Captures;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::Server;
use contract_lab::runner::Runner;
use contract_lab::runner::capture::Capture;
use contract_lab::ui::Ui;

/// How many cases that mostly wait run beside the others.
const WAITING_LANES: usize = 8;

/// The recordings of one release, by case.
pub type Recorded = BTreeMap<String, Recording>;

/// What to record, with what.
pub struct Job<'a> {
    pub catalogue: &'a [Case],
    /// Whether a case is to be recorded.
    pub is_needed: &'a (dyn Fn(&Case) -> bool + Sync),
    pub installed: &'a BTreeMap<Release, Installed>,
    pub server: &'a Server,
    pub captures: &'a Captures,
    pub jobs: usize,
    pub ui: Ui,
}

/// One case of one release that is still to be run.
struct Item<'a> {
    runner: usize,
    release: Release,
    case: &'a Case,
}

/// The recordings of every release of the job.
pub fn all(job: &Job<'_>) -> anyhow::Result<BTreeMap<Release, Recorded>> {
    let runners: Vec<Runner<'_>> = job
        .installed
        .iter()
        .map(|(release, installed)| Runner::new(*release, installed, job.server))
        .collect();
    let mut captured: BTreeMap<(Release, &str), Capture> = BTreeMap::new();
    let mut waiting = Vec::new();
    let mut working = Vec::new();
    for (runner, release) in job.installed.keys().enumerate() {
        for case in job
            .catalogue
            .iter()
            .filter(|case| case.applies_to(*release) && (job.is_needed)(case))
        {
            if let Some(capture) = job.captures.find(*release, case) {
                captured.insert((*release, case.name), capture);
                continue;
            }
            let item = Item {
                runner,
                release: *release,
                case,
            };
            match case.definition.circumstance {
                Some(Circumstance::LockHeld) => waiting.push(item),
                _ => working.push(item),
            }
        }
    }
    let left: Vec<AtomicUsize> = runners.iter().map(|_| AtomicUsize::new(0)).collect();
    for item in waiting.iter().chain(&working) {
        left[item.runner].fetch_add(1, Ordering::Relaxed);
    }
    let total = waiting.len() + working.len();
    let bar = job.ui.bar(total as u64, "recording");
    let run = |item: &Item<'_>| -> anyhow::Result<((Release, &str), Capture)> {
        interrupt::check()?;
        let runner = &runners[item.runner];
        let name = item.case.name;
        let capture =
            Capture::take(runner, item.case).with_context(|| format!("{}/{name}", item.release))?;
        job.captures.keep(item.release, item.case, &capture)?;
        bar.advance();
        if left[item.runner].fetch_sub(1, Ordering::Relaxed) == 1 {
            runner.clear();
            job.ui.note(&format!("ran every case of {}", item.release));
        }
        Ok(((item.release, name), capture))
    };
    let (waited, worked) = std::thread::scope(|scope| {
        let waited = scope.spawn(|| in_parallel(WAITING_LANES, &waiting, run));
        let worked = in_parallel(job.jobs, &working, run);
        (waited.join().expect("no lane panics"), worked)
    });
    drop(bar);
    captured.extend(waited?);
    captured.extend(worked?);
    let mut recorded: BTreeMap<Release, Recorded> = BTreeMap::new();
    for ((release, name), capture) in captured {
        let case = job.catalogue.iter().find(|case| case.name == name);
        let case = case.expect("a case of the catalogue");
        recorded
            .entry(release)
            .or_default()
            .insert(name.to_owned(), capture.recording(case));
    }
    Ok(recorded)
}
