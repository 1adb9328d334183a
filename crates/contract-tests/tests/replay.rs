//! Replays every case of every recorded release through the adapter.
//!
//! `cargo test -p contract-tests 0.23.0/preflight` runs just those.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use contract_tests::case::Case;
use contract_tests::catalogue::catalogue;
use contract_tests::connection::DATABASE_URL;
use contract_tests::fixtures::{Fixtures, default_root};
use contract_tests::judge::judge;
use contract_tests::release::Release;
use contract_tests::replay::{Replay, VERSION};
use libtest_mimic::{Arguments, Failed, Trial};

/// Set in the process that runs the tests.
const INNER: &str = "CONTRACT_TESTS_AMBIENT";
const STAND_IN: &str = env!("CARGO_BIN_EXE_stand-in-confiture");

fn main() -> ExitCode {
    // The tests run where an ambient DSN is set, which no child may see.
    if env::var_os(INNER).is_none() {
        return with_ambient_dsn();
    }
    let arguments = Arguments::from_args();
    let catalogue = catalogue();
    let fixtures = match Fixtures::load(&default_root(), &catalogue) {
        Ok(fixtures) => Arc::new(fixtures),
        Err(error) => {
            eprintln!("the recordings are not sound: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let catalogue = Arc::new(catalogue);
    let mut trials = Vec::new();
    let mut skipped = 0;
    for entry in &fixtures.index.releases {
        for (number, case) in catalogue.iter().enumerate() {
            if !case.applies_to(entry.release) {
                skipped += 1;
                continue;
            }
            let (fixtures, catalogue) = (Arc::clone(&fixtures), Arc::clone(&catalogue));
            let release = entry.release;
            let name = format!("{release}/{}", case.name);
            let run = move || replay(&fixtures, release, &catalogue[number]);
            trials.push(Trial::test(name, run));
        }
    }
    let (releases, cases) = (fixtures.index.releases.len(), trials.len());
    let directories = fixtures.directories.len();
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !listing {
        println!(
            "{releases} releases in {directories} directories, {cases} cases: {} replayed, {} \
             filtered out, {skipped} skipped because the case starts at a later release",
            conclusion.num_passed + conclusion.num_failed,
            conclusion.num_filtered_out,
        );
    }
    conclusion.exit_code()
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

fn replay(fixtures: &Fixtures, release: Release, case: &Case) -> Result<(), Failed> {
    let recordings = fixtures.of(release);
    let replay = Replay {
        release,
        case,
        recording: &recordings[case.name],
        version: &recordings[VERSION],
    };
    let replayed = replay
        .run(Path::new(STAND_IN))
        .map_err(|error| failed(&error))?;
    judge(&replay, &replayed).map_err(|error| failed(&error))?;
    let entry = fixtures.index.entry(release).ok_or("no such release")?;
    let directory = default_root().join(entry.behaves_as.to_string());
    matches_snapshot(&directory, case, &replay.snapshot(&replayed))
}

/// Holds `found` against the snapshot beside the recording.
fn matches_snapshot(directory: &Path, case: &Case, found: &str) -> Result<(), Failed> {
    let (operation, situation) = case.name.split_once('/').ok_or("no operation")?;
    let directory: PathBuf = directory.join(operation).components().collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(directory);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(case.about);
    settings.bind(|| insta::assert_snapshot!(situation, found));
    Ok(())
}

fn failed(error: &anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
