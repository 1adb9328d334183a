//! Follows what a message advises, and sees whether it helps.
//!
//! Each scene gets into trouble, reads what stands behind `Next:`, does that, and has to get on. Advice
//! that no scene was given fails the last one.

mod configuration;
mod environment;
mod follower;
mod migrations;
mod program;
mod rollback;
mod trouble;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use contract_lab::confiture::{Candidate, Installed};
use fraisier_adapter_confiture::tools::every_advice;

use self::follower::Follower;
use super::{Group, LiveArgs};
use crate::harness::{Scene, Skip, World};
use crate::stage::{Stage, wait};

pub const GROUP: Group = Group {
    name: "advice",
    about: "what messages advise behind `Next:`, followed: whether the call then succeeds, and whether \
         there is advice that nothing follows",
    releases: &["newest"],
    scenes,
};

/// What gets into trouble, and out of it.
type Play = (&'static str, fn(&Follower<'_>) -> anyhow::Result<()>);

/// The beginning of the advice that another group follows, which has what it needs.
const FOLLOWED_BY_POOLER: &str = "configure the pooler to ignore it";

/// The scene that reduces the descriptors of this process.
const ALONE: &str = "no descriptors are left";

/// How long the last scene waits for the others.
const PATIENCE: Duration = Duration::from_secs(1800);

/// The advice that the scenes with one confiture received.
#[derive(Default)]
struct Heard {
    advice: Mutex<BTreeSet<String>>,
    ended: AtomicUsize,
}

fn scenes(_: &LiveArgs, _: &Candidate) -> Vec<Scene> {
    let plays = [
        configuration::SCENES,
        program::SCENES,
        environment::SCENES,
        migrations::SCENES,
        rollback::SCENES,
    ]
    .concat();
    let heard = Arc::new(Heard::default());
    let mut scenes: Vec<Scene> = Vec::new();
    for (name, play) in plays {
        let scene = scene(name, &heard, play);
        scenes.push(if name == ALONE { scene.alone() } else { scene });
    }
    let troubles = trouble::all().into_iter();
    scenes.extend(troubles.map(|trouble| {
        let name = trouble.name.clone();
        scene(&name, &heard, move |stage: &Follower<'_>| {
            trouble.play(stage)
        })
    }));
    let all = scenes.len();
    let play = move |_: &World, _: &Installed| complete(&heard, all);
    scenes.push(Scene::new("all advice was given", play).summary());
    scenes
}

/// A scene that remembers the advice that it was given.
fn scene(
    name: &str,
    heard: &Arc<Heard>,
    play: impl FnOnce(&Follower<'_>) -> anyhow::Result<()> + Send + 'static,
) -> Scene {
    let heard = Arc::clone(heard);
    Scene::new(name, move |world: &World, confiture: &Installed| {
        let stage = Stage::new(world, confiture)?;
        let project = &stage.project;
        project.migration("001_one", "CREATE TABLE one (id int);", "DROP TABLE one;")?;
        let given = &heard.advice;
        let result = play(&Follower { stage, given });
        heard.ended.fetch_add(1, Ordering::SeqCst);
        result
    })
}

/// Whether the scenes were given every advice there is.
fn complete(heard: &Arc<Heard>, all: usize) -> anyhow::Result<()> {
    // Each of them has its share of this until it has ended.
    wait(PATIENCE, || Ok(Arc::strong_count(heard) == 1))?;
    if heard.ended.load(Ordering::SeqCst) < all {
        let reason = "the other scenes of `advice/` were not all selected";
        return Err(Skip(reason.to_owned()).into());
    }
    let given = heard.advice.lock().unwrap_or_else(PoisonError::into_inner);
    let never: Vec<String> = every_advice()
        .into_iter()
        .filter(|advice| !given.contains(advice) && !advice.starts_with(FOLLOWED_BY_POOLER))
        .collect();
    ensure!(never.is_empty(), "no scene was given: {}", never.join("; "));
    Ok(())
}
