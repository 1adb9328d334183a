//! A stage on which advice is followed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Display;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use contract_lab::command::run;
use contract_lab::packages::install_into;
use fraisier_adapter_confiture::ConfitureMigration;
use serde_json::Value;

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
    /// The advice of the failure, which has to contain this text.
    pub fn advised<T>(
        &self,
        outcome: Result<T, impl Display>,
        says: &str,
    ) -> anyhow::Result<String> {
        let message = outcome.err().context("the call succeeded")?.to_string();
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

    /// The advice of an `up` of this adapter, which fails.
    pub fn up_advises(&self, adapter: &ConfitureMigration, says: &str) -> anyhow::Result<String> {
        self.advised(block_on(adapter.up(&self.ctx(), None)), says)
    }

    /// Checks that an `up` of this adapter applies exactly these, after the advice was followed.
    pub fn applies(&self, adapter: &ConfitureMigration, versions: &[&str]) -> anyhow::Result<()> {
        let outcome = block_on(adapter.up(&self.ctx(), None));
        let applied = outcome.context("the advice was followed")?.applied;
        let applied: Vec<&str> = applied.iter().map(AsRef::as_ref).collect();
        ensure!(
            applied == versions,
            "it applied {applied:?}, not {versions:?}"
        );
        Ok(())
    }

    /// Runs the adapter's program with only these variables. Returns what it printed, or its message.
    pub fn runs(
        &self,
        what: &str,
        env: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> anyhow::Result<Result<String, String>> {
        let mut command = Command::new(self.world.program()?);
        command
            .args([what, "--json"])
            .current_dir(self.workdir())
            .env_clear()
            .env("DATABASE_URL", self.database.dsn())
            .envs(env);
        let output = run(&mut command)?;
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        let result: Value = serde_json::from_str(&output.stdout)?;
        let message = result.pointer("/error/message").and_then(Value::as_str);
        Ok(Err(message.unwrap_or(&output.stdout).to_owned()))
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
