//! A project, its database, and the confiture that it is deployed with.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use confiture_gate::run::terms::base_version;
use contract_catalogue::connection::Endpoint;
use contract_catalogue::release::Release;
use contract_lab::confiture::Installed;
use contract_lab::files::write_program;
use contract_lab::interrupt;
use contract_lab::postgres::{Database, look};
use contract_lab::runner::database::endpoint;
use fraisier_adapter_api::{AdapterCtx, AdapterErrorKind, MigrationOutcome, Revision};
use fraisier_adapter_confiture::{Builder, ConfitureMigration, Failure};
use postgres::{Client, Row};

use crate::harness::World;
use crate::project::{Project, ROWS};

/// How long to wait for what must come.
const COMES_WITHIN: Duration = Duration::from_secs(180);

/// The name of a program in the place of confiture.
const SCRIPT: &str = "confiture";

/// A query for a session of the database that sleeps.
pub const ASLEEP: &str = "SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'";

/// A query for a session of the database that waits for a lock.
pub const WAITS_FOR_LOCK: &str = "SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

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

    /// Whether the confiture is at least this release. A pre-release counts as the release that it precedes.
    pub fn since(&self, release: Release) -> bool {
        base_version(&self.confiture.version) >= Some(release)
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

    /// A program in the project's directory, in the place of confiture.
    pub fn script(&self, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.workdir().join(SCRIPT);
        write_program(&path, text)?;
        Ok(path)
    }

    /// A shell script that starts confiture, so that no interpreter is known.
    pub fn wrapper(&self) -> anyhow::Result<PathBuf> {
        let confiture = self.confiture.program.display();
        self.script(&format!("#!/bin/sh\nexec '{confiture}' \"$@\"\n"))
    }

    /// Replaces the names in braces by what they stand for on this stage.
    pub fn filled(&self, text: &str) -> String {
        let path = |path: &Path| path.display().to_string();
        let (dsn, confiture) = (self.database.dsn(), &self.confiture.program);
        let address = dsn.split_once("://").unwrap_or_default().1.to_owned();
        let mut names = vec![
            ("{project}", path(self.workdir())),
            ("{script}", path(&self.workdir().join(SCRIPT))),
            ("{confiture}", path(confiture)),
            ("{bin}", path(confiture.parent().unwrap_or(confiture))),
            ("{database}", self.database.name().to_owned()),
            ("{address}", address),
            ("{dsn}", dsn),
        ];
        if let Ok(server) = self.endpoint() {
            names.extend([
                ("{host}", server.host),
                ("{port}", server.port.to_string()),
                ("{user}", server.user),
                ("{password}", server.password),
            ]);
        }
        let fill = |text: String, (name, value): (&str, String)| text.replace(name, &value);
        names.into_iter().fold(text.to_owned(), fill)
    }

    /// The server and the account of its database.
    pub fn endpoint(&self) -> anyhow::Result<Endpoint> {
        endpoint(&self.world.server, self.database.name(), "")
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

/// Checks that a call failed with this kind, and says these words. Returns the failure.
pub fn failed<T>(
    outcome: Result<T, Failure>,
    kind: AdapterErrorKind,
    says: &[&str],
) -> anyhow::Result<Failure> {
    let failure = outcome.err().context("the call succeeded")?;
    let message = failure.to_string();
    ensure!(
        failure.kind() == kind,
        "it is {}: {message}",
        failure.kind()
    );
    for words in says {
        ensure!(
            message.contains(words),
            "it does not say {words}: {message}"
        );
    }
    Ok(failure)
}

/// Kills an engine at the moment that `wait` waits for.
pub fn kill_when(
    mut engine: Child,
    wait: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let came = wait();
    engine.kill()?;
    engine.wait()?;
    came
}

/// Waits for a call.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// Waits for a condition, for so long at most. Returns whether it came.
pub fn wait(limit: Duration, mut so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    let began = Instant::now();
    while !so()? {
        interrupt::check()?;
        if began.elapsed() > limit {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// Waits until `look` finds nothing wrong. After `limit`, returns what is wrong.
pub fn within(
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<String>>,
) -> anyhow::Result<()> {
    let mut fault = None;
    wait(limit, || {
        fault = look()?;
        Ok(fault.is_none())
    })?;
    match fault {
        Some(fault) => bail!("after {limit:?}: {fault}"),
        None => Ok(()),
    }
}
