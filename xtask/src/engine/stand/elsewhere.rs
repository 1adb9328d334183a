//! Somebody else, who migrates the same database.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use contract_lab::command::{signal_group, wait_for};
use rustix::process::Signal;

use super::Stand;

impl Stand<'_> {
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
