//! A case as it ran, and the recording that it makes.

use contract_tests::call::Call;
use contract_tests::case::Case;
use contract_tests::normalise::{help_interface, normalise};
use contract_tests::recording::{RecordedCall, Recording, State, Text};
use contract_tests::scene::Scene;
use serde::{Deserialize, Serialize};

use super::{Left, Stage};

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
    #[must_use]
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
