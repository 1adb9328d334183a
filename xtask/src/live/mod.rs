//! `cargo xtask live`: what only a real confiture and a real server can show.

mod advice;
pub mod call;
mod cancel;
mod conformance;
mod cut;
mod death;
mod deployers;
mod doctor;
mod encoding;
mod examples;
mod host;
mod interpreter;
mod ledger;
mod long;
mod pooler;
mod preflight;
mod slow;
mod trouble;
mod undo;

pub use self::host::{HostArgs, SUBCOMMAND as HOST, serve as serve_host};

use contract_lab::confiture::Candidate;

use crate::harness::{self, HarnessArgs, Scene};
use crate::stage::Stage;

/// Scenes about one thing.
struct Group {
    name: &'static str,
    /// The releases that they run with, when none is chosen.
    releases: &'static [&'static str],
    /// The scenes with this confiture.
    scenes: fn(&LiveArgs, &Candidate) -> Vec<Scene>,
}

const GROUPS: [Group; 16] = [
    undo::GROUP,
    ledger::GROUP,
    preflight::GROUP,
    advice::GROUP,
    cancel::GROUP,
    conformance::GROUP,
    cut::GROUP,
    trouble::GROUP,
    interpreter::GROUP,
    deployers::GROUP,
    death::GROUP,
    pooler::GROUP,
    doctor::GROUP,
    encoding::GROUP,
    examples::GROUP,
    long::GROUP,
];

/// The options of the live scenes.
#[derive(Debug, clap::Args)]
pub struct LiveArgs {
    #[command(flatten)]
    harness: HarnessArgs,

    /// In the group `cut/`, cut after every N-th message, and after those of a commit; 1 cuts after
    /// each
    #[arg(long, value_name = "N", default_value_t = 25)]
    every: usize,

    /// How many calls the group `long/` drops
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    calls: usize,
}

/// Runs the scenes.
pub fn run(args: LiveArgs) -> anyhow::Result<()> {
    let mut scenes = Vec::new();
    for group in GROUPS {
        let standard: Vec<Candidate> = group.releases.iter().map(|it| candidate(it)).collect();
        let chosen = &args.harness.confiture;
        for candidate in if chosen.is_empty() { &standard } else { chosen } {
            let of_group = |scene: Scene| scene.of(group.name, candidate);
            scenes.extend((group.scenes)(&args, candidate).into_iter().map(of_group));
        }
    }
    harness::run(args.harness, scenes)
}

/// A scene on a new stage for each of these.
fn on_stages<T: Copy + Send + 'static>(
    scenes: &[(&'static str, T)],
    play: fn(&Stage<'_>, T) -> anyhow::Result<()>,
) -> Vec<Scene> {
    let scene = |&(name, what): &(&'static str, T)| {
        Scene::new(name, move |world, confiture| {
            play(&Stage::new(world, confiture)?, what)
        })
    };
    scenes.iter().map(scene).collect()
}

/// As [`on_stages`], where each scene is a function of its own.
fn each_on_stage(scenes: &[(&'static str, Play)]) -> Vec<Scene> {
    on_stages(scenes, |stage, play| play(stage))
}

type Play = fn(&Stage<'_>) -> anyhow::Result<()>;

fn candidate(text: &str) -> Candidate {
    let Ok(candidate) = text.parse();
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_describes_every_group() {
        let help = crate::help::of("live");
        let places: Vec<_> = GROUPS
            .iter()
            .map(|group| help.find(&format!("\n  {}\n", group.name)))
            .collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{help}"
        );
    }
}
