//! Runs the catalogue on every release, as far as it was not captured before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use contract_tests::case::{Case, Circumstance};
use contract_tests::recording::Recording;
use contract_tests::release::Release;

use super::captures::{Capture, Captures};
use super::stage::Stage;
use crate::lab::confiture::Installed;
use crate::lab::interrupt;
use crate::lab::postgres::Server;
use crate::lab::ui::Ui;

/// How many cases that mostly wait run beside the others.
const WAITING_LANES: usize = 8;

/// The recordings of one release, by case.
pub type Recorded = BTreeMap<String, Recording>;

/// What to record, with what.
pub struct Job<'a> {
    pub catalogue: &'a [Case],
    pub installed: &'a BTreeMap<Release, Installed>,
    pub server: &'a Server,
    pub captures: &'a Captures,
    pub jobs: usize,
    pub prefork: bool,
    pub ui: Ui,
}

/// One case of one release that is still to be run.
struct Item<'a> {
    stage: usize,
    release: Release,
    case: &'a Case,
}

/// The recordings of every release of the job.
///
/// # Errors
/// When a case cannot be run, or on an interrupt; what was captured until then is kept.
pub fn all(job: &Job<'_>) -> anyhow::Result<BTreeMap<Release, Recorded>> {
    let stages: Vec<Stage<'_>> = job
        .installed
        .iter()
        .map(|(release, installed)| Stage::new(*release, installed, job.server, job.prefork))
        .collect();
    let mut captured: BTreeMap<(Release, &str), Capture> = BTreeMap::new();
    let mut waiting = Vec::new();
    let mut working = Vec::new();
    for (stage, release) in job.installed.keys().enumerate() {
        for case in job
            .catalogue
            .iter()
            .filter(|case| case.applies_to(*release))
        {
            if let Some(capture) = job.captures.find(*release, case) {
                captured.insert((*release, case.name), capture);
                continue;
            }
            let item = Item {
                stage,
                release: *release,
                case,
            };
            match case.definition.circumstance {
                Some(Circumstance::LockHeld) => waiting.push(item),
                _ => working.push(item),
            }
        }
    }
    let left: Vec<AtomicUsize> = stages.iter().map(|_| AtomicUsize::new(0)).collect();
    for item in waiting.iter().chain(&working) {
        left[item.stage].fetch_add(1, Ordering::Relaxed);
    }
    let total = waiting.len() + working.len();
    let bar = job.ui.bar(total as u64, "recording");
    let run = |item: &Item<'_>| -> anyhow::Result<((Release, &str), Capture)> {
        interrupt::check()?;
        let stage = &stages[item.stage];
        let name = item.case.name;
        let capture = stage
            .run(item.case)
            .with_context(|| format!("{}/{name}", item.release))?;
        job.captures.keep(item.release, item.case, &capture)?;
        bar.inc(1);
        if left[item.stage].fetch_sub(1, Ordering::Relaxed) == 1 {
            stage.clear();
            job.ui.note(&format!("ran every case of {}", item.release));
        }
        Ok(((item.release, name), capture))
    };
    let (waited, worked) = std::thread::scope(|scope| {
        let waited = scope.spawn(|| in_parallel(WAITING_LANES, &waiting, run));
        let worked = in_parallel(job.jobs, &working, run);
        (waited.join().expect("no lane panics"), worked)
    });
    bar.finish_and_clear();
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

/// Applies `work` to every item on `lanes` threads, and stops at the first error.
///
/// # Errors
/// The first error of `work`.
pub fn in_parallel<I: Sync, O: Send>(
    lanes: usize,
    items: &[I],
    work: impl Fn(&I) -> anyhow::Result<O> + Sync,
) -> anyhow::Result<Vec<O>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<anyhow::Result<Vec<O>>> = Mutex::new(Ok(Vec::new()));
    let lock = || done.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..lanes.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if lock().is_err() {
                        return;
                    }
                    let outcome = work(item);
                    let mut done = lock();
                    match (outcome, done.as_mut()) {
                        (Ok(output), Ok(outputs)) => outputs.push(output),
                        (Err(error), Ok(_)) => *done = Err(error),
                        (_, Err(_)) => {}
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let items: Vec<usize> = (0..100).collect();
        let mut outputs = in_parallel(4, &items, |item| Ok(item * 2)).unwrap();
        outputs.sort_unstable();
        assert_eq!(outputs, (0..200).step_by(2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let items: Vec<usize> = (0..1000).collect();
        let outcome = in_parallel(1, &items, |item| {
            worked.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(*item < 3, "enough");
            Ok(())
        });
        assert!(outcome.is_err());
        assert_eq!(worked.into_inner(), 4);
    }
}
