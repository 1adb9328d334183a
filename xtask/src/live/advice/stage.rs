//! A project, its database, and what was advised about them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter as _, Revision};
use fraisier_adapter_confiture::{Builder, ConfitureMigration};
use postgres::Client;

use crate::live::call::block_on;
use contract_lab::Lab;
use contract_lab::command::{Output, run};
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::files::write_program;
use contract_lab::packages::install_into;
use contract_lab::postgres::{Database, Server};
use contract_lab::scratch::Scratch;

/// What ends the advice where another look may help.
const LOOKS_CLOSER: &str = "; `fraisier-adapter-confiture-ipc doctor` looks closer";

/// One project with its database.
pub(super) struct Stage<'a> {
    pub(super) lab: &'a Lab,
    pub(super) confiture: &'a Installed,
    /// The adapter's program.
    adapter_program: &'a Path,
    /// Where the environments are that a scene may change.
    pub(super) environments: &'a Path,
    pub(super) database: Database<'a>,
    project: Scratch,
    told: &'a RefCell<BTreeSet<String>>,
}

impl<'a> Stage<'a> {
    /// A database without a ledger, and a project with one migration.
    pub(super) fn new(
        lab: &'a Lab,
        confiture: &'a Installed,
        adapter_program: &'a Path,
        environments: &'a Path,
        server: &'a Server,
        told: &'a RefCell<BTreeSet<String>>,
    ) -> anyhow::Result<Self> {
        let stage = Self {
            lab,
            confiture,
            adapter_program,
            environments,
            database: server.create_unique_database("advice")?,
            project: Scratch::new()?,
            told,
        };
        fs::create_dir_all(stage.migrations())?;
        stage.migration("001_one", "CREATE TABLE one (id int);", "DROP TABLE one;")?;
        Ok(stage)
    }

    pub(super) fn workdir(&self) -> &Path {
        self.project.path()
    }

    pub(super) fn migrations(&self) -> PathBuf {
        self.workdir().join("db/migrations")
    }

    /// Writes both files of a migration.
    pub(super) fn migration(&self, name: &str, up: &str, down: &str) -> anyhow::Result<()> {
        self.write(&format!("{name}.up.sql"), up)?;
        self.write(&format!("{name}.down.sql"), down)
    }

    /// Writes a file of the migrations directory.
    pub(super) fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.migrations().join(file), text)?)
    }

    /// A program in the project's directory.
    pub(super) fn script(&self, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.workdir().join("program");
        write_program(&path, text)?;
        Ok(path)
    }

    /// A program that does what confiture does, after these lines of a shell.
    pub(super) fn wrapper(&self, first: &str) -> anyhow::Result<PathBuf> {
        let confiture = self.confiture.program.display();
        self.script(&format!("#!/bin/sh\n{first}\nexec '{confiture}' \"$@\"\n"))
    }

    pub(super) fn ctx(&self) -> AdapterCtx {
        let mut ctx = AdapterCtx::new("shop", "live")
            .with_resolved_secret("DATABASE_URL", self.database.dsn());
        ctx.workdir = self.workdir().into();
        ctx
    }

    /// How an adapter of this confiture is built.
    pub(super) fn builder(&self) -> Builder {
        ConfitureMigration::builder().program(&self.confiture.program)
    }

    pub(super) fn adapter(&self) -> ConfitureMigration {
        self.builder().build()
    }

    /// The release, installed.
    pub(super) fn release(&self, release: &str) -> anyhow::Result<Installed> {
        let Ok(candidate) = release.parse::<Candidate>();
        install(self.lab, &candidate)
    }

    pub(super) fn sql(&self, text: &str) -> anyhow::Result<Client> {
        let mut client = self.database.connect()?;
        client.batch_execute(text)?;
        Ok(client)
    }

    /// The error's advice, which has to say this.
    pub(super) fn advised<T>(
        &self,
        outcome: Result<T, AdapterError>,
        says: &str,
    ) -> anyhow::Result<String> {
        let Err(error) = outcome else {
            anyhow::bail!("there was no trouble");
        };
        self.read(&error.to_string(), says)
    }

    /// The advice of a message.
    fn read(&self, message: &str, says: &str) -> anyhow::Result<String> {
        let (_, advice) = message
            .split_once(". Next: ")
            .with_context(|| format!("it advises nothing: {message}"))?;
        let advice = advice.strip_suffix(LOOKS_CLOSER).unwrap_or(advice);
        ensure!(
            advice.contains(says),
            "it advises something else: {message}"
        );
        self.told.borrow_mut().insert(advice.to_owned());
        Ok(advice.to_owned())
    }

    /// An `up` that applies exactly these.
    pub(super) fn applies(&self, versions: &[&str]) -> anyhow::Result<()> {
        applies(&self.adapter(), &self.ctx(), versions)
    }

    /// An `up` that fails, by its advice.
    pub(super) fn up_advises(&self, says: &str) -> anyhow::Result<String> {
        self.advised(block_on(self.adapter().up(&self.ctx(), None))?, says)
    }

    /// The adapter's program, with no more of an environment than this.
    pub(super) fn asks(&self, what: &str, env: &[(&str, &Path)]) -> anyhow::Result<Output> {
        let mut command = Command::new(self.adapter_program);
        command
            .args([what, "--json"])
            .current_dir(self.workdir())
            .env_clear()
            .env("DATABASE_URL", self.database.dsn());
        for (name, value) in env {
            command.env(name, value);
        }
        run(&mut command)
    }

    /// The advice that the adapter's program gives.
    pub(super) fn asks_and_is_advised(
        &self,
        what: &str,
        env: &[(&str, &Path)],
        says: &str,
    ) -> anyhow::Result<()> {
        let output = self.asks(what, env)?;
        let answer: serde_json::Value = serde_json::from_str(&output.stdout)?;
        let message = answer.pointer("/error/message");
        let message = message.and_then(serde_json::Value::as_str);
        self.read(message.context("there was no trouble")?, says)?;
        Ok(())
    }

    /// The adapter's program knows the revision of the database, which is none.
    pub(super) fn asks_and_is_answered(&self, env: &[(&str, &Path)]) -> anyhow::Result<()> {
        let output = self.asks("current", env)?;
        ensure!(
            output.status.success(),
            "the advice was followed: {}",
            output.stdout
        );
        Ok(())
    }

    /// Installs into the environment what the advice says in `(pip install …)`.
    pub(super) fn pip_install(&self, environment: &Path, advice: &str) -> anyhow::Result<()> {
        let arguments = advice
            .split_once("(pip install ")
            .and_then(|(_, rest)| rest.split_once(')'))
            .context("it names no package")?
            .0;
        let arguments = arguments.split(' ').map(|it| it.trim_matches('\''));
        let output = run(install_into(self.lab, environment)?.args(arguments))?;
        ensure!(output.status.success(), "{}", output.stderr);
        Ok(())
    }
}

/// An `up` of this adapter that applies exactly these.
pub(super) fn applies(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    versions: &[&str],
) -> anyhow::Result<()> {
    let outcome = block_on(adapter.up(ctx, None))?.context("the advice was followed")?;
    let applied: Vec<&str> = outcome.applied.iter().map(Revision::as_str).collect();
    ensure!(
        applied == versions,
        "it applied {applied:?}, not {versions:?}"
    );
    Ok(())
}

/// Where its program is.
pub(super) fn directory_of(confiture: &Installed) -> anyhow::Result<&Path> {
    confiture.program.parent().context("a program at the root")
}
