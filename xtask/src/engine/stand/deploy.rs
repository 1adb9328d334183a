//! Runs of the engine, and their results.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use contract_lab::command::{Output, run_within};
use serde::Deserialize;

use super::{MARK, Stand};
use crate::engine::way::Way;
use crate::project::Project;

/// How long a deploy may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(240);

/// The variable that the engine reads the connection string from.
const DSN: &str = "SHOP_DATABASE_URL";

/// The result of a run of the engine.
#[derive(Debug)]
pub struct Deployed {
    /// `committed`, `rolled_back` or `partial_rollback`.
    pub outcome: String,
    /// The step that failed, and why.
    pub detail: String,
}

/// The document that `fraisier --json deploy` prints.
#[derive(Deserialize)]
struct Document {
    outcome: String,
    #[serde(default)]
    detail: String,
}

impl Stand<'_> {
    /// A command of the engine with these arguments, in the directory in which it would be started.
    pub fn engine(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        self.config.write(self.project.root())?;
        let mut command = Command::new(&self.fraisier);
        command
            .args(arguments)
            .current_dir(self.project.root())
            .env_clear()
            .env("PATH", &self.search)
            .env("HOME", self.root().join("home"))
            .env("TMPDIR", self.root().join("tmp"))
            .env("LC_ALL", "C.UTF-8")
            .env("FRAISIER_CONFITURE_BIN", self.root().join("bin/confiture"))
            .env(DSN, self.database.dsn())
            .env(MARK, self.root());
        if self.way == Way::Program {
            // The health command asks for the secret under its logical name.
            command.env("DATABASE_URL", self.database.dsn());
        }
        command.envs(&self.env);
        Ok(command)
    }

    /// Runs the engine to its end, and checks that it printed no secret.
    pub fn run(&mut self, arguments: &[&str]) -> anyhow::Result<Output> {
        let output = run_within(&mut self.engine(arguments)?, PATIENCE)?;
        let printed = format!("{}{}", output.stdout, output.stderr);
        ensure!(
            !printed.contains(&self.password),
            "the engine printed the password"
        );
        self.ended.push(output.status.to_string());
        Ok(output)
    }

    /// Builds the artifact: the migrations as they are now.
    pub fn build(&self) -> anyhow::Result<()> {
        let to = self.project.root().join("build");
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        self.project.copy_to(&Project::at(&to)?)
    }

    /// Builds the artifact and deploys it as `version`.
    pub fn deploy(&mut self, version: &str) -> anyhow::Result<Deployed> {
        self.build()?;
        self.saga(&["--json", "deploy", "--app-version", version])
    }

    /// Runs a command of the engine that ends like a deploy.
    pub fn saga(&mut self, arguments: &[&str]) -> anyhow::Result<Deployed> {
        let output = self.run(arguments)?;
        let printed = format!("{}{}", output.stdout, output.stderr);
        let document: Document = serde_json::from_str(&output.stdout)
            .with_context(|| format!("no outcome in what the engine printed:\n{printed}"))?;
        let status = output.status.code();
        let expected = match document.outcome.as_str() {
            "committed" => Some(0),
            "partial_rollback" => Some(2),
            _ => Some(1),
        };
        ensure!(
            status == expected,
            "{} with exit status {status:?}",
            document.outcome
        );
        let deployed = Deployed {
            outcome: document.outcome,
            detail: document.detail,
        };
        self.ended.push(deployed.summary());
        Ok(deployed)
    }

    /// Runs a command of the engine that has to succeed, or to fail, without the outcome of a deploy.
    pub fn ends(&mut self, success: bool, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(arguments)?;
        let printed = format!("{}{}", output.stdout, output.stderr);
        ensure!(
            output.status.success() == success,
            "{arguments:?} ended with {}:\n{printed}",
            output.status
        );
        Ok(printed)
    }

    /// How the engine's runs ended since the last call of this function, and what is in the database.
    pub fn observation(&mut self) -> anyhow::Result<String> {
        let ended = std::mem::take(&mut self.ended).join(", ");
        let (ledger, tables) = (self.ledger()?.join(", "), self.tables()?.join(", "));
        Ok(format!("{ended}; at [{ledger}] with [{tables}]"))
    }

    /// Starts a deploy of what is built, and does not wait for it.
    pub fn start_deploy(&self, version: &str) -> anyhow::Result<Child> {
        self.build()?;
        let mut command = self.engine(&["--json", "deploy", "--app-version", version])?;
        let log = fs::File::create(self.root().join("engine.log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command.spawn()?)
    }
}

impl Deployed {
    /// The outcome, and the step that failed.
    fn summary(&self) -> String {
        let step = self.detail.split_once("step '").unwrap_or_default().1;
        let step = step.split_once('\'').unwrap_or_default().0;
        format!("{} {step}", self.outcome)
    }

    /// Checks that the deploy was committed.
    pub fn committed(&self) -> anyhow::Result<()> {
        if self.outcome != "committed" {
            bail!("{}: {}", self.outcome, self.detail);
        }
        Ok(())
    }

    /// Checks that the deploy was rolled back at `step`, for a reason that contains `words`.
    pub fn rolled_back(&self, step: &str, words: &str) -> anyhow::Result<()> {
        let at = format!("(step '{step}':");
        ensure!(
            self.outcome == "rolled_back" && self.detail.contains(&at),
            "not rolled back at {step}, but {}: {}",
            self.outcome,
            self.detail
        );
        ensure!(
            self.detail.contains(words),
            "the reason does not say “{words}”: {}",
            self.detail
        );
        Ok(())
    }
}
