//! A machine to deploy on: a project, the programs that the engine calls, a database, and checks of all
//! these after a deploy.

mod deploy;
mod look;

pub use self::deploy::Deployed;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use contract_catalogue::release::Release;
use contract_lab::confiture::Installed;
use contract_lab::confiture::copy::shared;
use contract_lab::files::write_program;
use contract_lab::postgres::Database;
use contract_lab::runner::database::endpoint;
use tempfile::TempDir;

use super::install;
use super::way::Way;
use crate::harness::World;
use crate::project::Project;

/// The variable that marks every process of a stand.
const MARK: &str = "XTASK_ENGINE_STAND";

/// The variable with the administrator's connection string.
pub const ADMIN: &str = "SHOP_ADMIN_URL";

/// A `systemctl` with one unit, which does not run.
const SYSTEMCTL: &str = include_str!("../../../stand-ins/systemctl.sh");

/// The first lines of the script of confiture.
const NOTED: &str = include_str!("../../../stand-ins/noted.py");

/// The projects, programs and database of one story.
pub struct Stand<'a> {
    /// How the engine reaches the adapter.
    pub way: Way,
    /// The confiture that is deployed with.
    pub release: Release,
    /// The settings of the engine's configuration, and further sections of it.
    pub settings: BTreeMap<String, String>,
    pub sections: Vec<String>,
    /// Variables of the engine, in addition to those of every deploy.
    pub env: BTreeMap<String, String>,
    pub database: Database<'a>,
    pub project: Project,
    fraisier: PathBuf,
    /// How the runs of the engine ended.
    ended: Vec<String>,
    /// The administrator's connection string.
    pub admin: String,
    /// A directory that is not below the root, and is removed together with the stand.
    pub outside: Option<PathBuf>,
    password: String,
    directory: TempDir,
    search: OsString,
}

impl<'a> Stand<'a> {
    /// A stand with nothing deployed.
    pub fn new(world: &'a World, confiture: &Installed, way: Way) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let root = directory.path();
        for part in ["bin", "home", "tmp", "project/build", "lb", "backups"] {
            fs::create_dir_all(root.join(part))?;
        }
        let bin = root.join("bin");
        let shell = |name: &str, text: &str| {
            let begin = format!(
                "#!/bin/sh\nroot='{}'\n[ -n \"${{{ADMIN}+x}}\" ] && echo {name} >> \"$root/exposed\"\n",
                root.display()
            );
            write_program(&bin.join(name), &(begin + text))
        };
        // Only the arguments of these stand-ins matter.
        shell("nginx", "echo nginx \"$@\" >> \"$root/asked\"\n")?;
        shell("systemctl", SYSTEMCTL)?;
        let venv = root.join("venv");
        let noted = NOTED.replace("ROOT", &root.display().to_string());
        let program = shared(&confiture.program, &venv, &noted)?;
        symlink(program, bin.join("confiture"))?;
        // The engine does not list programs that are links.
        fs::copy(world.program()?, bin.join(crate::cargo::PROGRAM))?;
        let server = &world.server;
        let postgres = world.postgres_programs()?;
        let database = server.create_unique_database("engine")?;
        let search = std::env::join_paths([
            bin.as_path(),
            postgres.as_path(),
            Path::new("/usr/bin"),
            Path::new("/bin"),
        ])?;
        let adapter = match way {
            Way::Program => "confiture-ipc",
            Way::Shipped | Way::InProcess => "confiture",
        };
        let settings = [
            ("adapter", adapter),
            ("name", "shop"),
            ("environment", "production"),
            ("production", "true"),
            ("strategy", ""),
            ("preflight", "live"),
            ("health", "true"),
        ];
        Ok(Self {
            way,
            release: confiture.version.parse()?,
            settings: settings
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            sections: Vec::new(),
            env: BTreeMap::new(),
            ended: Vec::new(),
            outside: None,
            admin: server.dsn("postgres"),
            password: endpoint(server, database.name(), database.name())?.password,
            database,
            project: Project::at(&root.join("project"))?,
            fraisier: install::engine(&world.lab, way)?,
            directory,
            search,
        })
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Replaces the names in braces by what they stand for on this stand.
    pub fn filled(&self, text: &str) -> String {
        text.replace("{root}", &self.root().display().to_string())
            .replace("{database}", self.database.name())
            .replace("{release}", &self.release.to_string())
    }

    /// Whether this condition holds; the head of `stories.toml` lists them.
    pub fn holds(&self, condition: &str) -> anyhow::Result<bool> {
        if let Some(opposite) = condition.strip_prefix("not ") {
            return Ok(!self.holds(opposite)?);
        }
        if let Some(way) = Way::ALL.into_iter().find(|way| way.word() == condition) {
            return Ok(self.way == way);
        }
        Ok(match condition {
            "ours" => self.way != Way::Shipped,
            // The shipped adapter trusts no verdict before 0.44.0; ours checks each `true` of those releases.
            "windows" => self.holds(match self.way {
                Way::Shipped => "0.44.0",
                Way::Program | Way::InProcess => "0.23.0",
            })?,
            release => self.release >= release.parse()?,
        })
    }
}

impl Drop for Stand<'_> {
    fn drop(&mut self) {
        if let Some(directory) = &self.outside {
            let _ = fs::remove_dir_all(directory);
        }
    }
}
