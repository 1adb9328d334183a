//! Prepares cases of the catalogue for a real binary: the database that the case starts from, and
//! everything else that it needs. Both the recorder and the gate use it.

mod call;
pub mod database;
mod lock;
mod prepared;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::call::Call;
use contract_catalogue::case::{Circumstance, Database as Wanted, Definition};
use contract_catalogue::project::Project;
use contract_catalogue::release::Release;
use contract_catalogue::site::Site;
use serde_json::{Map, Value};

pub use self::call::call_by;
pub use self::prepared::{Prepared, Spoilt};
use crate::command::run_within;
use crate::confiture::Installed;
use crate::postgres::{Database, Server};

/// The binary of one release on one server, with the databases that its cases start from.
pub struct Runner<'server> {
    release: Release,
    installed: &'server Installed,
    server: &'server Server,
    /// How long one call may take.
    limit: Duration,
    bases: Mutex<BTreeMap<Project, Base<'server>>>,
}

/// Made by the first case that needs it, while the others wait.
type Base<'server> = Arc<OnceLock<Result<Database<'server>, String>>>;

impl<'server> Runner<'server> {
    /// A runner without a database yet.
    pub fn new(
        release: Release,
        installed: &'server Installed,
        server: &'server Server,
        limit: Duration,
    ) -> Self {
        Self {
            release,
            installed,
            server,
            limit,
            bases: Mutex::default(),
        }
    }

    /// The server that the cases run on.
    pub fn server(&self) -> &'server Server {
        self.server
    }

    /// Prepares everything that a case needs before its call.
    pub fn prepare(&self, definition: &Definition) -> anyhow::Result<Prepared<'server>> {
        let root = tempfile::tempdir()?;
        let project = root.path().join("project");
        definition.project.write(&project)?;
        let report = root.path().join("report.json");
        if definition.circumstance == Some(Circumstance::UnwritableReport) {
            fs::create_dir(&report)?;
        }
        let database = self.database(&definition.database)?;
        let copy = match definition.call {
            Call::PreflightAgainst => self.database(&definition.database)?,
            _ => None,
        };
        let name = |database: &Option<Database<'_>>, absent: &str| {
            let name = database.as_ref().map(|database| database.name().to_owned());
            name.unwrap_or_else(|| absent.to_owned())
        };
        let site = Site {
            release: self.release,
            project,
            report,
            links: root.path().join("links"),
            environment: self.environment(),
            machine: fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|name| name.trim().to_owned()),
            endpoint: database::endpoint(
                self.server,
                &name(&database, "contract_no_such_database"),
                &name(&copy, "contract_no_such_copy"),
            )?,
        };
        let lock_holder = match definition.circumstance {
            Some(Circumstance::LockHeld) => {
                let held = lock::hold(&self.installed.program, &site, definition);
                Some(held.map_err(|error| {
                    Spoilt::new(
                        "the `up` that shows which lock it takes",
                        format!("{error:#}"),
                    )
                })?)
            }
            _ => None,
        };
        Ok(Prepared {
            site,
            settings: Map::new(),
            lock_holder,
            database,
            _copy: copy,
            _root: root,
        })
    }

    /// The directory of the binary's Python environment.
    fn environment(&self) -> Option<PathBuf> {
        let directory = self.installed.program.parent()?.parent()?;
        Some(directory.to_owned())
    }

    /// A database as `wanted`, for one case only.
    fn database(&self, wanted: &Wanted) -> anyhow::Result<Option<Database<'server>>> {
        let stem = "contract_case";
        match wanted {
            Wanted::None => Ok(None),
            Wanted::Fresh => Ok(Some(self.server.create_unique_database(stem)?)),
            Wanted::Applied { project, sql } => {
                let base = self.base(project);
                let base = base.get_or_init(|| {
                    self.build_base(project)
                        .map_err(|error| format!("{error:#}"))
                });
                let spoilt = |why: &str| Spoilt::new("the `up` of what the case starts from", why);
                let base = base.as_ref().map_err(|why| spoilt(why))?;
                let copy = self.server.create_unique_copy(stem, base)?;
                if !sql.is_empty() {
                    let changed = copy.connect()?.batch_execute(sql);
                    changed.map_err(|error| spoilt(&format!("then {sql}: {error}")))?;
                }
                Ok(Some(copy))
            }
        }
    }

    fn base(&self, project: &Project) -> Base<'server> {
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bases.entry(project.clone()).or_default())
    }

    /// The database that this release's `up` makes of `project`.
    fn build_base(&self, project: &Project) -> anyhow::Result<Database<'server>> {
        let database = self.server.create_unique_database("contract_base")?;
        let root = tempfile::tempdir()?;
        let endpoint = database::endpoint(self.server, database.name(), "")?;
        let site = call::site_of_up(self.release, root.path(), endpoint);
        project.write(&site.project)?;
        let up = Definition::of(Call::Up(None));
        let mut command = call::command(&self.installed.program, &site, &up, &up.call);
        let output = run_within(&mut command, self.limit).context("calling confiture")?;
        let report = fs::read_to_string(&site.report).ok();
        ensure!(
            output.status.success(),
            "{}: {}",
            output.status,
            reason(report.as_deref(), [&output.stdout, &output.stderr])
        );
        database::settle(&site.endpoint, 0)?;
        Ok(database)
    }
}

/// The reason for which a command failed: the error in its report, or else what it printed.
pub fn reason(report: Option<&str>, streams: [&str; 2]) -> String {
    let report: Option<Value> = report.and_then(|text| serde_json::from_str(text).ok());
    let error = report.as_ref().and_then(|report| {
        let places = ["/error/message", "/errors/0"];
        places.iter().find_map(|at| report.pointer(at)?.as_str())
    });
    error.map_or_else(|| streams.concat(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_error_of_the_report_or_else_what_was_printed() {
        let printed = ["Output written to /tmp/x. ", "MemoryError"];
        for (report, expected) in [
            (Some(r#"{"error": {"message": "no space"}}"#), "no space"),
            (Some(r#"{"errors": ["002 failed", "x"]}"#), "002 failed"),
            (
                Some(r#"{"errors": []}"#),
                "Output written to /tmp/x. MemoryError",
            ),
            (Some("{"), "Output written to /tmp/x. MemoryError"),
            (None, "Output written to /tmp/x. MemoryError"),
        ] {
            assert_eq!(reason(report, printed), expected, "{report:?}");
        }
    }
}
