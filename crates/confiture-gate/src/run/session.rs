//! The settings of the session in which a migration runs: a time limit that confiture sets ends longer
//! migrations.

use std::collections::BTreeMap;

use contract_catalogue::case::Case;
use contract_lab::runner::{Prepared, database};
use postgres::Client;

use super::case::Ran;
use super::observe::observe;
use super::settings::Setup;
use crate::change::Change;
use crate::result::{CaseResult, Finding};
use crate::text::{bounded, without_secret};

/// Its name.
pub(super) const NAME: &str = "up/session-settings";

/// The setting that the adapter adds: it ends a migration whose client is gone.
const SET_BY_THE_ADAPTER: &str = "client_connection_check_interval";

/// Runs and judges the case: the settings must be those of any other session.
pub(super) fn run(setup: &Setup<'_>, case: &Case, prepared: &Prepared<'_>) -> anyhow::Result<Ran> {
    let observed = observe(setup, case, prepared)?;
    let mut client = database::connect(&prepared.site.endpoint)?;
    let Ok(migration) = settings(&mut client, "session_settings") else {
        let seen = observed.seen.last();
        let words = seen.map(|up| bounded(&format!("exit {}: {}", up.exit, up.reason())));
        let finding = Finding::breaks(Change::Preparation {
            step: "the `up` that writes down its settings".to_owned(),
        });
        let words = without_secret(&words.unwrap_or_default(), &prepared.site);
        return Ok(Ran::judged(case, vec![finding.with("it succeeds", words)]));
    };
    let other = settings(&mut client, "pg_settings")?;
    let findings: Vec<Finding> = other
        .iter()
        .filter(|(name, _)| *name != SET_BY_THE_ADAPTER)
        .filter_map(|(name, before)| {
            let now = migration.get(name)?;
            let finding = Finding::breaks(Change::SessionSetting { name: name.clone() })
                .with(before, now)
                .meaning("fails migrations that need what every other session has");
            (now != before).then_some(finding)
        })
        .collect();
    let text = |settings: &BTreeMap<String, String>| -> String {
        let line = |(name, value): (&String, &String)| format!("{name} = {value}\n");
        settings.iter().map(line).collect()
    };
    let mut ran = Ran::judged(case, findings);
    ran.result = CaseResult {
        recorded: Some(text(&other)),
        seen: Some(text(&migration)),
        ..ran.result
    };
    Ok(ran)
}

/// The settings that are in a table or view.
fn settings(client: &mut Client, table: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let rows = client.query(&format!("SELECT name, setting FROM {table}"), &[])?;
    let setting = |row: &postgres::Row| {
        let value: Option<String> = row.get(1);
        (row.get(0), value.unwrap_or_default())
    };
    Ok(rows.iter().map(setting).collect())
}
