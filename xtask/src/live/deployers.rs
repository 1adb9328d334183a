//! Two deployers at once on one database, in random interleavings: the reports of both must agree with
//! the ledger.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::random::Random;
use contract_lab::interrupt;
use fraisier_adapter_api::{MigrationOutcome, Revision};
use fraisier_adapter_confiture::{Change, DatabaseState, Failure};

use super::call::{Direction, Running};
use super::{Group, on_stages};
use crate::project::Project;
use crate::stage::Stage;

pub const GROUP: Group = Group {
    name: "deployers",
    releases: &[
        "0.20.0", "0.23.0", "0.44.0", "0.50.0", "1.0.0", "1.12.0", "newest",
    ],
    scenes: |_, _| on_stages(&[("no undo", false), ("undo", true)], interleavings),
};

const INTERLEAVINGS: u64 = 20;

const VERSIONS: [&str; 4] = ["001", "002", "003", "004"];

/// The last migration of a deployer that fails.
const BROKEN: &str = "005";

/// The second starts within this many milliseconds.
const APART: usize = 2500;

fn interleavings(first: &Stage<'_>, undo: bool) -> anyhow::Result<()> {
    let bar = first.world.lab.ui.bar(INTERLEAVINGS, "interleavings");
    for seed in 0..INTERLEAVINGS {
        interrupt::check()?;
        let stage = Stage::new(first.world, first.confiture)?;
        interleaving(seed, undo, &stage).with_context(|| format!("interleaving {seed}"))?;
        bar.advance();
    }
    Ok(())
}

fn interleaving(seed: u64, undo: bool, stage: &Stage<'_>) -> anyhow::Result<()> {
    let mut random = Random(seed);
    stage.project.table("001")?;
    stage.up()?;
    let other = Project::empty()?;
    let pauses = VERSIONS.map(|_| random.below(500));
    for project in [&stage.project, &other] {
        let known = 2 + random.below(VERSIONS.len() - 1);
        for (version, pause) in VERSIONS.iter().zip(pauses).take(known).skip(1) {
            let sleep = format!("SELECT pg_sleep({pause}.0 / 1000);");
            project.table_and(version, &sleep, "")?;
        }
        if random.below(2) == 0 {
            project.table_and(BROKEN, "SELECT 1 / 0;", "")?;
        }
    }
    other.table("001")?;

    let start = |project: &Project| {
        let adapter = stage.builder().undo_failed_up(undo).build();
        let mut ctx = stage.ctx();
        ctx.workdir = project.root().into();
        Running::start(adapter, ctx, Direction::Up)
    };
    let first = start(&stage.project);
    std::thread::sleep(Duration::from_millis(random.below(APART) as u64));
    let second = start(&other);
    let results = [first.finish()?, second.finish()?];

    let mut after: BTreeSet<String> = stage.state()?.into_iter().collect();
    ensure!(after.remove("001"), "001 was rolled back: {results:?}");
    agree(&results, &after).with_context(|| format!("{after:?} were applied; {results:?}"))
}

/// The migrations that a result reports as applied, and whether those are all.
fn claim(result: &Result<MigrationOutcome, Failure>) -> (&[Revision], bool) {
    match result.as_ref().map_err(Failure::state) {
        Ok(outcome) => (&outcome.applied, true),
        Err(DatabaseState::Exactly {
            change: Change::Applied,
            versions,
        }) => (versions, true),
        Err(DatabaseState::AtLeast {
            change: Change::Applied,
            versions,
        }) => (versions, false),
        Err(state) => (
            &[],
            state.is_unchanged() || matches!(state, DatabaseState::UndoneTo { .. }),
        ),
    }
}

/// Checks that every reported migration was applied, by one of them only, and that no other was applied
/// if both reports are complete.
fn agree(
    results: &[Result<MigrationOutcome, Failure>; 2],
    after: &BTreeSet<String>,
) -> anyhow::Result<()> {
    let mut claimed = BTreeSet::new();
    let mut certain = true;
    for result in results {
        let (versions, all) = claim(result);
        certain &= all;
        for version in versions {
            ensure!(after.contains(&version.0), "{version} is not applied");
            ensure!(claimed.insert(version.0.clone()), "both applied {version}");
        }
    }
    ensure!(
        !certain || claimed == *after,
        "more was applied than was reported"
    );
    Ok(())
}
