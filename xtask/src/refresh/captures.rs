//! What was captured, as it was captured: kept, so that nothing is run twice.
//!
//! A capture holds raw output. The normaliser is applied when it is read, so a change to the
//! normaliser costs no new run, and a change to a case costs that case.

use std::fs;
use std::path::PathBuf;

use contract_lab::files::write_atomically;
use contract_lab::runner::capture::Capture;
use contract_tests::case::Case;
use contract_tests::release::Release;

/// The directory of captures.
#[derive(Debug)]
pub struct Captures {
    root: PathBuf,
    afresh: bool,
}

impl Captures {
    /// Captures kept below `root`; `afresh` reads none that are there.
    pub fn at(root: PathBuf, afresh: bool) -> Self {
        Self { root, afresh }
    }

    /// The capture of `case` on `release`, when there is one of this definition.
    pub fn find(&self, release: Release, case: &Case) -> Option<Capture> {
        if self.afresh {
            return None;
        }
        serde_json::from_slice(&fs::read(self.path(release, case)).ok()?).ok()
    }

    /// Keeps `capture`.
    pub fn keep(&self, release: Release, case: &Case, capture: &Capture) -> anyhow::Result<()> {
        let path = self.path(release, case);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        write_atomically(&path, &serde_json::to_vec(capture)?)
    }

    fn path(&self, release: Release, case: &Case) -> PathBuf {
        let case_name = case.name.replace('/', "__");
        let digest = case.definition.digest();
        self.root
            .join(release.to_string())
            .join(format!("{case_name}.{digest}.json"))
    }
}
