//! See the library.

use std::process::ExitCode;

use fraisier_adapter_confiture_ipc::{cli, log};

fn main() -> ExitCode {
    log::install();
    cli::main().into()
}
