//! `cargo xtask bench`: what the adapter costs, side by side with what it is compared to.

mod calls;
mod cargo;
mod context;
mod figures;
mod guarded;
mod probe;
mod replay;
mod report;
mod weight;

use self::cargo::run_cargo;
use self::figures::Figures;
pub use self::probe::{ProbeArgs, SUBCOMMAND as PROBE, serve as serve_probe};
use crate::environment::Environment;
use crate::help;
use contract_lab::confiture::{Candidate, install};
use contract_lab::postgres::{Major, Server};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs};

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         Each line compares two things that were run in turn, so that a machine whose speed drifts \
         does not favour one; the figures are medians. docs/performance.md says what each line is.",
        &[
            ("cargo xtask bench", "the newest confiture"),
            ("cargo xtask bench --rounds 15", "with calmer medians"),
        ],
    )
}

/// What the benchmarks can be told.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Which confiture: a release such as 0.22, `newest`, or the path of a binary, an environment, a
    /// wheel, an sdist or a source directory
    #[arg(long, default_value = "newest", value_name = "RELEASE|PATH")]
    confiture: Candidate,

    /// Which PostgreSQL to start
    #[arg(long, default_value = "18", value_name = "VERSION")]
    postgres: Major,

    /// How often each thing is run
    #[arg(long, default_value_t = 7, value_name = "N")]
    rounds: usize,

    #[command(flatten)]
    lab: LabArgs,
}

/// Runs the benchmarks.
///
/// # Errors
/// What is missing, or a call that fails.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        return again_optimised();
    }
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let confiture = install(&lab, &args.confiture)?;
    let server = Server::start(&lab, args.postgres, &[])?;
    let database = server.create_unique_database("bench")?;
    let subject = calls::Subject::new(&confiture.program, &database.dsn())?;
    let mut figures = Figures::default();
    let measured = measure(lab.ui, &subject, args.rounds, &mut figures);

    // What was measured before a part failed is worth its minutes.
    anstream::println!(
        "confiture {}, PostgreSQL {}",
        confiture.version,
        server.version()?
    );
    anstream::print!("{figures}");
    measured
}

/// Runs each benchmark in turn.
fn measure(
    ui: Ui,
    subject: &calls::Subject,
    rounds: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let task = ui.task("calls");
    subject.plain(rounds, figures)?;
    subject.at_once(50, figures)?;
    task.finish("calls");

    let task = ui.task("calls without compiled modules");
    let copy = Environment::copy(&subject.program)?;
    probe::uncompiled(&copy, &subject.dsn, rounds, figures)?;
    task.finish("calls without compiled modules");

    let task = ui.task("a large report, and chatter");
    probe::decode(figures)?;
    probe::chatter(figures)?;
    task.finish("a large report, and chatter");

    let task = ui.task("the window guard");
    probe::guard(figures)?;
    task.finish("the window guard");

    let task = ui.task("a small engine");
    weight::measure(figures)?;
    task.finish("a small engine");

    let task = ui.task("replayed cases");
    replay::per_case(rounds, figures)?;
    task.finish("replayed cases");
    Ok(())
}

/// A debug build says nothing about speed.
fn again_optimised() -> anyhow::Result<()> {
    let run = ["run", "--quiet", "--release", "--package", "xtask", "--"];
    run_cargo(&run, std::env::args_os().skip(1))
}
