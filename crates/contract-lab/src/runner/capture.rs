//! A case as it ran, and the recording that it makes.

use contract_tests::call::Call;
use contract_tests::case::Case;
use contract_tests::normalise::{help_interface, normalise};
use contract_tests::recording::{RecordedCall, Recording, State, Text};
use contract_tests::site::Site;
use serde::{Deserialize, Serialize};

use super::{CallOutput, Runner};

/// One case as it ran on one release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capture {
    /// Where it ran.
    pub site: Site,
    /// The database before the first call.
    pub before: Option<State>,
    /// What each call left.
    pub calls: Vec<CallOutput>,
    /// The database after the first call.
    pub after: Option<State>,
}

impl Capture {
    /// Runs `case` by `runner`.
    pub fn take(runner: &Runner<'_>, case: &Case) -> anyhow::Result<Self> {
        let definition = &case.definition;
        let prepared = runner.prepare(definition)?;
        let before = prepared.state()?;
        let mut calls = vec![runner.call(&prepared.site, definition, &definition.call)?];
        let after = prepared.state()?;
        for call in &definition.then {
            calls.push(runner.call(&prepared.site, definition, call)?);
        }
        Ok(Self {
            site: prepared.site.clone(),
            before,
            calls,
            after,
        })
    }

    /// The recording it makes of `case`.
    pub fn recording(&self, case: &Case) -> Recording {
        let names = self.site.names();
        let text = |text: &str| normalise(text, &names);
        let definition = &case.definition;
        let calls = std::iter::once(&definition.call).chain(&definition.then);
        let record = |(call, left): (&Call, &CallOutput)| {
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
