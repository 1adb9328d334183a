//! What replaying a recorded case takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use contract_tests::catalogue::catalogue;
use contract_tests::fixtures::{Fixtures, default_root};
use contract_tests::replay::{Replay, VERSION};
use contract_tests::rules::check;

use super::cargo::run_cargo;
use super::figures::{Figures, in_turn};

/// Each case of the newest recorded release, through the stand-in and as bytes, ÷ as many bare
/// starts of the stand-in.
pub fn per_case(rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let stand_in = stand_in()?;
    let catalogue = catalogue();
    let fixtures = Fixtures::load(&default_root(), &catalogue)?;
    let release = fixtures.releases().last().context("no release")?;
    let version = fixtures.recording(release, VERSION).context("no version")?;
    let replay = |case| {
        Some(Replay {
            release,
            case,
            recording: fixtures.recording(release, case.name)?,
            version,
        })
    };
    let replays: Vec<_> = catalogue.iter().filter_map(replay).collect();
    let (ours, theirs) = in_turn(
        rounds,
        || {
            let mut replays = replays.iter();
            replays.try_for_each(|replay| check(replay, &replay.run(&stand_in)?))
        },
        || replays.iter().try_for_each(|_| start(&stand_in)),
    )?;
    let count = u32::try_from(replays.len())?;
    let each =
        |times: Vec<Duration>| -> Vec<_> { times.iter().map(|time| *time / count).collect() };
    figures.times(
        &format!("a replayed case, of {count}"),
        &each(ours),
        ("bare stand-in", &each(theirs)),
    );
    Ok(())
}

/// Without a script it refuses, and ends.
fn start(stand_in: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(stand_in);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(())
}

/// Builds the stand-in, which is no part of this program.
fn stand_in() -> anyhow::Result<PathBuf> {
    let name = "stand-in-confiture";
    run_cargo(
        &[
            "build",
            "--quiet",
            "--release",
            "--package",
            "contract-tests",
            "--bin",
            name,
        ],
        [],
    )?;
    let program = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(program.is_file(), "{} was not built", program.display());
    Ok(program)
}
