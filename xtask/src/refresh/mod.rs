//! `cargo xtask refresh`: makes the recordings in `contract-fixtures/`.

mod captures;
mod changes;
mod record;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use contract_tests::catalogue::catalogue;
use contract_tests::expectation::violations;
use contract_tests::fixtures;
use contract_tests::recording::Recording;
use contract_tests::release::Release;

use crate::exit::Unexpected;
use captures::Captures;
use contract_lab::confiture::{Installed, Selector, provision};
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::{Major, Server};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs, interrupt, registry};
use record::{Job, Recorded};
use write::Written;

/// What the command's help ends with.
pub const HELP: &str = "\
Examples:
  cargo xtask refresh                        what the registry has and the index has not
  cargo xtask refresh 0.22.0 0.23.0          these, as far as they were not captured before
  cargo xtask refresh all                    every release, about an hour on two cores
  cargo xtask refresh --check 0.22.0 newest  compare with what is committed, afresh";

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

    /// Write nothing; record afresh and fail when a recording would differ
    #[arg(long)]
    check: bool,

    /// Run again what was captured before
    #[arg(long)]
    again: bool,

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
///
/// # Errors
/// When something it needs is missing, when it was interrupted, when `--check` finds a difference,
/// or when a recording contradicts what the catalogue expects.
pub fn run(args: RefreshArgs) -> anyhow::Result<()> {
    let ui = Ui::stderr();
    let lab = Lab::new(args.lab, ui)?;
    let releases = chosen(&lab, &args.releases, &args.fixtures, args.check)?;
    if releases.is_empty() {
        ui.note("the index has every release that the registry has");
        return Ok(());
    }
    let installed = provisioned(&lab, &releases, args.jobs)?;
    let server = Server::start(&lab, Major::Pg18, &[])?;
    let captures = Captures::at(lab.cache().join("captures"), args.check || args.again);
    let job = Job {
        catalogue: &catalogue(),
        installed: &installed,
        server: &server,
        captures: &captures,
        jobs: args.jobs.max(1),
        ui,
    };
    let recorded = record::all(&job)?;
    let contradicted = report_violations(&recorded, ui);
    let postgresql = server.version()?;
    drop(server);
    if args.check {
        changes::check(&recorded, &args.fixtures, ui)?;
    } else {
        let Written {
            directories,
            shared,
        } = write::all(&recorded, &installed, &postgresql, &args.fixtures, ui)?;
        ui.note(&format!(
            "recorded {} releases: {directories} directories, {shared} share one",
            recorded.len()
        ));
    }
    if contradicted > 0 {
        return Err(Unexpected(format!(
            "{contradicted} recordings contradict what the catalogue expects"
        ))
        .into());
    }
    Ok(())
}

/// The releases to record, oldest first.
fn chosen(
    lab: &Lab,
    named: &[String],
    fixtures: &std::path::Path,
    check: bool,
) -> anyhow::Result<Vec<Release>> {
    let offered = || -> anyhow::Result<Vec<Release>> {
        let offered = registry::releases(lab)?;
        let read = |release: registry::Release| release.to_string().parse::<Release>().ok();
        let usable = |release: &Release| *release >= contract_tests::case::FLOOR;
        Ok(offered
            .into_iter()
            .filter_map(read)
            .filter(usable)
            .collect())
    };
    let mut releases = match named {
        [] if check => write::index(fixtures)?.into_iter().collect(),
        [] => {
            let known = write::index(fixtures)?;
            let unknown = |release: &Release| !known.contains(release);
            offered()?.into_iter().filter(unknown).collect()
        }
        [all] if all == "all" => offered()?,
        named => named
            .iter()
            .map(|name| match name.as_str() {
                "newest" => Ok(registry::newest(lab)?.to_string().parse()?),
                name => name
                    .parse::<Release>()
                    .with_context(|| format!("{name:?} is neither `all` nor a release")),
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
        let selector = Selector::Release(release.to_string().parse()?);
        let installed = provision(lab, &selector)?;
        bar.advance();
        Ok((*release, installed))
    })?;
    drop(bar);
    Ok(installed.into_iter().collect())
}

/// Says which recordings contradict the catalogue, and how many.
fn report_violations(recorded: &BTreeMap<Release, Recorded>, ui: Ui) -> usize {
    let catalogue = catalogue();
    let mut contradicted = 0;
    for (release, recordings) in recorded {
        for case in &catalogue {
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
