//! `cargo xtask engine`: whole deploys with the published fraisier, with the adapter that it is shipped
//! with, through our program, and with ours compiled in, judged by what is in the database and on the
//! machine afterwards.

mod config;
mod install;
mod look;
pub mod stand;
mod stories;
mod table;
pub mod way;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use contract_catalogue::release::Release;
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::interrupt::{self, Interrupted};

use self::stand::Stand;
use self::stories::{STORIES, Story};
use self::table::{Cell, Outcome, Table};
use self::way::Way;
use crate::exit::Unexpected;
use crate::harness::{self, HarnessArgs, Scene, Skip, World};
use crate::help;

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         Installs fraisier 1.0.0-beta.14 twice into the cache, from the package registry: as it \
         is, and with our drop-in for the adapter that it compiles in. This needs Rust 1.95, and \
         some minutes the first time. Each scene, named STORY/RELEASE/VARIANT, gets a project, a \
         database and stand-ins for systemctl and nginx of its own. If ours ends differently from \
         the adapter that fraisier is shipped with, the table gives the reason.",
        &[
            (
                "cargo xtask engine",
                "everything, with 0.22.0, 0.23.0 and the newest",
            ),
            (
                "cargo xtask engine --quick",
                "what .ci/run checks, with the newest",
            ),
            (
                "cargo xtask engine killed/ --skip /shipped \\\n    --confiture 0.23.0",
                "one story in the variants with our adapter, with one release",
            ),
        ],
    )
}

/// The releases that every story runs with: one without a window verdict, one whose verdict is sometimes
/// wrong, and the newest.
const RELEASES: [Candidate; 3] = [
    Candidate::Release(Release::new(0, 22, 0)),
    Candidate::Release(Release::new(0, 23, 0)),
    Candidate::Newest,
];

/// The options of the engine's scenes.
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    #[command(flatten)]
    harness: HarnessArgs,

    /// The scenes that show most, with the newest confiture only
    #[arg(long)]
    quick: bool,
}

/// Runs the deploys.
///
/// # Errors
/// If something is missing, or a step is not as expected.
pub fn run(args: EngineArgs) -> anyhow::Result<()> {
    let chosen = args.harness.confiture.clone();
    let releases = match chosen.as_slice() {
        [] if args.quick => &[Candidate::Newest],
        [] => &RELEASES[..],
        chosen => chosen,
    };
    let everything = !args.quick && args.harness.is_unfiltered();
    let cells = Arc::new(Mutex::new(Vec::new()));
    let mut scenes = Vec::new();
    for story in STORIES {
        for release in releases {
            for way in Way::ALL {
                let wanted = !args.quick || story.quick.contains(&way);
                if wanted && story.is_for(way) {
                    let cells = Arc::clone(&cells);
                    let play = move |world: &World, confiture: &Installed| {
                        play(story, way, world, confiture, &cells)
                    };
                    scenes.push(Scene::new(way.word(), play).of(story.name, release));
                }
            }
        }
    }
    let ran = harness::run(args.harness, scenes);
    let cells = std::mem::take(&mut *cells.lock().unwrap_or_else(PoisonError::into_inner));
    if cells.is_empty() {
        return ran;
    }
    let table = Table::compared(cells, everything);
    table.print();
    ran?;
    match table.unexplained() {
        0 => Ok(()),
        count => Err(Unexpected(format!(
            "{count} differences from the shipped adapter have no reason, or reasons no difference"
        ))
        .into()),
    }
}

/// Runs the steps of a story, up to the first that is not as expected.
fn play(
    story: &Story,
    way: Way,
    world: &World,
    confiture: &Installed,
    cells: &Mutex<Vec<(Cell, Outcome)>>,
) -> anyhow::Result<()> {
    let mut stand = Stand::new(world, confiture, way)?;
    let begin = story.before.unwrap_or(|_| Ok(()));
    let mut result = begin(&mut stand)
        .and_then(|()| stand.nothing_is_left())
        .context("before it");
    for step in story.steps {
        interrupt::check()?;
        if !step.ways.contains(&way) {
            continue;
        }
        let reached = result.is_ok();
        if reached {
            result = (step.run)(&mut stand)
                .and_then(|()| stand.nothing_is_left())
                .context(step.name);
        }
        let outcome = match &result {
            Ok(()) => Outcome::AsExpected(stand.observation()?),
            Err(error) if error.is::<Interrupted>() => break,
            Err(error) if error.is::<Skip>() => Outcome::Skipped,
            Err(_) if reached => Outcome::Fault,
            Err(_) => Outcome::NotReached,
        };
        let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.push(((step.name, stand.release, way), outcome));
    }
    result
}
