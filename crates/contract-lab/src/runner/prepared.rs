//! What is prepared before the call of a case.

use contract_catalogue::recording::State;
use contract_catalogue::site::Site;
use postgres::Client;
use serde_json::{Map, Value};

use super::database;
use crate::postgres::Database;

/// Everything that one case needs. Dropping it removes everything.
pub struct Prepared<'server> {
    /// Where the case runs.
    pub site: Site,
    /// The engine's configuration of the deploy.
    pub settings: Map<String, Value>,
    // Declared before the databases: a database with a session cannot be dropped.
    pub(super) lock_holder: Option<Client>,
    pub(super) database: Option<Database<'server>>,
    pub(super) _copy: Option<Database<'server>>,
    pub(super) _root: tempfile::TempDir,
}

impl Prepared<'_> {
    /// The contents of the case's database, once the sessions of the commands are gone; `None` for a case
    /// without a database.
    pub fn state(&self) -> anyhow::Result<Option<State>> {
        if self.database.is_none() {
            return Ok(None);
        }
        let others = i64::from(self.lock_holder.is_some());
        let sessions = database::settle(&self.site.endpoint, others)?;
        database::state(&self.site.endpoint, sessions).map(Some)
    }
}

/// A step before a case that fails because of the release itself.
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
