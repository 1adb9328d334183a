//! A machine to deploy on: a project, the programs the engine calls, a database, and what of them
//! can be seen afterwards.

pub mod deploy;
mod elsewhere;
mod project;
mod traces;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use contract_lab::confiture::Installed;
use contract_lab::files::write_program;
use contract_lab::postgres::{Database, Server};
use contract_lab::runner::database::endpoint;
use contract_lab::scratch::Scratch;
use contract_tests::release::Release;

use super::config::Config;
use super::install::Engines;
use super::way::Way;

/// The variable that marks every process of a stand.
const MARK: &str = "XTASK_ENGINE_STAND";

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
            write_program(&bin.join(name), &text)?;
        }
        let text = format!(
            "#!/bin/sh\necho \"$@\" >> {}/started\nexec {} \"$@\"\n",
            root.display(),
            confiture.program.display()
        );
        write_program(&bin.join("confiture"), &text)?;
        // The engine lists no links.
        fs::copy(&engines.program, bin.join(crate::program::PROGRAM))?;
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
}
