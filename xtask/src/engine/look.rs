//! What is in the database, on the server and on the machine after a deploy.

use std::time::Duration;

use anyhow::ensure;
use contract_lab::postgres::look;

use super::stand::Stand;
use crate::stage::{comes, wait};

/// How soon nothing may remain of a deploy, even of a killed one.
pub const SETTLED: Duration = Duration::from_secs(3);

/// Waits until `look` finds nothing wrong; after `limit`, returns what is wrong.
pub fn within(
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<String>>,
) -> anyhow::Result<()> {
    let mut fault = None;
    let well = wait(limit, || {
        fault = look()?;
        Ok(fault.is_none())
    })?;
    ensure!(
        well.is_some(),
        "after {limit:?}: {}",
        fault.unwrap_or_default()
    );
    Ok(())
}

impl Stand<'_> {
    /// The versions in the ledger, in order; none without a ledger.
    pub fn ledger(&self) -> anyhow::Result<Vec<String>> {
        look::ledger(&mut self.database.connect()?)
    }

    /// Checks that the ledger has these versions, and that the database has these tables.
    pub fn is_at(&self, versions: &[&str], tables: &[&str]) -> anyhow::Result<()> {
        let ledger = self.ledger()?;
        ensure!(
            ledger == versions,
            "the ledger is {ledger:?}, not {versions:?}"
        );
        let found = self.tables()?;
        ensure!(found == tables, "the tables are {found:?}, not {tables:?}");
        Ok(())
    }

    /// The tables of the project, in order.
    pub fn tables(&self) -> anyhow::Result<Vec<String>> {
        let rows = self.database.connect()?.query(
            "SELECT tablename::text FROM pg_tables
             WHERE schemaname = 'public' AND tablename NOT LIKE '%confiture%' ORDER BY 1",
            &[],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Changes the database without the engine.
    pub fn sql(&self, text: &str) -> anyhow::Result<()> {
        Ok(self.database.connect()?.batch_execute(text)?)
    }

    /// Checks that only what was committed remains: no session, lock, process, temporary file or
    /// throwaway database.
    pub fn nothing_is_left(&self) -> anyhow::Result<()> {
        let mut client = self.database.connect()?;
        within(SETTLED, || {
            let sessions = look::sessions(&mut client)?;
            let locks = look::advisory_locks(&mut client)?;
            let processes = self.processes();
            let (files, databases) = (self.temporary()?, self.databases()?);
            let left = format!(
                "{sessions} sessions, {locks} advisory locks, processes {processes:?}, temporary \
                 files {files:?}, databases {databases:?}"
            );
            let clean = sessions == 0 && locks == 0 && processes.is_empty();
            Ok((!clean || !files.is_empty() || !databases.is_empty()).then_some(left))
        })
    }

    /// Waits until a migration sleeps in the database.
    pub fn wait_for_sleep(&self) -> anyhow::Result<()> {
        let asleep = "SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = 'PgSleep'";
        comes(&mut self.database.connect()?, asleep).map(drop)
    }

    /// The throwaway databases that the engine made of the stand's own.
    pub fn databases(&self) -> anyhow::Result<Vec<String>> {
        let stem = format!("{}_fraisier_rh_", self.database.name());
        let rows = self.database.connect()?.query(
            "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)",
            &[&stem],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
