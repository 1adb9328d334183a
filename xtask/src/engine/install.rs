//! The published engine, as it is and with the drop-in.

use std::path::PathBuf;

use contract_lab::Lab;
use contract_lab::build_once::{Building, build_once};
use contract_lab::confiture::digest::{hash_file, hash_tree};
use serde::{Deserialize, Serialize};

use super::way::Way;
use crate::cargo::{cargo, root, succeeded};

/// The release of the engine that all stories use.
pub const VERSION: &str = "1.0.0-beta.14";

/// As this program was built.
const OPTIMISED: &str = if cfg!(debug_assertions) {
    ""
} else {
    "-optimised"
};

/// The crates that the drop-in is built from.
const SOURCES: [&str; 3] = [
    "fraisier-adapter-api",
    "fraisier-adapter-confiture",
    "fraisier-core-bridge",
];

/// The digest of the sources that an engine in the cache was built from.
#[derive(Serialize, Deserialize)]
struct Built {
    program: PathBuf,
    sources: String,
}

/// The engine of this variant, built if it is not in the cache.
pub fn engine(lab: &Lab, way: Way) -> anyhow::Result<PathBuf> {
    let (name, with, sources) = match way {
        Way::Shipped | Way::Program => ("fraisier", "", String::new()),
        Way::InProcess => ("fraisier-drop-in", " with the drop-in", digest()?),
    };
    let built = build_once(
        &lab.cache().join(format!("{name}-{VERSION}{OPTIMISED}")),
        lab.ui,
        |found: &Built| found.sources == sources && found.program.exists(),
        |building| {
            let program = install(lab, with, building)?;
            let sources = sources.clone();
            Ok(Built { program, sources })
        },
    )?;
    Ok(built.program)
}

fn install(lab: &Lab, with: &str, building: &Building<'_>) -> anyhow::Result<PathBuf> {
    let task = lab.ui.task(&format!(
        "installing fraisier {VERSION}{with} (minutes, the first time)"
    ));
    let mut command = cargo();
    command
        .args(["install", "fraisier", "--locked", "--quiet"])
        .args(OPTIMISED.is_empty().then_some("--debug"))
        // It declares Rust 1.99, and builds with 1.95.
        .arg("--ignore-rust-version")
        .arg(format!("--version={VERSION}"))
        .arg("--root")
        .arg(building.directory)
        .arg("--target-dir")
        .arg(lab.cache().join("fraisier-target"))
        // It is built to be run a few hundred times.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    if !with.is_empty() {
        let path = root().join("crates/fraisier-core-bridge/.drop-in");
        command.arg("--config").arg(format!(
            "patch.crates-io.fraisier-adapter-confiture.path={:?}",
            path.display().to_string()
        ));
    }
    let output = building.run(&mut command)?;
    succeeded(
        &output,
        &format!("fraisier {VERSION}{with} cannot be installed"),
        "check the network and the registry; fraisier needs Rust 1.95 or newer (`rustup update`)",
    )?;
    task.finish(&format!("installed fraisier {VERSION}{with}"));
    Ok(building.directory.join("bin/fraisier"))
}

/// A digest of the drop-in's sources, whatever their directory: an engine in the cache is rebuilt when it
/// changes.
fn digest() -> anyhow::Result<String> {
    let mut digests = hash_file(&root().join("Cargo.toml"))?;
    for source in SOURCES {
        digests += &hash_tree(&root().join("crates").join(source), &["target", "tests"])?;
    }
    Ok(digests)
}
