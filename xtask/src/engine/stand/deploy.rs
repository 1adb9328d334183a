//! Runs of the engine, and their results.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::command::{Output, run_within};
use serde::Deserialize;

use super::{MARK, Stand};
use crate::engine::way::Way;
use crate::project::Project;

/// How long a deploy may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(240);

/// The engine's configuration; [`Stand::settings`] are filled in.
const CONFIGURATION: &str = include_str!("../fraisier.toml");

/// The result of a deploy, as `fraisier --json deploy` prints it.
#[derive(Debug, Deserialize)]
pub struct Deployed {
    /// `committed`, `rolled_back` or `partial_rollback`.
    outcome: String,
    /// The step that failed, and why.
    #[serde(default)]
    pub detail: String,
}

impl Stand<'_> {
    /// A command of the engine with these arguments, in the directory in which it would be started.
    pub fn engine(&self, arguments: &[impl AsRef<str>]) -> anyhow::Result<Command> {
        let filled = |text: String, (name, value): (&String, &String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        let configuration = self.settings.iter().fold(CONFIGURATION.to_owned(), filled);
        let configuration = configuration + "\n" + &self.sections.join("\n");
        fs::write(self.project.root().join("fraisier.toml"), configuration)?;
        let mut command = Command::new(&self.fraisier);
        command
            .args(arguments.iter().map(AsRef::as_ref))
            .current_dir(self.project.root())
            .env_clear()
            .env("PATH", &self.search)
            .env("HOME", self.root().join("home"))
            .env("TMPDIR", self.root().join("tmp"))
            .env("LC_ALL", "C.UTF-8")
            .env("FRAISIER_CONFITURE_BIN", self.root().join("bin/confiture"))
            .env("SHOP_DATABASE_URL", self.database.dsn())
            .env(MARK, self.root());
        if self.way == Way::Program {
            // The health command asks for the secret under its logical name.
            command.env("DATABASE_URL", self.database.dsn());
        }
        command.envs(&self.env);
        Ok(command)
    }

    /// Runs the engine to its end, and checks that it printed no secret.
    fn run(&mut self, arguments: &[impl AsRef<str>]) -> anyhow::Result<Output> {
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
        self.saga(&["deploy", "--app-version", version])
    }

    /// Runs a command of the engine that ends like a deploy.
    pub fn saga(&mut self, arguments: &[impl AsRef<str>]) -> anyhow::Result<Deployed> {
        let arguments = arguments.iter().map(AsRef::as_ref);
        let arguments: Vec<&str> = ["--json"].into_iter().chain(arguments).collect();
        let Output {
            status,
            stdout,
            stderr,
        } = self.run(&arguments)?;
        let deployed: Deployed = serde_json::from_str(&stdout)
            .with_context(|| format!("no outcome in what the engine printed:\n{stdout}{stderr}"))?;
        let expected = match deployed.outcome.as_str() {
            "committed" => 0,
            "partial_rollback" => 2,
            _ => 1,
        };
        ensure!(
            status.code() == Some(expected),
            "{} with {status}",
            deployed.outcome
        );
        let (_, step) = deployed.detail.split_once("step '").unwrap_or_default();
        let (step, _) = step.split_once('\'').unwrap_or_default();
        self.ended.push(format!("{} {step}", deployed.outcome));
        Ok(deployed)
    }

    /// Runs a command of the engine that has to succeed, or to fail, without the outcome of a deploy. Returns
    /// what it printed, on standard output alone if it succeeded.
    pub fn ends(&mut self, success: bool, arguments: &[String]) -> anyhow::Result<String> {
        let output = self.run(arguments)?;
        let printed = format!("{}{}", output.stdout, output.stderr);
        ensure!(
            output.status.success() == success,
            "{arguments:?} ended with {}:\n{printed}",
            output.status
        );
        Ok(if success { output.stdout } else { printed })
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
    /// Checks that the deploy was committed.
    pub fn committed(&self) -> anyhow::Result<()> {
        self.ended("committed")
    }

    /// Checks how the deploy ended.
    pub fn ended(&self, outcome: &str) -> anyhow::Result<()> {
        let right = self.outcome == outcome;
        ensure!(
            right,
            "not {outcome}, but {}: {}",
            self.outcome,
            self.detail
        );
        Ok(())
    }

    /// Checks that the deploy was rolled back at this step.
    pub fn rolled_back(&self, step: &str) -> anyhow::Result<()> {
        self.ended("rolled_back")?;
        let right = self.detail.contains(&format!("(step '{step}':"));
        ensure!(right, "not at {step}: {}", self.detail);
        Ok(())
    }
}
