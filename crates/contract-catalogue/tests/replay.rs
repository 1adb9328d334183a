//! Replays every case of every recorded release through the adapter, and compares the adapter's result
//! with the snapshot.
//!
//! `cargo test -p contract-catalogue --test replay 0.23.0/preflight` replays just those. What differs is
//! printed at the end, each difference once; `-- --format pretty` prints a line for each replay.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p contract-catalogue --test replay` writes the snapshots after an intended
//! change of the adapter. A snapshot that differs from the one before it is stored, and one that equals
//! it is removed. Review the diff. With a filter, the snapshots of other releases do not change.

use std::collections::BTreeMap;
use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use contract_catalogue::case::Case;
use contract_catalogue::catalogue::catalogue;
use contract_catalogue::connection::DATABASE_URL;
use contract_catalogue::differences::Differences;
use contract_catalogue::fixtures::{Fixtures, default_root};
use contract_catalogue::release::Release;
use contract_catalogue::replay::{Replay, VERSION};
use contract_catalogue::rules::check;
use libtest_mimic::{Arguments, Failed, Trial};

/// Set in the process that runs the tests.
const INNER: &str = "CONTRACT_TESTS_AMBIENT";
/// Set where the snapshots are to be written.
const UPDATE: &str = "UPDATE_SNAPSHOTS";
const STAND_IN: &str = env!("CARGO_BIN_EXE_stand-in-confiture");

/// How many recordings are of calls that the adapter never makes: they are read, and not replayed.
static READ: AtomicU64 = AtomicU64::new(0);

/// How many replays have ended. The whole run takes minutes, so its progress is printed.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// What replays found, by release and case.
type Found = BTreeMap<(Release, String), String>;

/// Why a replay failed.
enum Why {
    /// The result differs from the snapshot.
    Changed { snapshot: String, now: String },
    /// There is no result to compare.
    Failed(String),
}

impl From<String> for Why {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<anyhow::Error> for Why {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

fn main() -> ExitCode {
    // The tests run with an ambient DSN, which no child may see.
    if env::var_os(INNER).is_none() {
        return with_ambient_dsn();
    }
    let mut arguments = Arguments::from_args();
    // A line for each of thousands of replays would hide the differences.
    if arguments.format.is_none() && !arguments.quiet && !arguments.list {
        arguments.logfile.get_or_insert_with(|| "/dev/null".into());
    }
    match run(&arguments) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let update = env::var_os(UPDATE).is_some_and(|value| !value.is_empty() && value != "0");
    let catalogue = catalogue();
    let fixtures = if update {
        Fixtures::load_to_update(&default_root(), &catalogue)?
    } else {
        Fixtures::load(&default_root(), &catalogue)?
    };
    let (fixtures, catalogue) = (Arc::new(fixtures), Arc::new(catalogue));
    let found = update.then(|| Arc::new(Mutex::new(Found::new())));
    let differences = Arc::new(Mutex::new(Differences::default()));
    let mut trials = Vec::new();
    let mut skipped = 0;
    for release in fixtures.releases() {
        for (number, case) in catalogue.iter().enumerate() {
            if !case.applies_to(release) {
                skipped += 1;
                continue;
            }
            let (fixtures, catalogue) = (Arc::clone(&fixtures), Arc::clone(&catalogue));
            let (found, differences) = (found.clone(), Arc::clone(&differences));
            let name = format!("{release}/{}", case.name);
            let run = move || {
                let case = &catalogue[number];
                let run = || replay(&fixtures, release, case, found.as_deref());
                let outcome = panic::catch_unwind(AssertUnwindSafe(run));
                let outcome = outcome.unwrap_or_else(|_| Err("it panicked".to_owned().into()));
                let ended = ENDED.fetch_add(1, Ordering::Relaxed) + 1;
                if ended.is_multiple_of(500) {
                    eprintln!("{ended} replays have ended");
                }
                outcome.map_err(|why| {
                    let mut differences = differences.lock().expect("nobody panics with it");
                    match why {
                        Why::Changed { snapshot, now } => {
                            differences.add_changed(release, case.name, &snapshot, &now);
                        }
                        Why::Failed(why) => differences.add_failed(release, case.name, why),
                    }
                    Failed::without_message()
                })
            };
            trials.push(Trial::test(name, run));
        }
    }
    let (releases, cases) = (fixtures.releases().count(), trials.len());
    let recordings = fixtures.recordings().count();
    let conclusion = libtest_mimic::run(arguments, trials);
    if !arguments.list {
        print!("{}", differences.lock().expect("nobody panics with it"));
        let read = READ.load(Ordering::Relaxed);
        println!(
            "{releases} releases, {cases} cases shown by {recordings} recordings: {} replayed, {read} \
             help pages and exit codes read, {} filtered out, {skipped} skipped because the release does \
             not have the case; {} differ",
            conclusion.num_passed + conclusion.num_failed - read,
            conclusion.num_filtered_out,
            conclusion.num_failed,
        );
    }
    if let Some(found) = found {
        let found = found.lock().expect("no replay panicked with it");
        let changed = fixtures.update_snapshots(&default_root(), &found)?;
        println!(
            "{} snapshots written, {} removed",
            changed.written, changed.removed
        );
    }
    Ok(conclusion.exit_code())
}

fn with_ambient_dsn() -> ExitCode {
    let this = env::current_exe().expect("a running program has a path");
    let status = Command::new(this)
        .args(env::args_os().skip(1))
        .env(INNER, "1")
        .env(DATABASE_URL, "postgresql://ambient@127.0.0.1/ambient")
        .status();
    match status.ok().and_then(|status| status.code()) {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    }
}

fn replay(
    fixtures: &Fixtures,
    release: Release,
    case: &Case,
    update: Option<&Mutex<Found>>,
) -> Result<(), Why> {
    let recorded = |name: &str| {
        let recording = fixtures.recording(release, name);
        recording.ok_or_else(|| format!("{name} is not recorded on {release}"))
    };
    let replay = Replay {
        release,
        case,
        recording: recorded(case.name)?,
        version: recorded(VERSION)?,
    };
    let replayed = replay.run(Path::new(STAND_IN))?;
    READ.fetch_add(u64::from(replayed.decoded.is_none()), Ordering::Relaxed);
    check(&replay, &replayed)?;
    let now = replay.snapshot(&replayed);
    if let Some(found) = update {
        let mut found = found.lock().expect("nobody panics with it");
        found.insert((release, case.name.to_owned()), now);
        return Ok(());
    }
    let snapshot = fixtures.snapshot(release, case.name);
    let snapshot = snapshot.ok_or_else(|| format!("there is no snapshot; {UPDATE}=1 writes it"))?;
    if now == snapshot {
        return Ok(());
    }
    let snapshot = snapshot.to_owned();
    Err(Why::Changed { snapshot, now })
}
