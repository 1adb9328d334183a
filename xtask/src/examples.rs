//! `cargo xtask examples`: the examples of the adapter, run on a real confiture and server.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::command::{self, signal_group, wait_for};
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::postgres::{Database, Server, ServerArgs};
use contract_lab::ui::{Ui, good};
use contract_lab::{Lab, LabArgs};
use rustix::process::Signal;

use crate::cargo::{cargo, root, succeeded};
use crate::demo::Project;
use crate::exit::Unexpected;
use crate::help;

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         crates/fraisier-adapter-confiture/examples, each on the sample project and a database of \
         its own: a saga that goes through and one that is compensated, a gate that passes and one \
         that refuses, and an `up` that is stopped by Ctrl-C.",
        &[
            ("cargo xtask examples", "with the newest confiture"),
            ("cargo xtask examples --confiture 0.44.0", "with another"),
        ],
    )
}

/// How long an example may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the examples can be told.
#[derive(Debug, clap::Args)]
pub struct ExamplesArgs {
    /// Which confiture: a release such as 0.44.0, `newest`, or the path of a binary
    #[arg(long, default_value = "newest", value_name = "RELEASE|PATH")]
    confiture: Candidate,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    lab: LabArgs,
}

/// Runs the examples.
///
/// # Errors
/// [`Unexpected`] when one says something else than it should; what is missing.
pub fn run(args: ExamplesArgs) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let confiture = install(&lab, &args.confiture)?;
    let server = args.server.open(&lab)?;
    let programs = build(lab.ui)?;
    let stage = |name: &'static str| Stage::new(name, &programs, &confiture, &server);

    let saga = stage("saga")?;
    saga.expect(&[], 0, &["applied 3 migrations", "deployed"])?;
    let compensated = stage("saga")?;
    compensated.keep_only_the_first(|| compensated.expect(&[], 0, &["applied 1 migrations"]))?;
    let says = ["applied 2 migrations", "rolled back 2 migrations"];
    compensated.expect(&["--unhealthy"], 1, &says)?;

    let gate = stage("blue_green")?;
    gate.expect(&["reversible"], 0, &["go"])?;
    gate.expect(&["additive"], 1, &["no: it is reversible"])?;
    gate.migration("20260202000000_drop", "DROP TABLE purchase;")?;
    gate.expect(
        &["reversible"],
        1,
        &["no: the old version cannot live with it"],
    )?;

    let cancel = stage("cancel")?;
    cancel.migration("20260202000000_slow", "SELECT pg_sleep(120);")?;
    cancel.interrupted()?;
    anstream::println!("{}", good("the examples do what they say"));
    Ok(())
}

fn build(ui: Ui) -> anyhow::Result<PathBuf> {
    let task = ui.task("building the examples");
    let built = command::run(
        cargo()
            .args(["build", "--quiet", "--locked", "--examples"])
            .args(["--package", "fraisier-adapter-confiture"])
            .current_dir(root()),
    )?;
    succeeded(
        &built,
        "the examples do not build",
        "mend what the compiler names",
    )?;
    task.finish("built the examples");
    let exe = std::env::current_exe()?;
    Ok(exe
        .parent()
        .context("a program has a place")?
        .join("examples"))
}

/// One example with a project and a database of its own.
struct Stage<'a> {
    name: &'static str,
    program: PathBuf,
    confiture: &'a Installed,
    database: Database<'a>,
    project: Project,
}

impl<'a> Stage<'a> {
    fn new(
        name: &'static str,
        programs: &Path,
        confiture: &'a Installed,
        server: &'a Server,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            name,
            program: programs.join(name),
            confiture,
            database: server.create_unique_database("example")?,
            project: Project::copy_for(&confiture.version)?,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(self.project.root())
            .args(arguments)
            .env("DATABASE_URL", self.database.dsn())
            .env("FRAISIER_CONFITURE_BIN", &self.confiture.program);
        command
    }

    /// Runs it, and holds what it says against what it should.
    fn expect(&self, arguments: &[&str], status: i32, says: &[&str]) -> anyhow::Result<()> {
        let output = command::run(&mut self.command(arguments))?;
        let lines: Vec<&str> = output.stdout.lines().collect();
        let as_it_should = output.status.code() == Some(status)
            && lines.len() >= says.len()
            && lines
                .iter()
                .zip(says)
                .all(|(line, says)| line.starts_with(says));
        if as_it_should {
            return Ok(());
        }
        Err(Unexpected(format!(
            "{} {arguments:?} should end with {status} and say {says:?}; {}\n{}{}",
            self.name, output.status, output.stdout, output.stderr
        ))
        .into())
    }

    fn migrations(&self) -> PathBuf {
        self.project.root().join("db/migrations")
    }

    fn migration(&self, name: &str, sql: &str) -> anyhow::Result<()> {
        fs::write(self.migrations().join(format!("{name}.up.sql")), sql)?;
        fs::write(
            self.migrations().join(format!("{name}.down.sql")),
            "SELECT 1;",
        )?;
        Ok(())
    }

    /// Does something while the project has its first migration alone.
    fn keep_only_the_first(&self, then: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let aside = tempfile::tempdir()?;
        let first = self.project.versions()?.swap_remove(0);
        let mut moved = Vec::new();
        for entry in fs::read_dir(self.migrations())? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with(&first) {
                let to = aside.path().join(entry.file_name());
                fs::copy(entry.path(), &to)?;
                fs::remove_file(entry.path())?;
                moved.push((to, entry.path()));
            }
        }
        then()?;
        for (from, to) in moved {
            fs::copy(from, to)?;
        }
        Ok(())
    }

    /// Sends Ctrl-C while the slow migration runs.
    fn interrupted(&self) -> anyhow::Result<()> {
        let mut child = self
            .command(&[])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut said = String::new();
        lines.read_line(&mut said)?;
        self.until_the_slow_one_runs()?;
        signal_group(&child, Signal::INT);
        let ended = wait_for(&mut child, PATIENCE);
        if !ended {
            signal_group(&child, Signal::KILL);
        }
        lines.read_to_string(&mut said)?;
        let status = child.wait()?;
        let last = said.lines().last().unwrap_or_default();
        if status.code() == Some(130) && last.starts_with("stopped; the database is at 2026") {
            return Ok(());
        }
        Err(Unexpected(format!("cancel should be stopped; {status}\n{said}")).into())
    }

    fn until_the_slow_one_runs(&self) -> anyhow::Result<()> {
        let mut client = self.database.connect()?;
        let running = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        let began = std::time::Instant::now();
        while client.query_one(running, &[])?.get::<_, i64>(0) == 0 {
            contract_lab::interrupt::check()?;
            ensure!(
                began.elapsed() < PATIENCE,
                "the slow migration does not begin"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}
