//! `cargo xtask live`: what only real binaries and a real server can show.

mod advice;
mod call;
mod cancel;
mod cut;
mod death;
mod direction;
mod doctor;
mod engine;
mod long;
mod matrix;
mod pooler;
mod slow_project;
mod undo;

pub use self::engine::start::SUBCOMMAND as ENGINE;
pub use self::engine::{EngineArgs, serve as serve_engine};
use crate::help;
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::postgres::ServerArgs;
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs};
use contract_tests::fixtures;

/// The topics, for `--help`.
const TOPICS: [(&str, &str); 9] = [
    (
        "matrix",
        "the catalogue of cases through the adapter, on every release that differs in something \
         the adapter has to cope with, judged by what is in the database afterwards",
    ),
    (
        "undo",
        "an `up` that fails halfway and is undone, with ways down that work, fail or are missing, \
         judged the same way",
    ),
    (
        "advice",
        "what messages advise behind `Next:`, followed: whether the call then succeeds, and whether \
         there is advice that nothing follows",
    ),
    (
        "cancel",
        "calls stopped at eleven moments of `up` and `down_to`, by drop and by timeout, and a \
         deploy that is killed as a whole: what is left on \
         the machine and on the server",
    ),
    (
        "cut",
        "a proxy cuts the connection after a message of a whole `up` and `down_to`, on an early, a \
         middle and a late release: whether what is then said about the database is true",
    ),
    (
        "death",
        "an engine in process that is killed at ten moments of an `up`: no session after 3 s, \
         nothing committed after the death, nothing left in the directory for temporary files",
    ),
    (
        "pooler",
        "PgBouncer in between, which takes no start options: the disconnect check by default and \
         where it is demanded; said to be not run where there is no pgbouncer",
    ),
    (
        "doctor",
        "`doctor` of the adapter's program, on a healthy project and on broken ones: whether each \
         check finds what is broken, and changes nothing",
    ),
    (
        "long",
        "thousands of calls dropped at random, two hundred at once, and calls where descriptors \
         run short: descriptors, threads, processes and files before and after. It takes half an \
         hour, and runs only when it is named",
    ),
];

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        &help::entries("Topics", &TOPICS),
        &[
            ("cargo xtask live", "everything but `long`"),
            (
                "cargo xtask live cancel --confiture 0.23.0",
                "one topic, with an old one",
            ),
            (
                "cargo xtask live cut --every 1",
                "every cut there is, for an hour or more",
            ),
            (
                "cargo xtask live long --calls 500",
                "a short run of the long one",
            ),
        ],
    )
}

/// What the live checks can be told.
#[derive(Debug, clap::Args)]
pub struct LiveArgs {
    /// The topics to check, instead of all but `long`
    #[arg(value_name = "TOPIC")]
    topics: Vec<Topic>,

    /// Which confiture: a release such as 0.22, `newest`, or the path of a binary, an environment, a
    /// wheel, an sdist or a source directory; may be given more than once. Without it, each topic
    /// takes the releases it is about
    #[arg(long, value_name = "RELEASE|PATH")]
    confiture: Vec<Candidate>,

    /// Of the cuts of the topic `cut`, make every N-th, and those at a commit; 1 makes all
    #[arg(long, value_name = "N", default_value_t = 25)]
    every: usize,

    /// How many calls the topic `long` drops
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    calls: usize,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    lab: LabArgs,
}

/// One thing that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Topic {
    Matrix,
    Undo,
    Advice,
    Cancel,
    Cut,
    Death,
    Pooler,
    Doctor,
    Long,
}

/// Runs the live checks.
///
/// # Errors
/// What is missing, or what was not as expected.
pub fn run(args: LiveArgs) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let server = args.server.open(&lab)?;
    let wanted = |topic| args.topics.is_empty() || args.topics.contains(&topic);
    let chosen = |standard: Vec<Candidate>| match args.confiture.as_slice() {
        [] => standard,
        named => named.to_vec(),
    };
    if wanted(Topic::Matrix) {
        let releases = matrix::standard(&fixtures::default_root())?;
        let mut standard: Vec<_> = releases.into_iter().map(Candidate::Release).collect();
        standard.push(Candidate::Newest);
        matrix::run(&lab, &install_all(&lab, &chosen(standard))?, &server)?;
    }
    if wanted(Topic::Undo) {
        let candidates = chosen(undo::RELEASES.to_vec());
        undo::run(&install_all(&lab, &candidates)?, &server)?;
    }
    if wanted(Topic::Advice) {
        for candidate in chosen(vec![Candidate::Newest]) {
            advice::run(&lab, &install(&lab, &candidate)?, &server)?;
        }
    }
    if wanted(Topic::Cancel) {
        for candidate in chosen(vec![Candidate::Newest]) {
            cancel::run(&lab, &install(&lab, &candidate)?, &server)?;
        }
    }
    if wanted(Topic::Cut) {
        cut::print_head();
        for candidate in chosen(cut::RELEASES.map(Candidate::Release).to_vec()) {
            cut::run(&lab, &install(&lab, &candidate)?, &server, args.every)?;
        }
        cut::print_legend();
    }
    if wanted(Topic::Death) {
        for candidate in chosen(death::RELEASES.to_vec()) {
            death::run(&lab, &install(&lab, &candidate)?, &server)?;
        }
    }
    if wanted(Topic::Pooler) {
        for candidate in chosen(pooler::RELEASES.to_vec()) {
            pooler::run(&install(&lab, &candidate)?, &server)?;
        }
    }
    if wanted(Topic::Doctor) {
        for candidate in chosen(doctor::RELEASES.to_vec()) {
            doctor::run(&lab, &install(&lab, &candidate)?, &server)?;
        }
    }
    if args.topics.contains(&Topic::Long) {
        for candidate in chosen(vec![Candidate::Newest]) {
            long::run(&install(&lab, &candidate)?, &server, args.calls)?;
        }
    }
    Ok(())
}

fn install_all(lab: &Lab, candidates: &[Candidate]) -> anyhow::Result<Vec<Installed>> {
    let installed = candidates.iter().map(|candidate| install(lab, candidate));
    installed.collect()
}
