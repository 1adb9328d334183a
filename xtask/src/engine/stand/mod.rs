//! A machine to deploy on: a project, the programs that the engine calls, a database, and checks of all
//! these after a deploy.

pub mod deploy;
mod traces;

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

use super::config::Config;
use super::install;
use super::way::Way;
use crate::harness::World;
use crate::project::Project;

/// The variable that marks every process of a stand.
const MARK: &str = "XTASK_ENGINE_STAND";

/// The variable with the administrator's connection string.
pub const ADMIN: &str = "SHOP_ADMIN_URL";

/// A `systemctl` with one unit, which does not run.
const SYSTEMCTL: &str = r#"
echo systemctl "$@" >> "$root/asked"
case "$1 $3" in
"is-active "*) echo inactive; exit 3 ;;
"show EnvironmentFiles") echo "EnvironmentFiles=$(cat "$root/flag") (ignore_errors=yes)" ;;
"show Group") id -gn ;;
esac
exit 0
"#;

/// The first lines of the script of confiture.
const NOTED: &str = r#"
import os, sys
print(*sys.argv[1:], file=open("ROOT/started", "a"))
if "SHOP_ADMIN_URL" in os.environ:
    print("confiture", file=open("ROOT/exposed", "a"))
"#;

/// Runs the program as an orphan, and waits for its end.
const ORPHANED: &str = r#"#!/bin/sh
exec 3<&0
ended="ROOT/ended.$$"
(sh -c '"$0" <&3; touch "$1"' "ROOT/program" "$ended" &)
until [ -e "$ended" ]; do sleep 0.1; done
"#;

/// The projects, programs and database of one story.
pub struct Stand<'a> {
    /// How the engine reaches the adapter.
    pub way: Way,
    /// The confiture that is deployed with.
    pub release: Release,
    /// The settings of the next deploy.
    pub config: Config,
    /// Variables of the engine, in addition to those of every deploy.
    pub env: BTreeMap<&'static str, OsString>,
    pub database: Database<'a>,
    pub project: Project,
    fraisier: PathBuf,
    /// How the runs of the engine ended.
    ended: Vec<String>,
    /// The administrator's connection string.
    admin: String,
    /// A directory that is not below the root.
    outside: Option<PathBuf>,
    password: String,
    directory: TempDir,
    search: OsString,
}

impl<'a> Stand<'a> {
    /// A stand with nothing deployed.
    pub fn new(world: &'a World, confiture: &Installed, way: Way) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let root = directory.path();
        for part in ["bin", "home", "tmp", "project/build", "lb"] {
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
        fs::copy(world.program()?, bin.join(crate::program::PROGRAM))?;
        let server = &world.server;
        let postgres = world.postgres_programs()?;
        let database = server.create_unique_database("engine")?;
        let search = std::env::join_paths([
            bin.as_path(),
            postgres.as_path(),
            Path::new("/usr/bin"),
            Path::new("/bin"),
        ])?;
        Ok(Self {
            way,
            release: confiture.version.parse()?,
            config: Config::new(way, root),
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

    /// Adds the administrator's connection string to the engine's environment.
    pub fn set_admin(&mut self) {
        self.env.insert(ADMIN, self.admin.clone().into());
    }

    /// From now on the engine is not a parent process of the program, as if it ran on another host.
    pub fn hide_engine(&self) -> anyhow::Result<()> {
        let program = self.root().join("bin").join(crate::program::PROGRAM);
        fs::rename(&program, self.root().join("program"))?;
        let text = ORPHANED.replace("ROOT", &self.root().display().to_string());
        Ok(write_program(&program, &text)?)
    }

    /// Removes the directory together with the stand.
    pub fn remove_later(&mut self, directory: PathBuf) {
        self.outside = Some(directory);
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Whether this confiture is at least `release`.
    pub fn since(&self, release: &str) -> bool {
        release.parse().is_ok_and(|minimum| self.release >= minimum)
    }
}

impl Drop for Stand<'_> {
    fn drop(&mut self) {
        if let Some(directory) = &self.outside {
            let _ = fs::remove_dir_all(directory);
        }
    }
}
