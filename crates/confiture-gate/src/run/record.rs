//! Makes recordings of what a release does in a case.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Context as _;
use contract_catalogue::call::{Call, LINKS, ONE_TRY, WAITED};
use contract_catalogue::case::Case;
use contract_catalogue::normalise::{help_interface, normalise};
use contract_catalogue::recording::{RecordedCall, Recording, Text};
use contract_catalogue::release::Release;
use contract_catalogue::site::Site;
use contract_lab::confiture::Provided;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::runner::Runner;

use super::baseline::Baseline;
use super::observe::{Observed, observe};
use super::progress::Progress;
use super::settings::Setup;
use super::{beside_waiting, version_text};
use crate::wrapper::Seen;

/// The limit of a call; waiting for the migration lock takes half a minute.
const CALL_ENDS_WITHIN: Duration = Duration::from_secs(180);

/// The recordings of these cases, by name. Nothing is judged, so no baseline is needed.
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

/// The recording of these observations.
pub(crate) fn recording(case: &Case, site: &Site, observed: &Observed) -> Recording {
    let names = site.names();
    let [one_try, wait] = WAITED;
    let text = |text: &str| normalise(text, &names).replace(one_try, wait);
    let definition = &case.definition;
    // A case that is recorded with the whole directory may get links instead, as in a replay.
    let argument = |argument: &String| match text(argument) {
        links if links == LINKS && !definition.reads_ledger => definition.migrations_dir.to_owned(),
        argument => argument,
    };
    let record = |(call, seen): (&Call, &Seen)| {
        let report = seen.report.as_deref().map(text);
        let (report, report_not_json) = RecordedCall::report_fields(report.as_deref());
        let stdout = match call {
            Call::Help(_) => help_interface(&seen.stdout),
            _ => text(&seen.stdout),
        };
        RecordedCall {
            argv: seen
                .argv
                .iter()
                .filter(|it| *it != ONE_TRY)
                .map(argument)
                .collect(),
            links: seen.links.clone().filter(|_| definition.reads_ledger),
            env: call.recorded_environment(definition.connection),
            exit: seen.exit,
            report,
            report_not_json,
            stdout: Text::from(stdout.as_str()),
            stderr: Text::from(text(&seen.stderr).as_str()),
        }
    };
    let ledger = observed
        .ledger
        .as_deref()
        .filter(|_| definition.reads_ledger);
    let calls = std::iter::once(&definition.call).chain(&definition.then);
    let mut recording = Recording {
        definition: definition.digest(),
        before: observed.before.clone(),
        ledger: ledger.and_then(|ledger| serde_json::from_str(&text(ledger)).ok()),
        calls: calls.zip(&observed.seen).map(record).collect(),
        after: observed.after_calls.clone(),
    };
    if recording.calls.is_empty() {
        // A call that hangs has no observations.
        recording.calls.push(RecordedCall {
            argv: definition.call.argv(definition.migrations_dir),
            env: definition.call.recorded_environment(definition.connection),
            links: None,
            exit: 137,
            report: None,
            report_not_json: None,
            stdout: "".into(),
            stderr: "(it did not end)".into(),
        });
    }
    recording
}
