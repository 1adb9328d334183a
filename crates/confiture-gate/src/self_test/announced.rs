//! Stand-ins for releases that are announced and cannot be installed yet: the newest recorded release
//! with the announced changes. Recordings of the real releases will replace them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract_lab::confiture::copy::{copy, packages};

use crate::result::Judgement;

/// The part of a stand-in's script that runs before confiture.
const LINES: &str = include_str!("announced.py");

/// An announced release.
pub struct Announced {
    /// The number of the release.
    pub release: String,
    /// What is new in it, with a case that shows it.
    pub facts: BTreeMap<String, String>,
}

/// All announced releases.
pub fn stand_ins() -> Vec<Announced> {
    let all: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(include_str!("announced.toml")).expect("announced.toml has its facts");
    let one = |(release, facts)| Announced { release, facts };
    all.into_iter().map(one).collect()
}

impl Announced {
    /// Makes the stand-in from the environment of a release.
    pub fn make(&self, environment: &Path, to: &Path) -> anyhow::Result<PathBuf> {
        let numbers = self.release.replace('.', ", ");
        let lines = LINES.replace("RELEASE", &format!("({numbers})"));
        copy(&environment.join("bin/confiture"), to, &lines)?;
        for entry in fs::read_dir(packages(to)?)? {
            let metadata = entry?.path().join("METADATA");
            if metadata.to_string_lossy().contains("/fraiseql_confiture-") {
                let text = fs::read_to_string(&metadata)?;
                let from = text.lines().find(|line| line.starts_with("Version: "));
                let from = from.context("the metadata has a version")?;
                let text = text.replacen(from, &format!("Version: {}", self.release), 1);
                fs::write(metadata, text)?;
            }
        }
        Ok(to.to_owned())
    }

    /// A line for each fact: the release, the fact, the case that shows it, its verdict.
    pub fn table<'a>(&'a self, judged: &'a Judgement) -> impl Iterator<Item = String> + 'a {
        self.facts.iter().map(|(fact, name)| {
            let case = judged.cases.iter().find(|case| case.name == *name);
            let verdict = case
                .and_then(|case| case.class)
                .map_or("not judged", |it| it.as_str());
            format!("{}  {fact:<40}  {name:<30}  {verdict}", self.release)
        })
    }
}
