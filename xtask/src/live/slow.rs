//! A project with a migration that sleeps, checks of its database, and the moments at which a call is
//! stopped.

use std::fmt;
use std::thread;
use std::time::Duration;

use contract_lab::confiture::Installed;
use contract_lab::postgres::look;
use postgres::Client;

use crate::harness::World;
use crate::project::ROWS;
use crate::stage::{Stage, wait};

/// How long to wait for a moment that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stage whose migrations `001` and `003` make a table each, and `002` too, while it sleeps. The duration is
/// in a table, so it can change between two calls without a change of the migration.
pub struct Slow<'a> {
    pub stage: Stage<'a>,
    client: Client,
}

impl<'a> Slow<'a> {
    /// One whose `002` sleeps where a call is stopped at this moment.
    pub fn new(world: &'a World, confiture: &'a Installed, moment: Moment) -> anyhow::Result<Self> {
        let stage = Stage::new(world, confiture)?;
        stage.project.table("001")?;
        stage.project.table("003")?;
        if let Moment::Between = moment {
            let members = include_str!("slow.py").replace("ROWS", &ROWS.to_string());
            stage.project.python("002_m002", &members)?;
        } else {
            let pause = "SELECT pg_sleep((SELECT seconds FROM control.pace));";
            stage.project.table_and("002", pause, pause)?;
        }
        let client = stage.sql(
            "CREATE SCHEMA control;
             CREATE TABLE control.pace (seconds double precision);
             INSERT INTO control.pace VALUES (0);",
        )?;
        Ok(Self { stage, client })
    }

    /// Sets how long `002` sleeps in both directions.
    pub fn pace(&mut self, seconds: f64) -> anyhow::Result<()> {
        let update = "UPDATE control.pace SET seconds = $1";
        self.client.execute(update, &[&seconds])?;
        Ok(())
    }

    /// Sessions of others in the database.
    pub fn sessions(&mut self) -> anyhow::Result<i64> {
        look::sessions(&mut self.client)
    }

    /// The sessions and locks that remain on the server; `None` if there are none.
    pub fn leftovers(&mut self) -> anyhow::Result<Option<String>> {
        let sessions = self.sessions()?;
        let locks = look::advisory_locks(&mut self.client)?;
        Ok((sessions > 0 || locks > 0).then(|| format!("{sessions} sessions, {locks} locks")))
    }

    fn sleepers(&mut self) -> anyhow::Result<i64> {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND (wait_event = 'PgSleep'
                  OR state = 'idle in transaction' AND query LIKE '%control.pace')";
        Ok(self.client.query_one(query, &[])?.get(0))
    }
}

/// When a call is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// So many milliseconds after its start.
    After(u64),
    /// When it has a session.
    Connected,
    /// When it holds the migration lock.
    Locked,
    /// So many milliseconds after the migration began to sleep in a statement.
    Asleep(u64),
    /// When the migration sleeps between two statements.
    Between,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(delay) => write!(f, "after {delay} ms"),
            Self::Connected => f.write_str("session open"),
            Self::Locked => f.write_str("lock taken"),
            Self::Asleep(delay) => write!(f, "asleep for {delay} ms"),
            Self::Between => f.write_str("between statements"),
        }
    }
}

impl Moment {
    /// Waits for the moment.
    pub fn wait(self, slow: &mut Slow<'_>) -> anyhow::Result<()> {
        let come = wait(PATIENCE, || {
            Ok(match self {
                Self::After(_) => true,
                Self::Connected => slow.sessions()? > 0,
                Self::Locked => look::advisory_locks(&mut slow.client)? > 0,
                Self::Asleep(_) | Self::Between => slow.sleepers()? > 0,
            })
        })?;
        anyhow::ensure!(come, "the moment “{self}” never came");
        if let Self::After(delay) | Self::Asleep(delay) = self {
            thread::sleep(Duration::from_millis(delay));
        }
        Ok(())
    }
}
