//! Calls of the adapter, beside the bare command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, MigrationAdapter as _};
use fraisier_adapter_confiture::ConfitureMigration;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::figures::{Figures, in_turn, seconds, timed};
use contract_lab::scratch::Scratch;

/// A project and a database to call confiture on.
pub struct Subject {
    pub program: PathBuf,
    pub dsn: String,
    project: Scratch,
    runtime: tokio::runtime::Runtime,
}

impl Subject {
    pub fn new(program: &Path, dsn: &str) -> anyhow::Result<Self> {
        let project = Scratch::new()?;
        let migrations = project.path().join("db/migrations");
        std::fs::create_dir_all(&migrations)?;
        std::fs::write(migrations.join("001_a.up.sql"), "CREATE TABLE a (id int);")?;
        std::fs::write(migrations.join("001_a.down.sql"), "DROP TABLE a;")?;
        let subject = Self {
            program: program.to_owned(),
            dsn: dsn.to_owned(),
            project,
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
        };
        // Leaves the first call with the cache, which is measured, something to fill.
        let adapter = ConfitureMigration::builder()
            .program(program)
            .bytecode_cache(false)
            .build();
        subject.runtime.block_on(adapter.up(&subject.ctx(), None))?;
        Ok(subject)
    }

    fn ctx(&self) -> AdapterCtx {
        let mut ctx =
            AdapterCtx::new("shop", "bench").with_resolved_secret("DATABASE_URL", self.dsn.clone());
        ctx.workdir = self.project.path().into();
        ctx
    }

    fn call(&self, adapter: &ConfitureMigration) -> anyhow::Result<()> {
        self.runtime
            .block_on(adapter.current_revision(&self.ctx()))?;
        Ok(())
    }

    /// The same command as the adapter runs, with nothing around it.
    fn bare(&self) -> anyhow::Result<()> {
        self.bare_command("current", &[])
    }

    fn bare_command(&self, subcommand: &str, more: &[&str]) -> anyhow::Result<()> {
        let status = Command::new(&self.program)
            .args(["migrate", subcommand, "--no-config", "--format", "json"])
            .arg("--output")
            .arg(self.project.path().join("report.json"))
            .args(more)
            .current_dir(self.project.path())
            .env("CONFITURE_DATABASE_URL", &self.dsn)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "the bare command ended with {status}");
        Ok(())
    }

    /// One call of the adapter ÷ one bare command.
    pub fn plain(&self, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
        let adapter = ConfitureMigration::with_program(&self.program);
        let (ours, theirs) = in_turn(rounds, || self.call(&adapter), || self.bare())?;
        figures.times("current_revision", &ours, ("bare command", &theirs));
        let preflight = || {
            let found = self.runtime.block_on(adapter.preflight(&self.ctx()))?;
            anyhow::ensure!(found.window_safe == Some(true), "{found:?}");
            Ok(())
        };
        let bare = || self.bare_command("preflight", &["--migrations-dir", "db/migrations"]);
        let (ours, theirs) = in_turn(rounds, preflight, bare)?;
        figures.times("preflight", &ours, ("bare command", &theirs));
        Ok(())
    }

    /// Many calls at once ÷ as many bare commands at once.
    pub fn at_once(&self, count: usize, figures: &mut Figures) -> anyhow::Result<()> {
        let adapter = ConfitureMigration::with_program(&self.program);
        let ours = timed(|| {
            self.runtime.block_on(async {
                let mut calls = JoinSet::new();
                for _ in 0..count {
                    let (adapter, ctx) = (adapter.clone(), self.ctx());
                    calls.spawn(async move { adapter.current_revision(&ctx).await });
                }
                while let Some(call) = calls.join_next().await {
                    call??;
                }
                Ok(())
            })
        })?;
        let theirs = timed(|| {
            std::thread::scope(|scope| {
                let commands: Vec<_> = (0..count).map(|_| scope.spawn(|| self.bare())).collect();
                commands
                    .into_iter()
                    .try_for_each(|command| command.join().expect("no panic in a command"))
            })
        })?;
        let what = format!("{count} current_revision at once");
        figures.times(&what, &[ours], ("bare commands at once", &[theirs]));
        Ok(())
    }

    /// Calls where Python finds no compiled modules and may not write any: with the adapter's
    /// cache, without it, and bare. Only in a process whose environment forbids to write them.
    pub fn uncompiled(&self, rounds: usize) -> anyhow::Result<Uncompiled> {
        let cached = ConfitureMigration::with_program(&self.program);
        let uncached = ConfitureMigration::builder()
            .program(&self.program)
            .bytecode_cache(false)
            .build();
        let first = timed(|| self.call(&cached))?;
        let (on, bare) = in_turn(rounds, || self.call(&cached), || self.bare())?;
        let (off, bare_again) = in_turn(rounds, || self.call(&uncached), || self.bare())?;
        Ok(Uncompiled {
            first,
            on,
            off,
            bare,
            bare_again,
        })
    }
}

/// Times of calls without compiled modules.
#[derive(Debug, Serialize, Deserialize)]
pub struct Uncompiled {
    first: Duration,
    on: Vec<Duration>,
    off: Vec<Duration>,
    bare: Vec<Duration>,
    bare_again: Vec<Duration>,
}

impl Uncompiled {
    pub fn show(&self, figures: &mut Figures) {
        let bare = ("bare command", &self.bare[..]);
        figures.times("nothing compiled, cache on", &self.on, bare);
        let bare = ("bare command", &self.bare_again[..]);
        figures.times("nothing compiled, cache off", &self.off, bare);
        figures.alone("the first call, which fills the cache", seconds(self.first));
    }
}
