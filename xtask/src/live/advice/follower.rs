//! A stage on which advice is followed.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use contract_lab::command::{Output, run};
use contract_lab::confiture::Installed;
use contract_lab::packages::install_into;
use fraisier_adapter_api::{AdapterCtx, MigrationOutcome, Revision};
use fraisier_adapter_confiture::ConfitureMigration;

use crate::stage::{Stage, block_on};

/// What begins the advice where the state of the database is uncertain.
const FINDS_OUT_FIRST: &str = "run `fraisier-adapter-confiture-ipc current` first, then ";

/// What ends the advice where a diagnosis may help.
const DIAGNOSES: &str = "; run `fraisier-adapter-confiture-ipc doctor` to diagnose";

/// A project with one migration, and the advice that it received.
pub struct Follower<'a> {
    pub stage: Stage<'a>,
    pub given: &'a Mutex<BTreeSet<String>>,
}

impl<'a> Deref for Follower<'a> {
    type Target = Stage<'a>;

    fn deref(&self) -> &Stage<'a> {
        &self.stage
    }
}

impl Follower<'_> {
    /// A shell script that runs these lines, and then confiture.
    pub fn wrapper(&self, first: &str) -> anyhow::Result<PathBuf> {
        let confiture = self.confiture.program.display();
        self.script(&format!("#!/bin/sh\n{first}\nexec '{confiture}' \"$@\"\n"))
    }

    /// The advice of the error, which has to contain this text.
    pub fn advised<T>(
        &self,
        outcome: Result<T, impl Display>,
        says: &str,
    ) -> anyhow::Result<String> {
        let error = outcome.err().context("there was no trouble")?;
        self.read(&error.to_string(), says)
    }

    fn read(&self, message: &str, says: &str) -> anyhow::Result<String> {
        let (_, advice) = message
            .split_once(". Next: ")
            .with_context(|| format!("it advises nothing: {message}"))?;
        let advice = advice.strip_prefix(FINDS_OUT_FIRST).unwrap_or(advice);
        let advice = advice.strip_suffix(DIAGNOSES).unwrap_or(advice);
        ensure!(
            advice.contains(says),
            "it advises something else: {message}"
        );
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.insert(advice.to_owned());
        Ok(advice.to_owned())
    }

    /// Checks that an `up` applies exactly these.
    pub fn applies(&self, versions: &[&str]) -> anyhow::Result<()> {
        applies(&self.adapter(), &self.ctx(), versions)
    }

    /// The advice of an `up` that fails.
    pub fn up_advises(&self, says: &str) -> anyhow::Result<String> {
        self.advised(self.up(), says)
    }

    /// Runs the adapter's program with only these variables.
    pub fn runs(&self, what: &str, env: &[(&str, &Path)]) -> anyhow::Result<Output> {
        let mut command = Command::new(self.world.program()?);
        command
            .args([what, "--json"])
            .current_dir(self.workdir())
            .env_clear()
            .env("DATABASE_URL", self.database.dsn())
            .envs(env.iter().copied());
        run(&mut command)
    }

    /// Checks that the adapter's program gives this advice.
    pub fn program_advises(
        &self,
        what: &str,
        env: &[(&str, &Path)],
        says: &str,
    ) -> anyhow::Result<()> {
        let output = self.runs(what, env)?;
        let result: serde_json::Value = serde_json::from_str(&output.stdout)?;
        let message = result.pointer("/error/message");
        let message = message.and_then(serde_json::Value::as_str);
        self.read(message.context("there was no trouble")?, says)?;
        Ok(())
    }

    /// Checks that the adapter's program succeeds, and reports a database without a revision.
    pub fn program_succeeds(&self, env: &[(&str, &Path)]) -> anyhow::Result<()> {
        let output = self.runs("current", env)?;
        ensure!(
            output.status.success(),
            "the advice was followed: {}",
            output.stdout
        );
        Ok(())
    }

    /// Installs into the environment what the advice says in `(pip install …)`.
    pub fn pip_install(&self, environment: &Path, advice: &str) -> anyhow::Result<()> {
        let arguments = advice
            .split_once("(pip install ")
            .and_then(|(_, rest)| rest.split_once(')'))
            .context("it names no package")?
            .0;
        let arguments = arguments.split(' ').map(|it| it.trim_matches('\''));
        let output = run(install_into(&self.world.lab, environment)?.args(arguments))?;
        ensure!(output.status.success(), "{}", output.stderr);
        Ok(())
    }
}

/// Checks that an `up` of this adapter applies exactly these.
pub fn applies(
    adapter: &ConfitureMigration,
    ctx: &AdapterCtx,
    versions: &[&str],
) -> anyhow::Result<()> {
    let outcome = block_on(adapter.up(ctx, None)).context("the advice was followed")?;
    are(&outcome, versions)
}

/// Checks that exactly these were applied or rolled back.
pub fn are(outcome: &MigrationOutcome, versions: &[impl AsRef<str>]) -> anyhow::Result<()> {
    let found: Vec<&str> = outcome.applied.iter().map(Revision::as_str).collect();
    let versions: Vec<&str> = versions.iter().map(AsRef::as_ref).collect();
    ensure!(found == versions, "they were {found:?}, not {versions:?}");
    Ok(())
}

/// The directory of its program.
pub fn directory_of(confiture: &Installed) -> anyhow::Result<&Path> {
    confiture.program.parent().context("a program at the root")
}
