//! `cargo xtask bench`: what the adapter costs, side by side with what it is compared to.

mod calls;
mod deploys;
mod figures;
mod weight;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use self::figures::Figures;
use crate::cargo::cargo;
use crate::harness::World;
use crate::project::Project;
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::postgres::ServerArgs;
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs};

/// The options of the benchmarks.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Which confiture: a release such as 0.22, `newest`, or the path of a binary, an environment, a
    /// wheel, an sdist or a source directory
    #[arg(long, default_value = "newest", value_name = "RELEASE|PATH")]
    confiture: Candidate,

    #[command(flatten)]
    server: ServerArgs,

    /// How often each thing is run
    #[arg(long, default_value_t = 7, value_name = "N")]
    rounds: usize,

    #[command(flatten)]
    lab: LabArgs,
}

/// The hidden command that measures in a process of its own, for its environment.
pub const PROBE: &str = "bench-probe";

pub use self::calls::Uncompiled as ProbeArgs;

/// Measures, and prints the result as JSON.
pub fn serve_probe(args: ProbeArgs) -> anyhow::Result<()> {
    anstream::println!("{}", serde_json::to_string(&args.measure()?)?);
    Ok(())
}

/// Runs the benchmarks.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        return again_optimised();
    }
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let confiture = install(&lab, &args.confiture)?;
    let world = World::new(args.server, lab)?;
    let mut figures = Figures::default();
    let measured = measure(&world, &confiture, args.rounds, &mut figures);

    // If a part fails, the earlier measurements are still printed.
    anstream::println!(
        "confiture {}, PostgreSQL {}",
        confiture.version,
        world.server.version()?
    );
    anstream::print!("{figures}");
    measured
}

fn measure(
    world: &World,
    confiture: &Installed,
    rounds: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let ui = world.lab.ui;
    let stands = deploys::stands(world, confiture)?;
    let task = ui.task("deploys");
    deploys::measure(stands, rounds, figures)?;
    task.finish("deploys");

    let database = world.server.create_unique_database("bench")?;
    let subject = calls::Subject::new(&confiture.program, database.dsn())?;
    let task = ui.task("calls");
    subject.plain(rounds, figures)?;
    subject.at_once(50, figures)?;
    task.finish("calls");

    let task = ui.task("calls without compiled modules");
    calls::uncompiled(&subject, rounds, figures)?;
    task.finish("calls without compiled modules");

    let task = ui.task("a small engine");
    weight::measure(figures)?;
    task.finish("a small engine");
    Ok(())
}

/// Runs the command that the adapter runs for an operation, without the adapter.
fn bare(
    confiture: &Path,
    dsn: &str,
    project: &Project,
    subcommand: &str,
    report: &Path,
) -> anyhow::Result<()> {
    let directory = (subcommand != "current").then_some("--migrations-dir=db/migrations");
    let status = Command::new(confiture)
        .args(["migrate", subcommand, "--no-config", "--format", "json"])
        .arg("--output")
        .arg(report)
        .args(directory)
        .current_dir(project.root())
        .env("CONFITURE_DATABASE_URL", dsn)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    anyhow::ensure!(status.success(), "a bare {subcommand} ended with {status}");
    Ok(())
}

/// A debug build says nothing about speed.
fn again_optimised() -> anyhow::Result<()> {
    let status = cargo()
        .args(["run", "--quiet", "--release", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()
        .context("cannot run cargo")?;
    anyhow::ensure!(status.success(), "`cargo run` ended with {status}");
    Ok(())
}
