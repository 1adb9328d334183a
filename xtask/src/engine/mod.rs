//! `cargo xtask engine`: whole deploys with the published fraisier, with the adapter that it is shipped
//! with, through our program, and with ours compiled in, judged by what is in the database and on the
//! machine afterwards.

mod by_code;
mod install;
pub mod stand;
mod story;
mod table;
pub mod way;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use contract_catalogue::release::Release;
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::interrupt::{self, Interrupted};

use self::stand::Stand;
use self::story::{STORIES, Story};
use self::table::{Cell, Outcome, Table};
use self::way::Way;
use crate::exit::Unexpected;
use crate::harness::{self, HarnessArgs, Scene, Skip, World};

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
    for story in &STORIES.story {
        for release in releases {
            for way in Way::ALL {
                let wanted = !args.quick || story.quick.contains(&way);
                if wanted && story.is_for(way) {
                    let cells = Arc::clone(&cells);
                    let scene = Scene::new(way.word(), move |world, confiture| {
                        play(story, way, world, confiture, &cells)
                    });
                    scenes.push(scene.of(&story.name, release));
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
    let count = table.unexplained();
    let text = format!(
        "{count} differences from the shipped adapter have no reason, or reasons no difference"
    );
    ensure!(count == 0, Unexpected(text));
    Ok(())
}

/// Runs the steps of a story, up to the first that is not as expected.
fn play(
    story: &'static Story,
    way: Way,
    world: &World,
    confiture: &Installed,
    cells: &Mutex<Vec<(Cell, Outcome)>>,
) -> anyhow::Result<()> {
    let mut stand = Stand::new(world, confiture, way)?;
    let begun = story
        .before
        .iter()
        .try_for_each(|step| step.play(&mut stand));
    let mut result = begun
        .and_then(|()| stand.nothing_is_left())
        .context("before it");
    for step in story.steps.iter().filter(|step| step.is_for(way)) {
        interrupt::check()?;
        let reached = result.is_ok();
        if reached {
            result = step
                .play(&mut stand)
                .and_then(|()| stand.nothing_is_left())
                .with_context(|| step.name.clone());
        }
        let outcome = match &result {
            Ok(()) => Outcome::AsExpected(stand.observation()?),
            Err(error) if error.is::<Interrupted>() => break,
            Err(error) if error.is::<Skip>() => Outcome::Skipped,
            Err(_) if reached => Outcome::Fault,
            Err(_) => Outcome::NotReached,
        };
        let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.push(((&step.name, stand.release, way), outcome));
    }
    result
}
