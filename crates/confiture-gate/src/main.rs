//! `confiture-gate`: can fraisier live with this confiture?

use std::process::ExitCode;

use clap::Parser as _;
use confiture_gate::cli::{self, Cli};
use contract_lab::interrupt::{self, Further};
use contract_lab::postgres::cleaner;

fn main() -> ExitCode {
    if let Some(status) = confiture_gate::wrapper::run_as_wrapper() {
        return status;
    }
    let status = if std::env::args().nth(1).as_deref() == Some(cleaner::SUBCOMMAND) {
        clean_up()
    } else {
        judge()
    };
    status.unwrap_or_else(|error| cli::failed(&error))
}

fn judge() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    interrupt::install(Further::Ends)?;
    cli::run(&cli.args)
}

/// Cleans up a server when standard input closes; the gate starts this.
fn clean_up() -> anyhow::Result<ExitCode> {
    interrupt::install(Further::Nothing)?;
    cleaner::serve()?;
    Ok(ExitCode::SUCCESS)
}
