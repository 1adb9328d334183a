//! A machine to deploy on: a project, the programs the engine calls, a database, and what of them
//! can be seen afterwards.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use contract_lab::command::{Output, run_within, signal_group, wait_for};
use contract_lab::confiture::Installed;
use contract_lab::postgres::{Database, Server};
use contract_lab::runner::database::endpoint;
use contract_lab::scratch::Scratch;
use contract_tests::release::Release;
use rustix::process::Signal;
use serde::Deserialize;

use super::config::Config;
use super::install::Engines;

/// How the engine reaches the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Way {
    /// The published engine, which starts our program for every call.
    Program,
    /// The published engine, built with the drop-in.
    InProcess,
}

/// How long a deploy may take before it is given up as hanging.
const PATIENCE: Duration = Duration::from_secs(240);

/// The variable that marks every process of a stand.
const MARK: &str = "XTASK_ENGINE_STAND";

/// The variable that the engine takes the connection string from.
const DSN: &str = "SHOP_DATABASE_URL";

/// The projects, programs and database of one story.
pub struct Stand<'a> {
    /// How the engine reaches the adapter.
    pub way: Way,
    /// The confiture that is deployed with.
    pub release: Release,
    /// What the next deploy is told.
    pub config: Config,
    /// Variables of the engine, beside those that every deploy has.
    pub env: BTreeMap<&'static str, OsString>,
    pub database: Database<'a>,
    engines: &'a Engines,
    password: String,
    directory: Scratch,
    search: OsString,
}

/// What a run of the engine left.
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

impl<'a> Stand<'a> {
    /// A stand with nothing deployed.
    pub fn new(
        server: &'a Server,
        engines: &'a Engines,
        confiture: &Installed,
        way: Way,
    ) -> anyhow::Result<Self> {
        let directory = Scratch::new()?;
        let root = directory.path();
        for part in [
            "bin",
            "home",
            "tmp",
            "project/db/migrations",
            "project/build",
            "lb",
        ] {
            fs::create_dir_all(root.join(part))?;
        }
        let bin = root.join("bin");
        // What these are asked is all that matters of them.
        for name in ["systemctl", "nginx"] {
            let text = format!(
                "#!/bin/sh\necho {name} \"$@\" >> {}/asked\n",
                root.display()
            );
            executable(&bin.join(name), &text)?;
        }
        let text = format!(
            "#!/bin/sh\necho \"$@\" >> {}/started\nexec {} \"$@\"\n",
            root.display(),
            confiture.program.display()
        );
        executable(&bin.join("confiture"), &text)?;
        // The engine lists no links.
        fs::copy(&engines.program, bin.join(super::install::PROGRAM))?;
        let database = server.create_unique_database("engine")?;
        let search = std::env::join_paths([
            bin.as_path(),
            engines.postgres.as_path(),
            Path::new("/usr/bin"),
            Path::new("/bin"),
        ])?;
        Ok(Self {
            way,
            release: confiture.version.parse()?,
            config: Config::new(way, root),
            env: BTreeMap::new(),
            password: endpoint(server, database.name(), database.name())?.password,
            database,
            engines,
            directory,
            search,
        })
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn project(&self) -> PathBuf {
        self.root().join("project")
    }

    /// Whether this confiture is at least `release`.
    pub fn since(&self, release: &str) -> bool {
        release.parse().is_ok_and(|floor| self.release >= floor)
    }

    /// Writes a migration of the project.
    pub fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.project().join("db/migrations").join(file), text)
            .with_context(|| format!("cannot write {file}"))
    }

    /// Writes `NAME.up.sql` and `NAME.down.sql`.
    pub fn migration(&self, name: &str, up: &str, down: &str) -> anyhow::Result<()> {
        self.write(&format!("{name}.up.sql"), up)?;
        self.write(&format!("{name}.down.sql"), down)
    }

    /// Takes the files of a migration away.
    pub fn withdraw(&self, name: &str) -> anyhow::Result<()> {
        for entry in fs::read_dir(self.project().join("db/migrations"))? {
            let path = entry?.path();
            if path
                .file_name()
                .is_some_and(|it| it.to_string_lossy().starts_with(name))
            {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Builds the artifact: the migrations as they are now.
    pub fn build(&self) -> anyhow::Result<()> {
        let to = self.project().join("build/db/migrations");
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(self.project().join("db/migrations"))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// The engine with these arguments, where it would be started.
    pub fn engine(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        self.config.write(&self.project())?;
        let mut command = Command::new(self.engines.of(self.way));
        command
            .args(arguments)
            .current_dir(self.project())
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

    /// Runs the engine to its end, and checks that it told no secret.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let output = run_within(&mut self.engine(arguments)?, PATIENCE)?;
        let printed = format!("{}{}", output.stdout, output.stderr);
        ensure!(
            !printed.contains(&self.password),
            "the engine printed the password"
        );
        Ok(output)
    }

    /// Builds the artifact and deploys it as `version`.
    pub fn deploy(&self, version: &str) -> anyhow::Result<Deployed> {
        self.build()?;
        self.saga(&["--json", "deploy", "--app-version", version])
    }

    /// Runs something of the engine that ends as a deploy does.
    pub fn saga(&self, arguments: &[&str]) -> anyhow::Result<Deployed> {
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
        Ok(Deployed {
            outcome: document.outcome,
            detail: document.detail,
        })
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

    /// The version that `current` leads to.
    pub fn active(&self) -> Option<String> {
        let link = fs::read_link(self.project().join("current")).ok()?;
        Some(link.file_name()?.to_string_lossy().into_owned())
    }

    /// The lines that the stand-ins were asked, and forgets them.
    pub fn asked(&self) -> String {
        taken(&self.root().join("asked"))
    }

    /// How often confiture was started since this was asked last.
    pub fn starts(&self) -> usize {
        taken(&self.root().join("started")).lines().count()
    }

    /// The processes of this stand that live.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}\0", self.root().display()).into_bytes();
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|it| it.windows(mark.len()).any(|window| window == mark))
            })
            .collect()
    }

    /// What lies in the directory for temporary files.
    pub fn temporary(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root().join("tmp"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // The engine's own, empty: where it would keep connections of ssh.
            if name != "fraisier-ssh-cm" {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// A plain `confiture migrate up` of one migration that sleeps, in a project of its own: what
    /// holds the migration lock elsewhere.
    pub fn start_elsewhere(&self) -> anyhow::Result<Elsewhere> {
        let migrations = self.root().join("elsewhere/db/migrations");
        fs::create_dir_all(&migrations)?;
        for entry in fs::read_dir(self.project().join("db/migrations"))? {
            let entry = entry?;
            fs::copy(entry.path(), migrations.join(entry.file_name()))?;
        }
        fs::write(migrations.join("900_long.up.sql"), "SELECT pg_sleep(600);")?;
        fs::write(migrations.join("900_long.down.sql"), "SELECT 1;")?;
        let child = Command::new(self.root().join("bin/confiture"))
            .args(["migrate", "up", "--no-config"])
            .current_dir(self.root().join("elsewhere"))
            .env_clear()
            .env("PATH", &self.search)
            .env("HOME", self.root().join("home"))
            .env("LC_ALL", "C.UTF-8")
            .env("CONFITURE_DATABASE_URL", self.database.dsn())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Elsewhere(child))
    }
}

/// An `up` that somebody else runs; dropping it interrupts it.
pub struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        signal_group(&self.0, Signal::INT);
        if !wait_for(&mut self.0, Duration::from_secs(10)) {
            signal_group(&self.0, Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

impl Deployed {
    /// It was committed.
    pub fn committed(&self) -> anyhow::Result<()> {
        if self.outcome != "committed" {
            bail!("{}: {}", self.outcome, self.detail);
        }
        Ok(())
    }

    /// It was rolled back at `step`, for a reason with `words` in it.
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

fn executable(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The text of a file that is taken away; empty when there is none.
fn taken(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text
}
