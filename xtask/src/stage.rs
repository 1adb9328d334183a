//! A project, its database, and the confiture that it is deployed with.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::postgres::{Database, look};
use fraisier_adapter_api::{AdapterCtx, MigrationOutcome, Revision};
use fraisier_adapter_confiture::{Builder, ConfitureMigration, Failure};
use postgres::{Client, Row};

use crate::harness::World;
use crate::project::{Project, ROWS};

/// How long to wait for what must come.
const COMES_WITHIN: Duration = Duration::from_secs(180);

/// The stage of a scene: a project, a database and a confiture.
pub struct Stage<'a> {
    pub world: &'a World,
    pub confiture: &'a Installed,
    pub database: Database<'a>,
    pub project: Project,
}

impl<'a> Stage<'a> {
    /// An empty project and an empty database.
    pub fn new(world: &'a World, confiture: &'a Installed) -> anyhow::Result<Self> {
        Self::of(world, confiture, Project::empty()?)
    }

    /// This project and an empty database.
    pub fn of(
        world: &'a World,
        confiture: &'a Installed,
        project: Project,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            world,
            confiture,
            database: world.server.create_unique_database("scene")?,
            project,
        })
    }

    pub fn ctx(&self) -> AdapterCtx {
        self.ctx_with(&self.database.dsn())
    }

    /// As [`Self::ctx`], with another connection string.
    pub fn ctx_with(&self, dsn: &str) -> AdapterCtx {
        let mut ctx = AdapterCtx::new("shop", "live").with_resolved_secret("DATABASE_URL", dsn);
        ctx.workdir = self.project.root().into();
        ctx
    }

    /// A builder for an adapter of this confiture.
    pub fn builder(&self) -> Builder {
        ConfitureMigration::builder().program(&self.confiture.program)
    }

    pub fn adapter(&self) -> ConfitureMigration {
        self.builder().build()
    }

    /// An `up` to the head.
    pub fn up(&self) -> Result<MigrationOutcome, Failure> {
        block_on(self.adapter().up(&self.ctx(), None))
    }

    /// A `down_to` of this revision.
    pub fn down_to(&self, revision: &str) -> Result<MigrationOutcome, Failure> {
        block_on(self.adapter().down_to(&self.ctx(), Revision::new(revision)))
    }

    /// Checks that the adapter names this revision.
    pub fn is_at_revision(&self, revision: &str) -> anyhow::Result<()> {
        let found = block_on(self.adapter().current_revision(&self.ctx()))?;
        ensure!(found == Some(Revision::new(revision)), "it is at {found:?}");
        Ok(())
    }

    /// Waits until this query returns a row, and returns it.
    pub fn comes(&self, query: &str) -> anyhow::Result<Row> {
        comes(&mut self.database.connect()?, query)
    }

    /// Runs these statements, and returns the connection.
    pub fn sql(&self, text: &str) -> anyhow::Result<Client> {
        let mut client = self.database.connect()?;
        client.batch_execute(text)?;
        Ok(client)
    }

    /// From now on, a change of the ledger's table adds a row for this migration, as if another deploy
    /// applied it in the meantime.
    pub fn ledger_grows(&self, version: &str) -> anyhow::Result<()> {
        self.sql(&format!(
            "CREATE FUNCTION grow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO tb_confiture (slug, version, name)
                 VALUES ('m{version}_x', '{version}', 'm{version}') ON CONFLICT DO NOTHING;
             END $$;
             CREATE EVENT TRIGGER grow ON ddl_command_end WHEN TAG IN ('ALTER TABLE')
                 EXECUTE FUNCTION grow();"
        ))?;
        Ok(())
    }

    /// A program in the project's directory.
    pub fn script(&self, text: &str) -> anyhow::Result<std::path::PathBuf> {
        let path = self.project.root().join("program");
        contract_lab::files::write_program(&path, text)?;
        Ok(path)
    }

    pub fn workdir(&self) -> &Path {
        self.project.root()
    }

    /// [`state`] of its database.
    pub fn state(&self) -> anyhow::Result<Vec<String>> {
        state(&self.database)
    }

    /// Checks that exactly these are applied.
    pub fn is_at(&self, versions: &[&str]) -> anyhow::Result<()> {
        let found = self.state()?;
        ensure!(found == versions, "{found:?} are applied, not {versions:?}");
        Ok(())
    }
}

/// The versions in the ledger. Checks that they agree with the tables of [`Project::table`]: each table
/// has all its rows, and there is no other table.
pub fn state(database: &Database<'_>) -> anyhow::Result<Vec<String>> {
    let mut client = database.connect()?;
    // One query: a commit in the meantime is visible in all of it or in none.
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let ledger = look::ledger(&mut client)?;
    let rows = client.query(
        "SELECT substr(tablename, 3)::text FROM pg_tables
             WHERE schemaname = 'public' AND tablename ~ '^t_[0-9]+$' ORDER BY 1",
        &[],
    )?;
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    ensure!(
        tables == ledger,
        "the ledger has {ledger:?}, and the tables are {tables:?}"
    );
    for version in &tables {
        let query = format!("SELECT count(*) FROM t_{version}");
        let rows: i64 = client.query_one(&query, &[])?.get(0);
        ensure!(rows == ROWS, "t_{version} has {rows} rows");
    }
    Ok(ledger)
}

/// Waits until this query returns a row, and returns it.
pub fn comes(client: &mut Client, query: &str) -> anyhow::Result<Row> {
    let mut row = None;
    wait(COMES_WITHIN, || {
        row = client.query(query, &[])?.pop();
        Ok(row.is_some())
    })?;
    row.with_context(|| format!("this never came: {query}"))
}

/// Waits for a call.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// Waits for a condition. Returns how long that took, or `None` if `limit` was not enough.
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
