//! Stand-ins for releases that are announced and cannot be installed yet: the newest recorded release,
//! with what is known of them. Recordings replace them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract_lab::confiture::copy::{copy, packages};

use crate::result::Judgement;

/// What the script of a stand-in does before it starts confiture.
const LINES: &str = include_str!("announced.py");

/// A release, as far as it is known.
pub struct Announced {
    /// Its number.
    pub release: &'static str,
    /// What is new in it, with a case that shows it.
    pub facts: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const ANNOUNCED: [Announced; 3] = [
    Announced {
        release: "1.34.0",
        facts: &[
            (
                "`--scope` is refused, and not passed",
                "preflight/nothing-pending",
            ),
            ("`--version` prints further lines", "surface/version"),
        ],
    },
    Announced {
        release: "1.35.0",
        facts: &[
            (
                "`--scope pending`: only what is pending",
                "preflight/nothing-pending",
            ),
            (
                "without a ledger everything is pending",
                "preflight/drop-table",
            ),
            ("with `--against`", "preflight/against-live"),
            (
                "the report has `scope` and `ledger`",
                "preflight/add-column",
            ),
        ],
    },
    Announced {
        release: "1.36.0",
        facts: &[
            ("MIGR_100 exits with 1", "down-to/unknown"),
            ("MIGR_106 exits with 1", "up/duplicate-version"),
            ("exit 3 is only CONFIG_006", "current/unreachable"),
            ("exit 6 is only the lock", "up/lock-held"),
            ("new codes", "surface/exit-codes"),
            (
                "a replay that fails is an error",
                "preflight/against-live-fails",
            ),
            ("type changes", "preflight/change-type"),
        ],
    },
];

impl Announced {
    /// Makes the stand-in of the environment of a release.
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
