//! A database, a project with a migration that sleeps, and a way to look at both.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use postgres::Client;

use contract_lab::interrupt;
use contract_lab::postgres::{Database, Server, look};
use contract_lab::scratch::Scratch;

/// Where the second migration sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// In a statement.
    InStatement,
    /// Between two statements, as a `.py` migration that computes.
    BetweenStatements,
}

/// Name, up, down. The pace is a table outside the migrations, so that it can be changed between
/// two calls without changing a migration.
const MIGRATIONS: [(&str, &str, &str); 3] = [
    (
        "001_customers",
        "CREATE TABLE customers (id int PRIMARY KEY);
         INSERT INTO customers SELECT generate_series(1, 3);",
        "DROP TABLE customers;",
    ),
    (
        "002_orders",
        "CREATE TABLE orders (id int PRIMARY KEY);
         INSERT INTO orders SELECT generate_series(1, 1000);
         SELECT pg_sleep((SELECT seconds FROM control.pace));",
        "DROP TABLE orders;
         SELECT pg_sleep((SELECT seconds FROM control.pace));",
    ),
    (
        "003_items",
        "CREATE TABLE items (id int PRIMARY KEY);
         INSERT INTO items SELECT generate_series(1, 10);",
        "DROP TABLE items;",
    ),
];

/// The second migration, where it sleeps between its statements.
const SLEEPS_BETWEEN: (&str, &str) = (
    "002_orders",
    r#"
import time
from confiture.models.migration import Migration


class Orders(Migration):
    version = "002"
    name = "orders"

    def pause(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT seconds FROM control.pace")
            (seconds,) = cursor.fetchone()
        time.sleep(seconds)

    def up(self):
        self.execute("CREATE TABLE orders (id int PRIMARY KEY)")
        self.pause()
        self.execute("INSERT INTO orders SELECT generate_series(1, 1000)")

    def down(self):
        self.execute("DELETE FROM orders")
        self.pause()
        self.execute("DROP TABLE orders")
"#,
);

/// The rows of each table, by the number of migrations applied.
const ROWS: [(&str, i64); 3] = [("customers", 3), ("orders", 1000), ("items", 10)];

/// Tells the databases of one run apart.
static COUNT: AtomicU32 = AtomicU32::new(1);

/// A database to give calls up on, and its project.
pub struct SlowProject<'server> {
    client: Client,
    database: Database<'server>,
    project: Scratch,
}

impl<'server> SlowProject<'server> {
    /// `template` is a database to start from instead.
    pub fn new(
        server: &'server Server,
        template: Option<&Database<'server>>,
        sleep: Sleep,
    ) -> anyhow::Result<Self> {
        let project = Scratch::new()?;
        let migrations = project.path().join("db/migrations");
        fs::create_dir_all(&migrations)?;
        let (between, code) = SLEEPS_BETWEEN;
        if sleep == Sleep::BetweenStatements {
            fs::write(migrations.join(format!("{between}.py")), code)?;
        }
        for (name, up, down) in MIGRATIONS {
            if sleep == Sleep::BetweenStatements && name == between {
                continue;
            }
            fs::write(migrations.join(format!("{name}.up.sql")), up)?;
            fs::write(migrations.join(format!("{name}.down.sql")), down)?;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = server.create_database(&format!("cancel_{count}"), template)?;
        let mut client = database.connect()?;
        if template.is_none() {
            client.batch_execute(
                "CREATE SCHEMA control;
                 CREATE TABLE control.pace (seconds double precision);
                 INSERT INTO control.pace VALUES (0);",
            )?;
        }
        Ok(Self {
            client,
            database,
            project,
        })
    }

    /// The database, with nobody connected to it from here any more.
    pub fn into_database(self) -> Database<'server> {
        self.database
    }

    /// How long the second migration sleeps from now on, both ways.
    pub fn pace(&mut self, seconds: f64) -> anyhow::Result<()> {
        self.client
            .execute("UPDATE control.pace SET seconds = $1", &[&seconds])?;
        Ok(())
    }

    pub fn ctx(&self) -> AdapterCtx {
        let dsn = self.database.dsn();
        let mut ctx = AdapterCtx::new("shop", "live").with_resolved_secret("DATABASE_URL", dsn);
        ctx.workdir = self.project.path().into();
        ctx
    }

    /// Sessions of others in the database.
    pub fn sessions(&mut self) -> anyhow::Result<i64> {
        look::sessions(&mut self.client)
    }

    /// Advisory locks in the database.
    pub fn locks(&mut self) -> anyhow::Result<i64> {
        look::advisory_locks(&mut self.client)
    }

    /// Sessions that are in the middle of the migration that sleeps.
    pub fn sleepers(&mut self) -> anyhow::Result<i64> {
        self.count(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND (wait_event = 'PgSleep'
                  OR state = 'idle in transaction' AND query LIKE '%control.pace')",
        )
    }

    fn count(&mut self, query: &str) -> anyhow::Result<i64> {
        Ok(self.client.query_one(query, &[])?.get(0))
    }

    /// What is wrong with the tables, given how many migrations are applied.
    pub fn damage(&mut self, applied: usize) -> anyhow::Result<Option<String>> {
        for (at, (table, expected)) in ROWS.into_iter().enumerate() {
            let rows = self.rows(table)?;
            let wanted = (at < applied).then_some(expected);
            if rows != wanted {
                return Ok(Some(format!(
                    "with {applied} applied, {table} has {rows:?} rows, not {wanted:?}"
                )));
            }
        }
        Ok(None)
    }

    /// The versions of the ledger.
    pub fn ledger(&mut self) -> anyhow::Result<Vec<String>> {
        look::ledger(&mut self.client)
    }

    fn rows(&mut self, table: &str) -> anyhow::Result<Option<i64>> {
        if !look::is_there(&mut self.client, table)? {
            return Ok(None);
        }
        Ok(Some(self.count(&format!("SELECT count(*) FROM {table}"))?))
    }
}

/// How many migrations are applied at a revision.
pub fn applied_at(revision: Option<&str>) -> usize {
    let is_it = |(name, ..): &(&str, &str, &str)| {
        revision.is_some_and(|revision| name.starts_with(&format!("{revision}_")))
    };
    MIGRATIONS.iter().position(is_it).map_or(0, |at| at + 1)
}

/// Waits until it is so; gives how long that took, or nothing when `limit` was not enough.
pub fn wait(
    limit: Duration,
    mut so: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<Option<Duration>> {
    let began = Instant::now();
    while !so()? {
        interrupt::check()?;
        if began.elapsed() > limit {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Some(began.elapsed()))
}

/// Remembers the processes that were started.
#[derive(Debug, Default, Clone)]
pub struct Pids(Arc<Mutex<Vec<u32>>>);

impl Pids {
    pub fn all(&self) -> Vec<u32> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Observer for Pids {
    fn event(&self, _: &Call, event: &Event) {
        if let Event::Started { pid } = event {
            let mut pids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pids.push(*pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::applied_at;

    #[test]
    fn a_revision_says_how_many_are_applied() {
        assert_eq!(applied_at(None), 0);
        assert_eq!(applied_at(Some("001")), 1);
        assert_eq!(applied_at(Some("003")), 3);
    }
}
