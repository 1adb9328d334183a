//! What was captured, as it was captured: kept, so that nothing is run twice.
//!
//! A capture holds raw output. The normaliser is applied when it is read, so a change to the
//! normaliser costs no new run, and a change to a case costs that case.

use std::fs;
use std::path::PathBuf;

use contract_tests::call::Call;
use contract_tests::case::Case;
use contract_tests::normalise::{help_interface, normalise};
use contract_tests::recording::{RecordedCall, Recording, State, Text};
use contract_tests::release::Release;
use contract_tests::scene::Scene;
use serde::{Deserialize, Serialize};

use crate::lab::once::write_atomically;
use crate::stage::{Left, Stage};

/// One case as it ran on one release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capture {
    /// Where it ran.
    pub scene: Scene,
    /// The database before the first call.
    pub before: Option<State>,
    /// What each call left.
    pub calls: Vec<Left>,
    /// The database after the first call.
    pub after: Option<State>,
}

impl Capture {
    /// Runs `case` on `stage`.
    ///
    /// # Errors
    /// When the stage cannot be set. What confiture does is no error but what is captured.
    pub fn take(stage: &Stage<'_>, case: &Case) -> anyhow::Result<Self> {
        let definition = &case.definition;
        let set = stage.set(definition)?;
        let before = set.state()?;
        let mut calls = vec![stage.call(&set.scene, definition, &definition.call)?];
        let after = set.state()?;
        for call in &definition.then {
            calls.push(stage.call(&set.scene, definition, call)?);
        }
        Ok(Self {
            scene: set.scene.clone(),
            before,
            calls,
            after,
        })
    }

    /// The recording it makes of `case`.
    pub fn recording(&self, case: &Case) -> Recording {
        let names = self.scene.names();
        let text = |text: &str| normalise(text, &names);
        let definition = &case.definition;
        let calls = std::iter::once(&definition.call).chain(&definition.then);
        let record = |(call, left): (&Call, &Left)| {
            let report = left.report.as_deref().map(text);
            let (report, report_not_json) = RecordedCall::report_fields(report.as_deref());
            let stdout = match call {
                Call::Help(_) => help_interface(&left.stdout),
                _ => text(&left.stdout),
            };
            RecordedCall {
                argv: call.argv(definition.migrations_dir),
                env: call.recorded_environment(definition.connection),
                exit: left.exit,
                report,
                report_not_json,
                stdout: Text::from(stdout.as_str()),
                stderr: Text::from(text(&left.stderr).as_str()),
            }
        };
        Recording {
            definition: definition.digest(),
            before: self.before.clone(),
            calls: calls.zip(&self.calls).map(record).collect(),
            after: self.after.clone(),
        }
    }
}

/// The directory of captures.
#[derive(Debug)]
pub struct Captures {
    root: PathBuf,
    afresh: bool,
}

impl Captures {
    /// Captures kept below `root`; `afresh` reads none that are there.
    pub fn at(root: PathBuf, afresh: bool) -> Self {
        Self { root, afresh }
    }

    /// The capture of `case` on `release`, when there is one of this definition.
    pub fn find(&self, release: Release, case: &Case) -> Option<Capture> {
        if self.afresh {
            return None;
        }
        serde_json::from_slice(&fs::read(self.path(release, case)).ok()?).ok()
    }

    /// Keeps `capture`.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn keep(&self, release: Release, case: &Case, capture: &Capture) -> anyhow::Result<()> {
        let path = self.path(release, case);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        write_atomically(&path, &serde_json::to_vec(capture)?)
    }

    fn path(&self, release: Release, case: &Case) -> PathBuf {
        let case_name = case.name.replace('/', "__");
        let digest = case.definition.digest();
        self.root
            .join(release.to_string())
            .join(format!("{case_name}.{digest}.json"))
    }
}
