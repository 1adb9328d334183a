//! What the adapter costs an engine: the size of its program, and the time to build it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::figures::{Figures, in_turn};
use crate::cargo::{cargo, root};

/// The dependencies of an engine without the adapter.
const BARE: &str = r#"
async-trait = "0.1"
serde_json = "1"
tokio = { version = "1", features = ["macros", "net", "rt", "signal", "sync", "time"] }
"#;

/// An engine without an adapter.
const WITHOUT: &str = include_str!("../../small-engine/without.rs");

/// The same with this one, and every call of it.
const WITH: &str = include_str!("../../small-engine/with.rs");

/// How often each is built.
const ROUNDS: usize = 2;

/// Compares a small engine with the adapter and one without.
pub fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let crates = root().join("crates");
    let ours = ["fraisier-adapter-api", "fraisier-adapter-confiture"]
        .map(|name| format!("{name} = {{ path = '{}' }}\n", crates.join(name).display()))
        .concat();
    let bare = Engine::write(&directory.path().join("bare"), BARE, WITHOUT)?;
    let full = Engine::write(
        &directory.path().join("full"),
        &format!("{BARE}{ours}"),
        WITH,
    )?;
    let [with, without] = in_turn(ROUNDS, [&mut || full.build(), &mut || bare.build()])?;
    let beside = "tokio, serde_json, async-trait";
    figures.times("a small engine, built", &with, (beside, &without));
    figures.sizes(
        "… its program, stripped",
        full.size()?,
        (beside, bare.size()?),
    );
    let (with, without) = (full.packages()?, bare.packages()?);
    let more: Vec<&str> = with.difference(&without).map(String::as_str).collect();
    figures.alone(
        "… packages",
        format!("{}, {} more: {}", with.len(), more.len(), more.join(" ")),
    );
    Ok(())
}

struct Engine {
    directory: PathBuf,
}

impl Engine {
    fn write(directory: &Path, dependencies: &str, main: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(directory.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"engine\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [profile.release]\nstrip = true\n\n[dependencies]{dependencies}"
        );
        fs::write(directory.join("Cargo.toml"), manifest)?;
        fs::write(directory.join("src/main.rs"), main)?;
        // The dependency versions that this workspace is tested with.
        let lock = root().join("Cargo.lock");
        fs::copy(lock, directory.join("Cargo.lock"))?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Builds everything, from nothing.
    fn build(&self) -> anyhow::Result<()> {
        let target = self.directory.join("target");
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        self.cargo(&["build", "--release", "--quiet"]).map(drop)
    }

    fn size(&self) -> anyhow::Result<u64> {
        Ok(fs::metadata(self.directory.join("target/release/engine"))?.len())
    }

    /// The names of the packages that are built for it.
    fn packages(&self) -> anyhow::Result<BTreeSet<String>> {
        let tree = self.cargo(&["tree", "--edges", "normal,build", "--prefix", "none"])?;
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        Ok(names
            .filter(|name| *name != "engine")
            .map(str::to_owned)
            .collect())
    }

    fn cargo(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut cargo = cargo();
        cargo.args(arguments).current_dir(&self.directory);
        for variable in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "RUSTFLAGS"] {
            cargo.env_remove(variable);
        }
        let output = cargo.output().context("cannot run cargo")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`cargo {}`: {said}", arguments[0]);
        Ok(String::from_utf8(output.stdout)?)
    }
}
