//! `cargo xtask refresh`: makes the recordings in `contract-fixtures/`.

mod difference;
mod provenance;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use contract_catalogue::case::Case;
use contract_catalogue::catalogue::catalogue;
use contract_catalogue::expectation::violations;
use contract_catalogue::fixtures;
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;

use crate::exit::Unexpected;
use confiture_gate::result::Report;
use confiture_gate::run::progress::Progress;
use confiture_gate::run::record::record;
use contract_lab::confiture::{Candidate, Installed, provide};
use contract_lab::postgres::{Major, Server};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs, registry};
use store::{Store, Texts};

/// Record what confiture releases do, for the replay suite
///
/// Runs every case of the catalogue with the real binary of each release and a PostgreSQL of its
/// own, through the adapter as the gate does, and writes what happened below contract-fixtures/. A release
/// is stored when all of its cases have run.
#[derive(Debug, clap::Args)]
pub struct RefreshArgs {
    /// Releases to record, or `all`; without any, those of the registry that the index lacks
    #[arg(value_name = "RELEASE")]
    releases: Vec<String>,

    /// Record nothing; print the differences between the recordings of two releases
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], conflicts_with = "releases")]
    changes: Option<Vec<Release>>,

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
    let server = Server::start(&lab, Major::Pg18, &[])?;
    let postgresql = server.version()?;
    let mut contradicted = 0;
    for release in releases {
        let provided = provide(&lab, &Candidate::Release(release), &[])?;
        let is_needed = |case: &&Case| case.applies_to(release) && is_chosen(&args.only, case);
        let cases: Vec<&Case> = catalogue.iter().filter(is_needed).collect();
        let progress = Progress::new(ui, cases.len(), &format!("recording {release}"));
        let recorded = record(release, &provided, &cases, &server, args.jobs, &progress)?;
        drop(progress);
        contradicted += report_violations(release, &cases, &recorded, ui);
        let texts = recorded
            .iter()
            .map(|(name, it)| (name.clone(), it.to_file()));
        let texts = texts.collect();
        let how = (&provided.installed, postgresql.as_str());
        keep(&mut store, release, texts, how)?;
    }
    let text = format!(
        "{contradicted} recordings contradict what the catalogue expects; look at them, and change the \
         catalogue where confiture is right"
    );
    ensure!(contradicted == 0, Unexpected(text));
    Ok(())
}

/// Stores what the gate's run of a release recorded. Returns the recorded release before it, and the
/// differences.
pub fn store_run(
    release: Release,
    report: &Report,
    fixtures: &Path,
    lab: LabArgs,
) -> anyhow::Result<(Option<Release>, String)> {
    let catalogue = catalogue();
    let mut store = Store::read(fixtures, &catalogue)?;
    let lab = Lab::new(lab, Ui::stderr())?;
    let provided = provide(&lab, &Candidate::Release(release), &[])?;
    let cases = report.candidates.iter().flat_map(|judged| &judged.cases);
    let of_catalogue = |name: &str| catalogue.iter().any(|case| case.name == name);
    let texts = cases
        .filter(|case| of_catalogue(&case.name))
        .filter_map(|case| Some((case.name.clone(), case.seen.clone()?)))
        .collect();
    let postgresql = report.provenance.postgresql.clone().unwrap_or_default();
    let how = (&provided.installed, postgresql.as_str());
    let before = store.releases().range(..release).next_back().copied();
    keep(&mut store, release, texts, how)?;
    let changes = before.map(|before| difference::between(&store, before, release));
    Ok((before, changes.unwrap_or_default()))
}

/// Stores the recordings of one release, and how they were made.
fn keep(
    store: &mut Store<'_>,
    release: Release,
    texts: Texts,
    how: (&Installed, &str),
) -> anyhow::Result<()> {
    let changed = store.write(&BTreeMap::from([(release, texts)]))?;
    provenance::write(release, how, store.root())?;
    if store.releases().last() == Some(&release) {
        provenance::write_exit_codes(&store.shown_by(release), store.root())?;
    }
    let ui = Ui::stderr();
    ui.note(&difference::changed_cases(store, release));
    ui.note(&format!(
        "recorded {release}: {} recordings written, {} removed",
        changed.written, changed.removed,
    ));
    Ok(())
}

fn is_chosen(only: &[String], case: &Case) -> bool {
    only.is_empty() || only.iter().any(|name| case.name.contains(name.as_str()))
}

/// The releases to record, oldest first.
fn chosen(lab: &Lab, named: &[String], store: &Store<'_>) -> anyhow::Result<Vec<Release>> {
    let offered = || -> anyhow::Result<Vec<Release>> {
        let usable = |release: &Release| *release >= contract_catalogue::case::FLOOR;
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

/// Prints which recordings contradict the catalogue, and returns how many.
fn report_violations(
    release: Release,
    cases: &[&Case],
    recorded: &BTreeMap<String, Recording>,
    ui: Ui,
) -> usize {
    let mut contradicted = 0;
    for case in cases {
        let found = violations(&case.expectations, release, &recorded[case.name]);
        contradicted += usize::from(!found.is_empty());
        for violation in found {
            ui.warning(&format!("{release}/{}: {violation}", case.name));
        }
    }
    contradicted
}
