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

use contract_lab::confiture::{Candidate, Installed};

use crate::harness::{self, HarnessArgs, Scene, World};
use crate::help;
use crate::stage::Stage;

/// The groups, for `--help`.
const GROUPS: [(&str, &str); 16] = [
    (
        "undo/",
        "an `up` that fails halfway and is undone, with ways down that work, fail or are missing",
    ),
    (
        "ledger/",
        "ledgers whose times tie or run backwards, a confiture whose Python is not known, and two \
         deploys beside each other",
    ),
    (
        "preflight/",
        "pending migrations beside applied ones, of which old releases judge every file: nine kinds of \
         statements, changed files, and a ledger that cannot be read",
    ),
    (
        "advice/",
        "what messages advise behind `Next:`, followed: whether the call then succeeds, and whether \
         there is advice that nothing follows",
    ),
    (
        "cancel/",
        "calls that are dropped or time out at many moments of `up` and `down_to`: what is left on \
         the machine and on the server",
    ),
    (
        "conformance/",
        "the duties of the trait, with the suite of the crate fraisier-adapter-testing",
    ),
    (
        "cut/",
        "a proxy cuts the connection after a message of a whole `up` and `down_to`: whether what is \
         then reported about the database is true",
    ),
    (
        "trouble/",
        "a lock that the role may not wait for, a commit that waits for a standby, and a Python that \
         cannot start",
    ),
    (
        "interpreter/",
        "migrations in Python that end the interpreter with any status, after another was applied: \
         whether that is ever taken for an unchanged database",
    ),
    (
        "deployers/",
        "two deployers at once in twenty random interleavings, with undo and without: whether what they \
         report is what is in the ledger",
    ),
    (
        "death/",
        "an engine that is killed at ten moments of an `up`: no session after 3 s, nothing committed \
         after its death, no temporary file left",
    ),
    (
        "pooler/",
        "PgBouncer in between, which accepts no start options; they fail where there is no pgbouncer",
    ),
    (
        "doctor/",
        "`doctor` of the adapter's program, on a healthy project and on broken ones: whether each \
         check finds what is broken, and changes nothing",
    ),
    (
        "encoding/",
        "databases with an encoding, or a style of dates, that confiture alone does not read",
    ),
    (
        "examples/",
        "the examples of the adapter crate, run on the sample project",
    ),
    (
        "long/",
        "thousands of calls dropped at random. It takes half an hour, and runs only when a filter \
         names it",
    ),
];

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        &help::entries("Groups of scenes, named GROUP/RELEASE/SCENE", &GROUPS),
        &[
            ("cargo xtask live", "everything but `long/`"),
            (
                "cargo xtask live cancel/ --confiture 0.23.0",
                "one group, with an old release",
            ),
            (
                "cargo xtask live cut/ --every 1",
                "every cut there is, for an hour or more",
            ),
            (
                "cargo xtask live long/ --calls 500",
                "a short run of the long group",
            ),
        ],
    )
}

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
    let chosen = args.harness.confiture.clone();
    let mut scenes = undo::scenes(&chosen);
    scenes.extend(ledger::scenes(&chosen));
    scenes.extend(preflight::scenes(&chosen));
    scenes.extend(advice::scenes(&chosen));
    scenes.extend(cancel::scenes(&chosen));
    scenes.extend(conformance::scenes(&chosen));
    scenes.extend(trouble::scenes(&chosen));
    scenes.extend(interpreter::scenes(&chosen));
    scenes.extend(cut::scenes(&chosen, args.every));
    scenes.extend(death::scenes(&chosen));
    scenes.extend(deployers::scenes(&chosen));
    scenes.extend(pooler::scenes(&chosen));
    scenes.extend(doctor::scenes(&chosen));
    scenes.extend(encoding::scenes(&chosen));
    scenes.extend(examples::scenes(&chosen));
    scenes.extend(long::scenes(&chosen, args.calls));
    harness::run(args.harness, scenes)
}

/// A scene on a new stage, for each release and each of these.
fn on_stages<T: Copy + Send + 'static>(
    group: &str,
    candidates: &[Candidate],
    scenes: &[(&'static str, T)],
    play: fn(&Stage<'_>, T) -> anyhow::Result<()>,
) -> Vec<Scene> {
    let each = candidates
        .iter()
        .flat_map(|it| scenes.iter().map(move |scene| (it, scene)));
    let scene = |(candidate, &(name, what))| {
        let play =
            move |world: &World, confiture: &Installed| play(&Stage::new(world, confiture)?, what);
        Scene::new(group, candidate, name, play)
    };
    each.map(scene).collect()
}

/// What was chosen, or what is standard.
fn or<'a>(chosen: &'a [Candidate], standard: &'a [Candidate]) -> &'a [Candidate] {
    if chosen.is_empty() { standard } else { chosen }
}
