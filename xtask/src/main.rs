//! `cargo xtask`: the demo, the recordings and the live checks.

#![allow(unreachable_pub, reason = "a program exports nothing")]

mod bench;
mod cargo;
mod demo;
mod engine;
mod exit;
mod fuzz;
mod gate;
mod guard_proof;
mod harness;
mod help;
mod live;
mod picture;
mod project;
mod refresh;
mod release;
mod stage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use contract_lab::interrupt::{self, Further};
use contract_lab::postgres::cleaner;

/// Try the adapter for confiture on real releases and a real PostgreSQL
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
#[command(after_long_help = help::of("xtask"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Deploy a sample project through the adapter, with a real confiture and PostgreSQL
    #[command(after_long_help = help::of("demo"))]
    Demo(demo::DemoArgs),

    #[command(after_long_help = help::of("refresh"))]
    Refresh(refresh::RefreshArgs),

    /// Check what only real binaries and a real server can show
    #[command(after_long_help = help::of("live"))]
    Live(live::LiveArgs),

    /// Deploy with the published fraisier, through the program and compiled in
    #[command(after_long_help = help::of("engine"))]
    Engine(engine::EngineArgs),

    #[command(after_long_help = confiture_gate::cli::help("cargo xtask gate"))]
    Gate(Box<gate::GateCommand>),

    /// Draw the output of a command, for the documents
    #[command(after_long_help = help::of("picture"))]
    Picture(picture::PictureArgs),

    /// Go through the checklist of a release; publishes nothing
    #[command(after_long_help = help::of("release"))]
    Release(release::ReleaseArgs),

    /// Search for inputs that break a property
    #[command(after_long_help = help::of("fuzz"))]
    Fuzz(fuzz::FuzzArgs),

    /// Check what the window guard recognises with PostgreSQL's own parser
    #[command(after_long_help = help::of("guard-proof"))]
    GuardProof(guard_proof::GuardProofArgs),

    /// Measure what the adapter costs, compared with the bare command
    #[command(after_long_help = help::of("bench"))]
    Bench(bench::BenchArgs),

    /// Measure one thing; `bench` starts it
    #[command(name = bench::PROBE, hide = true)]
    Probe(bench::ProbeArgs),

    /// Be an engine in a process of its own; `live` starts it
    #[command(name = live::HOST, hide = true)]
    LiveHost(live::HostArgs),

    /// Look after a server until standard input closes; the other commands start it
    #[command(name = cleaner::SUBCOMMAND, hide = true)]
    CleanUp,
}

fn main() -> ExitCode {
    if let Some(status) = confiture_gate::wrapper::run_as_wrapper() {
        return status;
    }
    match run(Cli::parse().command) {
        Ok(status) => status,
        Err(error) => exit::report(&error),
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    interrupt::install(if matches!(command, Command::CleanUp) {
        Further::Nothing
    } else {
        Further::Ends
    })?;
    match command {
        Command::Gate(command) => return Ok(gate::run(*command)),
        Command::Demo(args) => demo::run(args),
        Command::Live(args) => live::run(args),
        Command::GuardProof(args) => guard_proof::run(args),
        Command::Engine(args) => engine::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Fuzz(args) => fuzz::run(args),
        Command::Picture(args) => picture::run(&args),
        Command::Release(args) => release::run(args),
        Command::Probe(args) => bench::serve_probe(args),
        Command::Refresh(args) => refresh::run(args),
        Command::LiveHost(args) => live::serve_host(args),
        Command::CleanUp => cleaner::serve(),
    }?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// Every visible command, and the program itself.
    fn commands() -> Vec<clap::Command> {
        let cli = Cli::command();
        cli.clone().debug_assert();
        let shown = cli.get_subcommands().filter(|found| !found.is_hide_set());
        let mut commands: Vec<_> = shown.cloned().collect();
        commands.push(cli);
        commands
    }

    #[test]
    fn every_command_explains_itself() {
        for mut command in commands() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{help}");
            assert!(help.contains("Exit status:"), "{help}");
        }
    }

    #[test]
    fn every_help_fits_60_columns() {
        for command in commands() {
            let mut command = command.term_width(60);
            let help = command.render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 60, "too wide: {line:?}");
            }
            // Only prose stays readable when clap wraps it.
            let more = command.get_after_long_help().unwrap().to_string();
            for line in more.lines().filter(|line| line.chars().count() > 60) {
                let prose = line.trim_start();
                assert!(!prose.contains("  "), "columns too wide: {line:?}");
                assert!(!prose.starts_with("cargo "), "a command too wide: {line:?}");
            }
            let lines: Vec<&str> = more.lines().collect();
            for pair in lines.windows(2) {
                let is_prose = |line: &str| line.starts_with(|first: char| !first.is_whitespace());
                let broken = is_prose(pair[0]) && is_prose(pair[1]);
                assert!(!broken, "a line break in prose: {pair:?}");
            }
        }
    }
}
