//! Stores how each release was recorded, and what the adapter uses from the newest one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use contract_catalogue::fixtures::PROVENANCE;
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;
use contract_lab::confiture::Installed;
use serde::{Deserialize, Serialize};

use super::store::Texts;

/// The packages whose version can change what confiture does or prints.
const PACKAGES_THAT_MATTER: &[&str] = &[
    "click", "pglast", "psycopg", "pydantic", "pyyaml", "rich", "sqlglot", "typer",
];

/// The case that records the exit codes a release documents.
const EXIT_CODES: &str = "surface/exit-codes";
/// The adapter's file with the exit codes of the newest release, relative to the recordings.
const ADAPTERS_EXIT_CODES: &str =
    "../crates/fraisier-adapter-confiture/src/failure/exit-codes.json";

/// How one release was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Provenance {
    system: String,
    python: String,
    postgresql: String,
    packages: BTreeMap<String, String>,
}

/// Writes how this release was recorded now, with which PostgreSQL.
pub fn write(
    release: Release,
    (installed, postgresql): (&Installed, &str),
    root: &Path,
) -> anyhow::Result<()> {
    let path = root.join(PROVENANCE);
    let mut provenance: BTreeMap<Release, Provenance> = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{} cannot be read; take it from git", path.display()))?,
        Err(_) => BTreeMap::new(),
    };
    let matters = |(name, _): &(&String, &String)| PACKAGES_THAT_MATTER.contains(&name.as_str());
    let packages = installed.packages.iter().filter(matters);
    let how = Provenance {
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        python: installed.python.clone().unwrap_or_default(),
        postgresql: postgresql.to_owned(),
        packages: packages
            .map(|(name, version)| (name.clone(), version.clone()))
            .collect(),
    };
    provenance.insert(release, how);
    let mut text = serde_json::to_string_pretty(&provenance)?;
    text.push('\n');
    fs::write(path, text)?;
    Ok(())
}

/// Writes the exit codes of the newest release to the adapter's source, if `root` is in the same
/// checkout.
pub fn write_exit_codes(newest: &Texts, root: &Path) -> anyhow::Result<()> {
    let path = root.join(ADAPTERS_EXIT_CODES);
    if let Some(text) = newest.get(EXIT_CODES).filter(|_| path.is_file()) {
        fs::write(path, Recording::parse(text)?.calls[0].stdout.to_string())?;
    }
    Ok(())
}
