//! The adapter's program, built with the cargo that built this.

use std::path::PathBuf;

use contract_lab::command::run;
use contract_lab::ui::Ui;
use serde::Deserialize;

use crate::cargo::{cargo, root, succeeded};

/// Its name, by which the engine finds it.
pub const PROGRAM: &str = "fraisier-adapter-confiture-ipc";

/// Builds the program, if it is not up to date.
pub fn build(ui: Ui) -> anyhow::Result<PathBuf> {
    let task = ui.spin("building the adapter's program");
    let output = run(cargo()
        .args(["build", "--quiet", "--locked", "--package", PROGRAM])
        // As this program was built.
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root()))?;
    drop(task);
    succeeded(
        &output,
        "the adapter's program cannot be built",
        "correct what the compiler names; if it names nothing, check the network and the registry",
    )?;
    executable_of(&output.stdout)
        .ok_or_else(|| anyhow::anyhow!("cargo did not say where it put the adapter's program"))
}

/// The program that a `cargo build` with JSON messages made.
fn executable_of(messages: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .find(|path| path.file_name().is_some_and(|name| name == PROGRAM))
}
