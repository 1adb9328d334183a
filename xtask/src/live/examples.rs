//! The examples of the adapter crate, each on the sample project and a database of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::command::{self, signal_group, wait_for};
use rustix::process::Signal;

use super::Group;
use crate::cargo::build;
use crate::harness::Scene;
use crate::project::Project;
use crate::stage::{ASLEEP, Stage};

/// How long an example may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(60);

type Play = fn(&Example<'_>) -> anyhow::Result<()>;

const SCENES: [(&str, &str, Play); 5] = [
    ("saga", "saga deploys", |saga| {
        saga.expect(&[], 0, &["applied 3 migrations", "deployed"])
    }),
    ("saga", "saga compensates", |saga| {
        let versions = saga.stage.project.versions()?;
        let later = Project::sample(&saga.stage.confiture.version)?;
        for version in &versions[1..] {
            saga.stage.project.remove(version)?;
        }
        saga.expect(&[], 0, &["applied 1 migrations"])?;
        later.copy_to(&saga.stage.project)?;
        let says = ["applied 2 migrations", "rolled back 2 migrations"];
        saga.expect(&["--unhealthy"], 1, &says)
    }),
    ("saga", "saga rolls back half an up", |saga| {
        let project = &saga.stage.project;
        for version in project.versions()? {
            project.remove(&version)?;
        }
        project.table("001")?;
        saga.expect(&[], 0, &["applied 1 migrations", "deployed"])?;
        project.migration("003_broken", "SELECT 1 / 0;", "SELECT 1;")?;
        saga.expect(&[], 1, &["nothing to roll back"])?;
        project.table("002")?;
        saga.expect(&[], 1, &["rolled back 1 migrations"])?;
        saga.stage.is_at(&["001"])
    }),
    ("blue_green", "blue-green gates", |gate| {
        gate.expect(&["reversible"], 0, &["go"])?;
        gate.expect(&["additive"], 1, &["no: it is reversible"])?;
        let project = &gate.stage.project;
        project.migration("20260202000000_drop", "DROP TABLE purchase;", "SELECT 1;")?;
        let says = "no: the old version cannot live with it";
        gate.expect(&["reversible"], 1, &[says])
    }),
    ("cancel", "Ctrl-C stops an up", |cancel| {
        let project = &cancel.stage.project;
        project.migration("20260202000000_slow", "SELECT pg_sleep(120);", "SELECT 1;")?;
        cancel.interrupted()
    }),
];

pub const GROUP: Group = Group {
    name: "examples",
    releases: &["newest"],
    scenes: |_, _| {
        let scene = |(example, name, play): (&'static str, &str, Play)| {
            Scene::new(name, move |world, confiture| {
                let project = Project::sample(&confiture.version)?;
                let stage = Stage::of(world, confiture, project)?;
                play(&Example { example, stage })
            })
        };
        SCENES.map(scene).into()
    },
};

struct Example<'a> {
    example: &'static str,
    stage: Stage<'a>,
}

impl Example<'_> {
    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let package = "fraisier-adapter-confiture";
        let what = ["--example", self.example, "--package", package];
        let mut command = Command::new(build(&what, self.example)?);
        command
            .arg(self.stage.workdir())
            .args(arguments)
            .env("DATABASE_URL", self.stage.database.dsn())
            .env("FRAISIER_CONFITURE_BIN", &self.stage.confiture.program);
        Ok(command)
    }

    /// Checks that the example ends with this status, and prints lines with these beginnings.
    fn expect(&self, arguments: &[&str], status: i32, says: &[&str]) -> anyhow::Result<()> {
        let output = command::run(&mut self.command(arguments)?)?;
        let lines: Vec<&str> = output.stdout.lines().collect();
        let mut pairs = lines.iter().zip(says);
        ensure!(
            output.status.code() == Some(status)
                && lines.len() >= says.len()
                && pairs.all(|(line, says)| line.starts_with(says)),
            "{arguments:?} should end with {status} and print {says:?}; {}\n{}{}",
            output.status,
            output.stdout,
            output.stderr
        );
        Ok(())
    }

    /// Sends Ctrl-C while the slow migration runs.
    fn interrupted(&self) -> anyhow::Result<()> {
        let mut child = self
            .command(&[])?
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut printed = String::new();
        lines.read_line(&mut printed)?;
        let runs = self.stage.comes(ASLEEP);
        signal_group(&child, Signal::INT);
        if !wait_for(&mut child, PATIENCE) {
            signal_group(&child, Signal::KILL);
        }
        runs.context("the slow migration does not begin")?;
        lines.read_to_string(&mut printed)?;
        let status = child.wait()?;
        let last = printed.lines().last().unwrap_or_default();
        ensure!(
            status.code() == Some(130) && last.starts_with("stopped; the database is at 2026"),
            "it should be stopped; {status}\n{printed}"
        );
        Ok(())
    }
}
