//! A case as it ran, and the recording that it makes.

use std::fs;
use std::os::unix::fs::symlink;

use contract_tests::call::{Call, LINKS};
use contract_tests::case::{Case, Definition};
use contract_tests::normalise::{help_interface, normalise};
use contract_tests::project::names_in;
use contract_tests::recording::{RecordedCall, Recording, State, Text};
use contract_tests::site::Site;
use fraisier_adapter_confiture::tools::ledger;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallOutput, Runner};

/// One case as it ran on one release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capture {
    /// Where it ran.
    pub site: Site,
    /// The database before the first call.
    pub before: Option<State>,
    /// What was reported of the ledger before it.
    #[serde(default)]
    pub ledger: Option<Value>,
    /// What the directory of links contained.
    #[serde(default)]
    pub links: Option<Vec<String>>,
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
        let ledger = definition
            .reads_ledger
            .then(|| runner.ledger(&prepared.site, definition))
            .transpose()?;
        let links = match (&definition.call, &ledger) {
            (Call::DownTo(target), Some(ledger)) => {
                link(&prepared.site, definition, target, ledger)?
            }
            _ => None,
        };
        let mut calls = vec![runner.call(&prepared.site, definition, &definition.call)?];
        let after = prepared.state()?;
        for call in &definition.then {
            calls.push(runner.call(&prepared.site, definition, call)?);
        }
        Ok(Self {
            site: prepared.site.clone(),
            before,
            ledger,
            links,
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
            let links = self.links.clone().filter(|_| call.is_planned());
            RecordedCall {
                argv: call.argv(links.as_ref().map_or(definition.migrations_dir, |_| LINKS)),
                links,
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
            ledger: self.ledger.as_ref().map(|ledger| {
                let normalised = text(&ledger.to_string());
                serde_json::from_str(&normalised).expect("it keeps its types")
            }),
            calls: calls.zip(&self.calls).map(record).collect(),
            after: self.after.clone(),
        }
    }
}

/// Puts the links for a rollback in place that the adapter plans with this ledger; `None` where it
/// plans none, so that the call is made with the whole directory.
fn link(
    site: &Site,
    definition: &Definition,
    target: &str,
    ledger: &Value,
) -> anyhow::Result<Option<Vec<String>>> {
    let report = ledger.to_string();
    let Ok(rollback) = ledger::rollback(report.as_bytes(), target) else {
        return Ok(None);
    };
    let migrations = site.project.join(definition.migrations_dir);
    fs::create_dir(&site.links)?;
    for path in ledger::files(&migrations, &rollback)? {
        let name = path.file_name().unwrap_or_default();
        symlink(&path, site.links.join(name))?;
    }
    Ok(Some(names_in(&site.links)?))
}
