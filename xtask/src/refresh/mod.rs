//! `cargo xtask refresh`: makes the recordings in `contract-fixtures/`.

mod captures;
mod difference;
mod provenance;
mod record;
mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use contract_tests::case::Case;
use contract_tests::catalogue::catalogue;
use contract_tests::expectation::violations;
use contract_tests::fixtures;
use contract_tests::recording::Recording;
use contract_tests::release::Release;

use crate::exit::Unexpected;
use crate::help;
use captures::Captures;
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::{Major, Server};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs, interrupt, registry};
use record::{Job, Recorded};
use store::{Store, Texts};

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "",
        &[
            (
                "cargo xtask refresh",
                "what the registry has and the index has not",
            ),
            (
                "cargo xtask refresh 0.22.0 0.23.0",
                "these, as far as they were not captured before",
            ),
            (
                "cargo xtask refresh all",
                "every release, about an hour on two cores",
            ),
            (
                "cargo xtask refresh all --only down-to/one-time",
                "a case that was added to the catalogue, on every release",
            ),
            (
                "cargo xtask refresh --changes 0.22.0 0.23.0",
                "what the recordings of the two differ in",
            ),
        ],
    )
}

/// Record what confiture releases do, for the replay suite
///
/// Runs every case of the catalogue with the real binary of each release and a PostgreSQL of its
/// own, and writes what happened below contract-fixtures/. What was captured is kept, so an
/// interrupted run goes on where it stopped, and only what a case depends on is run again.
#[derive(Debug, clap::Args)]
pub struct RefreshArgs {
    /// Releases to record, or `all`; without any, those the registry has and the index has not
    #[arg(value_name = "RELEASE")]
    releases: Vec<String>,

    /// Record nothing; tell what the recordings of two releases differ in
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], conflicts_with_all = ["releases", "again"])]
    changes: Option<Vec<Release>>,

    /// Run again what was captured before
    #[arg(long)]
    again: bool,

    /// Record only the cases whose name contains this; may be given more than once. Those of a new
    /// case are recorded on all releases
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,

    /// How many cases run at a time
    #[arg(long, value_name = "N", default_value_t = default_jobs())]
    jobs: usize,

    /// Where the recordings are, instead of this checkout's contract-fixtures
    #[arg(long, value_name = "DIRECTORY", default_value_os_t = fixtures::default_root(), hide_default_value = true)]
    fixtures: PathBuf,

    #[command(flatten)]
    lab: LabArgs,
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs the command.
pub fn run(args: RefreshArgs) -> anyhow::Result<()> {
    let ui = Ui::stderr();
    let catalogue = catalogue();
    let mut store = Store::read(&args.fixtures, &catalogue)?;
    if let Some([from, to]) = args.changes.as_deref() {
        for release in [from, to] {
            let known = store.releases().contains(release);
            ensure!(
                known,
                "{release} is not recorded; contract-fixtures/index.json has those that are"
            );
        }
        anstream::print!("{}", difference::between(&store, *from, *to));
        return Ok(());
    }
    let lab = Lab::new(args.lab, ui)?;
    let releases = chosen(&lab, &args.releases, &store)?;
    if releases.is_empty() {
        ui.note("the index has every release that the registry has");
        return Ok(());
    }
    let installed = provisioned(&lab, &releases, args.jobs)?;
    let server = Server::start(&lab, Major::Pg18, &[])?;
    let captures = Captures::at(lab.cache().join("captures"), args.again);
    let job = Job {
        catalogue: &catalogue,
        is_needed: &|case| is_chosen(&args.only, case),
        installed: &installed,
        server: &server,
        captures: &captures,
        jobs: args.jobs.max(1),
        ui,
    };
    let recorded = record::all(&job)?;
    let contradicted = report_violations(&catalogue, &recorded, ui);
    let texts: BTreeMap<Release, Texts> = recorded
        .iter()
        .map(|(release, recorded)| (*release, texts(recorded)))
        .collect();
    let postgresql = server.version()?;
    drop(server);
    let changed = store.write(&texts)?;
    provenance::write(&installed, &postgresql, &args.fixtures)?;
    let newest = store.releases().last();
    if let Some(newest) = newest.and_then(|newest| recorded.get(newest)) {
        provenance::write_exit_codes(newest, &args.fixtures)?;
    }
    for release in recorded.keys() {
        ui.note(&difference::changed_cases(&store, *release));
    }
    ui.note(&format!(
        "recorded {} releases: {} recordings written, {} removed",
        recorded.len(),
        changed.written,
        changed.removed,
    ));
    if contradicted > 0 {
        return Err(Unexpected(format!(
            "{contradicted} recordings contradict what the catalogue expects; look at them, and \
             change the catalogue where confiture is right"
        ))
        .into());
    }
    Ok(())
}

/// Records one release as `refresh RELEASE` does.
pub fn record_release(
    release: Release,
    jobs: usize,
    fixtures: PathBuf,
    lab: LabArgs,
) -> anyhow::Result<()> {
    run(RefreshArgs {
        releases: vec![release.to_string()],
        changes: None,
        again: false,
        only: Vec::new(),
        jobs,
        fixtures,
        lab,
    })
}

/// What the recordings of two releases differ in, as `refresh --changes` tells it.
pub fn changes(fixtures: &std::path::Path, from: Release, to: Release) -> anyhow::Result<String> {
    let catalogue = catalogue();
    let store = Store::read(fixtures, &catalogue)?;
    Ok(difference::between(&store, from, to))
}

fn is_chosen(only: &[String], case: &Case) -> bool {
    only.is_empty() || only.iter().any(|name| case.name.contains(name.as_str()))
}

/// The releases to record, oldest first.
fn chosen(lab: &Lab, named: &[String], store: &Store<'_>) -> anyhow::Result<Vec<Release>> {
    let offered = || -> anyhow::Result<Vec<Release>> {
        let usable = |release: &Release| *release >= contract_tests::case::FLOOR;
        let offered = registry::releases(lab)?;
        Ok(offered.into_iter().filter(usable).collect())
    };
    let mut releases = match named {
        [] => {
            let unknown = |release: &Release| !store.releases().contains(release);
            offered()?.into_iter().filter(unknown).collect()
        }
        [all] if all == "all" => offered()?,
        named => named
            .iter()
            .map(|name| match name.as_str() {
                "newest" => Ok(registry::newest(lab)?),
                name => name.parse::<Release>().with_context(|| {
                    format!("{name:?} is no release; give `all`, `newest`, or one such as 1.29.0")
                }),
            })
            .collect::<anyhow::Result<Vec<_>>>()?,
    };
    releases.sort_unstable();
    releases.dedup();
    Ok(releases)
}

/// Installs every release that is not yet.
fn provisioned(
    lab: &Lab,
    releases: &[Release],
    jobs: usize,
) -> anyhow::Result<BTreeMap<Release, Installed>> {
    let bar = lab.ui.bar(releases.len() as u64, "installing");
    let installed = in_parallel(jobs, releases, |release| {
        interrupt::check()?;
        let installed = install(lab, &Candidate::Release(*release))?;
        bar.advance();
        Ok((*release, installed))
    })?;
    drop(bar);
    Ok(installed.into_iter().collect())
}

/// The text of the files that hold the recordings of one release.
fn texts(recorded: &Recorded) -> Texts {
    let text = |(name, recording): (&String, &Recording)| (name.clone(), recording.to_file());
    recorded.iter().map(text).collect()
}

/// Says which recordings contradict the catalogue, and how many.
fn report_violations(catalogue: &[Case], recorded: &BTreeMap<Release, Recorded>, ui: Ui) -> usize {
    let mut contradicted = 0;
    for (release, recordings) in recorded {
        for case in catalogue {
            let recording: Option<&Recording> = recordings.get(case.name);
            let found = recording
                .map(|recording| violations(&case.expectations, *release, recording))
                .unwrap_or_default();
            contradicted += usize::from(!found.is_empty());
            for violation in found {
                ui.warning(&format!("{release}/{}: {violation}", case.name));
            }
        }
    }
    contradicted
}
