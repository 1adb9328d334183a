//! What is in the database, on the server and on the machine after a deploy.

use std::fs;
use std::path::Path;
use std::time::Duration;

use contract_lab::postgres::look;

use super::{MARK, Stand};
use crate::stage::{ASLEEP, comes, within};

/// How soon nothing may remain of a deploy, even of a killed one.
const SETTLED: Duration = Duration::from_secs(3);

impl Stand<'_> {
    /// The versions in the ledger, in order; none without a ledger.
    pub fn ledger(&self) -> anyhow::Result<Vec<String>> {
        look::ledger(&mut self.database.connect()?)
    }

    /// The tables of the project, in order.
    pub fn tables(&self) -> anyhow::Result<Vec<String>> {
        self.names(
            "SELECT tablename::text FROM pg_tables
             WHERE schemaname = 'public' AND tablename NOT LIKE '%confiture%' ORDER BY 1",
        )
    }

    fn names(&self, query: &str) -> anyhow::Result<Vec<String>> {
        let rows = self.database.connect()?.query(query, &[])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Checks that only what was committed remains: no session, lock, process, temporary file or
    /// throwaway database.
    pub fn nothing_is_left(&self) -> anyhow::Result<()> {
        let mut client = self.database.connect()?;
        // The engine makes them of the stand's own database.
        let throwaway = "SELECT datname::text FROM pg_database
             WHERE starts_with(datname::text, current_database() || '_fraisier_rh_')";
        within(SETTLED, || {
            let left = (
                look::sessions(&mut client)?,
                look::advisory_locks(&mut client)?,
                self.processes(),
                self.temporary()?,
                self.names(throwaway)?,
            );
            let what = "sessions, advisory locks, processes, temporary files, databases";
            Ok((left != Default::default()).then(|| format!("{what}: {left:?}")))
        })
    }

    /// Waits until a migration sleeps in the database.
    pub fn wait_for_sleep(&self) -> anyhow::Result<()> {
        comes(&mut self.database.connect()?, ASLEEP).map(drop)
    }

    /// The version that `current` leads to.
    pub fn active(&self) -> Option<String> {
        let link = fs::read_link(self.project.root().join("current")).ok()?;
        Some(link.file_name()?.to_string_lossy().into_owned())
    }

    /// Returns the calls of the stand-ins, and clears their log.
    pub fn asked(&self) -> String {
        taken(&self.root().join("asked"))
    }

    /// Returns the programs that received the administrator's connection string, and clears their log.
    pub fn exposed(&self) -> String {
        taken(&self.root().join("exposed"))
    }

    /// How often confiture was started since the last call of this function.
    pub fn starts(&self) -> usize {
        taken(&self.root().join("started")).lines().count()
    }

    /// The processes of this stand that live.
    pub fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}\0", self.root().display()).into_bytes();
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|it| it.windows(mark.len()).any(|window| window == mark))
            })
            .collect()
    }

    /// The contents of the directory for temporary files.
    pub fn temporary(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root().join("tmp"))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        // The engine's own empty directory for ssh connections.
        names.retain(|name| name != "fraisier-ssh-cm");
        Ok(names)
    }
}

/// Removes a file and returns its text; empty if there is none.
fn taken(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text
}
