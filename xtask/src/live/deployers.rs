//! Two deployers at once on one database, in random interleavings: whether what each of them reports is
//! what is then in the ledger.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::interrupt;
use contract_tests::random::Random;
use fraisier_adapter_api::{MigrationOutcome, Revision};
use fraisier_adapter_confiture::{Change, DatabaseState, Failure};

use super::call::{Direction, Running};
use crate::harness::{Scene, World};
use crate::project::Project;
use crate::stage::Stage;

const INTERLEAVINGS: u64 = 20;

const VERSIONS: [&str; 4] = ["001", "002", "003", "004"];

/// A deployer whose last migration fails has this one.
const BROKEN: &str = "005";

/// The second starts before so many milliseconds.
const APART: usize = 2500;

pub fn scenes(chosen: &[Candidate]) -> Vec<Scene> {
    let mut scenes = Vec::new();
    for candidate in super::or(chosen, &[Candidate::Newest]) {
        for (name, undo) in [("no undo", false), ("undo", true)] {
            let play = move |world: &World, confiture: &Installed| {
                let bar = world.lab.ui.bar(INTERLEAVINGS, "interleavings");
                for seed in 0..INTERLEAVINGS {
                    interrupt::check()?;
                    interleaving(seed, undo, world, confiture)
                        .with_context(|| format!("interleaving {seed}"))?;
                    bar.advance();
                }
                Ok(())
            };
            scenes.push(Scene::new("deployers", candidate, name, play));
        }
    }
    scenes
}

fn interleaving(seed: u64, undo: bool, world: &World, confiture: &Installed) -> anyhow::Result<()> {
    let mut random = Random(seed);
    let stage = Stage::new(world, confiture)?;
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

/// What a result says was applied, and whether that is all.
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

/// Whether every migration that is claimed was applied, by one of them alone, and, where both know all,
/// no other was.
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
        "more was applied than is said"
    );
    Ok(())
}
