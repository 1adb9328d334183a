//! Measures calls of the adapter, compared with the bare command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use contract_lab::confiture::copy::Environment;
use contract_lab::parallel::in_parallel;
use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;
use tokio::task::JoinSet;

use super::figures::{Figures, in_turn, seconds, timed};
use super::{PROBE, bare};
use crate::project::Project;
use crate::stage::block_on;

/// A project and a database to call confiture on.
pub struct Subject {
    program: PathBuf,
    dsn: String,
    project: Project,
}

impl Subject {
    pub fn new(program: &Path, dsn: String) -> anyhow::Result<Self> {
        let project = Project::empty()?;
        project.migration("001_a", "CREATE TABLE a (id int);", "DROP TABLE a;")?;
        let subject = Self {
            program: program.to_owned(),
            dsn,
            project,
        };
        // The measured first call with the cache must find an empty cache.
        let adapter = ConfitureMigration::builder()
            .program(program)
            .bytecode_cache(false)
            .build();
        block_on(adapter.up(&subject.ctx(), None))?;
        Ok(subject)
    }

    fn ctx(&self) -> AdapterCtx {
        let mut ctx =
            AdapterCtx::new("shop", "bench").with_resolved_secret("DATABASE_URL", self.dsn.clone());
        ctx.workdir = self.project.root().into();
        ctx
    }

    fn call(&self, adapter: &ConfitureMigration) -> anyhow::Result<()> {
        block_on(adapter.current_revision(&self.ctx()))?;
        Ok(())
    }

    /// The command that the adapter runs, without the adapter.
    fn bare(&self, subcommand: &str) -> anyhow::Result<()> {
        let report = self.project.root().join("report.json");
        bare(&self.program, &self.dsn, &self.project, subcommand, &report)
    }

    /// The ratio of one call of the adapter to one bare command.
    pub fn plain(&self, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
        let adapter = ConfitureMigration::with_program(&self.program);
        let [ours, theirs] = in_turn(
            rounds,
            [&mut || self.call(&adapter), &mut || self.bare("current")],
        )?;
        figures.times("current_revision", &ours, ("bare command", &theirs));
        let mut preflight = || {
            let found = block_on(adapter.preflight(&self.ctx()))?;
            anyhow::ensure!(found.window_safe == Some(true), "{found:?}");
            Ok(())
        };
        let mut bare = || self.bare("preflight");
        let [ours, theirs] = in_turn(rounds, [&mut preflight, &mut bare])?;
        figures.times("preflight", &ours, ("bare command", &theirs));
        Ok(())
    }

    /// The ratio of many calls at once to as many bare commands at once.
    pub fn at_once(&self, count: usize, figures: &mut Figures) -> anyhow::Result<()> {
        let adapter = ConfitureMigration::with_program(&self.program);
        let ours = timed(|| {
            block_on(async {
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
            let commands = vec!["current"; count];
            let ended = in_parallel(count, &commands, |subcommand| self.bare(subcommand));
            ended.into_iter().collect()
        })?;
        let what = format!("{count} current_revision at once");
        figures.times(&what, &[ours], ("bare commands at once", &[theirs]));
        Ok(())
    }
}

/// The variable in which the separate process finds the database.
const DSN: &str = "XTASK_BENCH_DSN";

/// Calls where Python finds no compiled modules and may not write any: with the adapter's cache, without
/// it, and bare. Only in a process whose environment forbids to write them.
#[derive(Debug, clap::Args)]
pub struct Uncompiled {
    program: PathBuf,
    rounds: usize,
}

/// The first call; the adapter and the bare command with the cache, and without it.
type Times = (Duration, [Vec<Duration>; 2], [Vec<Duration>; 2]);

impl Uncompiled {
    pub fn measure(self) -> anyhow::Result<Times> {
        let subject = Subject::new(&self.program, std::env::var(DSN).context("no database")?)?;
        let adapter = |cache| {
            let builder = ConfitureMigration::builder().program(&self.program);
            builder.bytecode_cache(cache).build()
        };
        let (cached, uncached) = (adapter(true), adapter(false));
        let first = timed(|| subject.call(&cached))?;
        let beside = |adapter| {
            let mut call = || subject.call(adapter);
            in_turn(self.rounds, [&mut call, &mut || subject.bare("current")])
        };
        Ok((first, beside(&cached)?, beside(&uncached)?))
    }
}

/// Measures them on a copy of the installation.
pub fn uncompiled(subject: &Subject, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let copy = Environment::copy(&subject.program)?;
    let cache = copy.path().join("cache");
    std::fs::create_dir(&cache)?;
    let (first, on, off): Times = probe(
        Command::new(std::env::current_exe()?)
            .arg(PROBE)
            .arg(copy.program())
            .arg(rounds.to_string())
            .env(DSN, &subject.dsn)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("XDG_CACHE_HOME", cache),
    )?;
    let bare = "bare command";
    figures.times("nothing compiled, cache on", &on[0], (bare, &on[1]));
    figures.times("nothing compiled, cache off", &off[0], (bare, &off[1]));
    figures.alone("the first call, which fills the cache", seconds(first));
    Ok(())
}

/// The output of a separate process, decoded.
fn probe<T: serde::de::DeserializeOwned>(command: &mut Command) -> anyhow::Result<T> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}
