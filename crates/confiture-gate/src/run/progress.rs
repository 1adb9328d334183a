//! The progress of a run: how many cases are done, and which one has run longest.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use contract_lab::ui::{Bar, Ui};

use super::lanes::lock;

/// The progress of all candidates together.
#[derive(Debug)]
pub struct Progress {
    bar: Bar,
    running: Mutex<BTreeMap<String, Instant>>,
}

impl Progress {
    /// Progress through `count` cases.
    pub fn new(ui: Ui, count: usize, label: &str) -> Self {
        Self {
            bar: ui.bar(count as u64, label),
            running: Mutex::default(),
        }
    }

    /// Runs one case, and shows its `name` while it is the longest-running one.
    pub(crate) fn during<O>(&self, name: &str, work: impl FnOnce() -> O) -> O {
        lock(&self.running).insert(name.to_owned(), Instant::now());
        let output = work();
        let mut running = lock(&self.running);
        running.remove(name);
        let slowest = running.iter().min_by_key(|(_, since)| **since);
        self.bar
            .advance_beside(slowest.map(|(name, _)| name.as_str()));
        output
    }
}
