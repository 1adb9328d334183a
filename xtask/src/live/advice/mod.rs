//! Follows the advice of a message, and checks that it helps.
//!
//! Each scene causes a failure, does what the message says after `Next:`, and then has to succeed. The
//! last scene fails if there is advice that no scene received.

mod by_code;
mod follower;
mod trouble;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use contract_lab::confiture::Candidate;
use fraisier_adapter_confiture::tools::every_advice;

use self::follower::Follower;
use super::{Group, LiveArgs};
use crate::harness::{Scene, Skip};
use crate::stage::{Stage, wait};

pub const GROUP: Group = Group {
    name: "advice",
    releases: &["newest"],
    scenes,
};

/// The beginning of the advice that a scene of another group follows, because it needs what that group
/// has.
const FOLLOWED_BY_POOLER: &str = "configure the pooler to ignore it";

/// How long the last scene waits for the others.
const PATIENCE: Duration = Duration::from_secs(1800);

/// The advice that the scenes with one confiture received.
#[derive(Default)]
struct Received {
    advice: Mutex<BTreeSet<String>>,
    ended: AtomicUsize,
}

fn scenes(_: &LiveArgs, _: &Candidate) -> Vec<Scene> {
    let received = Arc::new(Received::default());
    let mut scenes: Vec<Scene> = Vec::new();
    for trouble in trouble::all() {
        let name = trouble.name.clone();
        scenes.push(scene(&name, &received, |stage| trouble.play(stage)));
    }
    for (name, play) in by_code::SCENES {
        let scene = scene(name, &received, play);
        let alone = name == by_code::ALONE;
        scenes.push(if alone { scene.alone() } else { scene });
    }
    let all = scenes.len();
    let last = Scene::new("all advice was given", move |_, _| complete(&received, all));
    scenes.push(last.summary());
    scenes
}

/// A scene that remembers the advice that it received.
fn scene(
    name: &str,
    received: &Arc<Received>,
    play: impl FnOnce(&Follower<'_>) -> anyhow::Result<()> + Send + 'static,
) -> Scene {
    let received = Arc::clone(received);
    Scene::new(name, move |world, confiture| {
        let stage = Stage::new(world, confiture)?;
        let project = &stage.project;
        project.migration("001_one", "CREATE TABLE one (id int);", "DROP TABLE one;")?;
        let given = &received.advice;
        let result = play(&Follower { stage, given });
        received.ended.fetch_add(1, Ordering::SeqCst);
        result
    })
}

/// Checks that the scenes received every advice that exists.
fn complete(received: &Arc<Received>, all: usize) -> anyhow::Result<()> {
    // Each scene has a reference to this until it has ended.
    wait(PATIENCE, || Ok(Arc::strong_count(received) == 1))?;
    if received.ended.load(Ordering::SeqCst) < all {
        let reason = "the other scenes of `advice/` were not all selected";
        return Err(Skip(reason.to_owned()).into());
    }
    let given = received
        .advice
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let never: Vec<String> = every_advice()
        .into_iter()
        .filter(|advice| !given.contains(advice) && !advice.starts_with(FOLLOWED_BY_POOLER))
        .collect();
    ensure!(never.is_empty(), "no scene was given: {}", never.join("; "));
    Ok(())
}
