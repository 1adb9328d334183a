//! Runs cases to record what a release does in them. Nothing is judged, so no baseline is needed.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Context as _;
use contract_catalogue::case::Case;
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;
use contract_lab::confiture::Provided;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::runner::Runner;

use super::baseline::Baseline;
use super::observe::observe;
use super::progress::Progress;
use super::recording::recording;
use super::setup::Setup;
use super::{beside_waiting, version_text};

/// The limit of a call; waiting for the migration lock takes half a minute.
const CALL_ENDS_WITHIN: Duration = Duration::from_secs(180);

/// The recordings of these cases, by name.
pub fn record(
    release: Release,
    provided: &Provided,
    cases: &[&Case],
    server: &Server,
    jobs: usize,
    progress: &Progress,
) -> anyhow::Result<BTreeMap<String, Recording>> {
    let setup = Setup {
        program: &provided.installed.program,
        myself: &std::env::current_exe()?,
        judged_as: release,
        baseline: &Baseline {
            release,
            cases: BTreeMap::new(),
        },
        version: version_text(provided, release),
        says: &provided.installed.version,
        limit: CALL_ENDS_WITHIN,
        hung: AtomicUsize::new(0),
        records: true,
        keep: None,
    };
    let runner = Runner::new(release, &provided.installed, server, CALL_ENDS_WITHIN);
    let attempt = |case: &Case| -> anyhow::Result<Recording> {
        interrupt::check()?;
        let place = runner.prepare(&case.definition)?;
        let observed = observe(&setup, case, &place)?;
        Ok(recording(case, &place.site, &observed))
    };
    let one = |case: &Case| -> anyhow::Result<(String, Recording)> {
        let recorded = progress.during(case.name, || attempt(case));
        let recorded = recorded.with_context(|| format!("{release}/{}", case.name))?;
        Ok((case.name.to_owned(), recorded))
    };
    beside_waiting(cases, jobs, &one, &one).collect()
}
