//! What is there before the call of a case.

use contract_tests::recording::State;
use contract_tests::site::Site;
use postgres::Client;
use serde_json::{Map, Value};

use super::database;
use crate::postgres::Database;

/// Everything that one case needs. It goes when this is dropped.
pub struct Prepared<'server> {
    /// Where the case runs.
    pub site: Site,
    /// What the engine's configuration says of the deploy.
    pub settings: Map<String, Value>,
    // Before the databases: one that is connected to cannot be dropped.
    pub(super) lock_holder: Option<Client>,
    pub(super) database: Option<Database<'server>>,
    pub(super) _copy: Option<Database<'server>>,
    pub(super) _root: tempfile::TempDir,
}

impl Prepared<'_> {
    /// What is in the case's database, once the sessions of what was run are gone; `None` where a
    /// case has none.
    pub fn state(&self) -> anyhow::Result<Option<State>> {
        if self.database.is_none() {
            return Ok(None);
        }
        let others = i64::from(self.lock_holder.is_some());
        let sessions = database::settle(&self.site.endpoint, others)?;
        database::state(&self.site.endpoint, sessions).map(Some)
    }
}

/// A step before a case that the release itself spoils.
#[derive(Debug, thiserror::Error)]
#[error("{step} fails: {why}")]
pub struct Spoilt {
    /// The step.
    pub step: &'static str,
    /// What happened.
    pub why: String,
}

impl Spoilt {
    pub(super) fn new(step: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { step, why }
    }
}
