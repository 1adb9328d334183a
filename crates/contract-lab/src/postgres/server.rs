//! A running server, and databases that are dropped with their values.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use postgres::Client;

use super::binaries::{self, Major};
use super::cleaner::{Cleaner, Duty};
use super::connection::{connect_to, drop_database, explain, quoted};
use super::dsn;
use crate::Lab;

/// A running server, on which databases can be made.
#[derive(Debug)]
pub struct Server {
    url: ServerUrl,
    /// The prefix of each database name; empty on a server of the lab's own.
    prefix: String,
    /// Stored for its `Drop`, which ends the server or drops the databases.
    _cleaner: Cleaner,
}

/// A DSN whose database is replaced at each use. `Debug` hides it, because it contains a password.
struct ServerUrl(String);

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl(..)")
    }
}

impl Server {
    /// Starts an empty server of the lab's own on a free port of 127.0.0.1. Its superuser `postgres` has
    /// a random password, which the server requires (`scram-sha-256`). `settings` follow the lab's own in
    /// `postgresql.conf`, so they override them. Root may call this too.
    pub fn start(lab: &Lab, major: Major, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::launch(lab, major, settings, false)
    }

    /// Starts a standby without a primary, as [`Self::start`] starts a server. It is read-only.
    pub fn start_standby(lab: &Lab, major: Major) -> anyhow::Result<Self> {
        Self::launch(lab, major, &[], true)
    }

    fn launch(
        lab: &Lab,
        major: Major,
        settings: &[(&str, &str)],
        standby: bool,
    ) -> anyhow::Result<Self> {
        let program = binaries::provision(lab, major)?;
        let password = random_hex()?;
        let task = lab.ui.task(&format!("starting {major}"));
        let settings = settings
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let (cleaner, port) = Cleaner::start(&Duty::Server {
            program,
            password: password.clone(),
            settings,
            standby,
        })
        .with_context(|| format!("{major} did not start"))?;
        task.finish(&format!("started {major} on 127.0.0.1:{port}"));
        Ok(Self {
            url: ServerUrl(format!(
                "postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
            )),
            prefix: String::new(),
            _cleaner: cleaner,
        })
    }

    /// Uses the server that `url` names, a URL or a keyword DSN. Databases get unique names, and are
    /// dropped when the command ends, however it ends.
    pub fn given(url: &str) -> anyhow::Result<Self> {
        connect_to(url)?;
        let prefix = format!("xtask_{}_", &random_hex()?[..12]);
        let (cleaner, _) = Cleaner::start(&Duty::Databases {
            url: url.to_owned(),
            prefix: prefix.clone(),
        })?;
        Ok(Self {
            url: ServerUrl(url.to_owned()),
            prefix,
            _cleaner: cleaner,
        })
    }

    /// Creates a database, as a copy of `template` if one is named (no session may be connected to it).
    /// On a given server the real name has a prefix; see [`Database::name`].
    pub fn create_database(
        &self,
        name: &str,
        template: Option<&Database<'_>>,
    ) -> anyhow::Result<Database<'_>> {
        let name = format!("{}{name}", self.prefix);
        let template = template.map_or_else(String::new, |from| {
            format!(" TEMPLATE {}", quoted(&from.name))
        });
        self.connect()?
            .batch_execute(&format!("CREATE DATABASE {}{template}", quoted(&name)))
            .map_err(|error| explain(&error))
            .with_context(|| format!("cannot create the database {name}"))?;
        Ok(Database { server: self, name })
    }

    /// Creates a database whose name starts with `stem` and that no other call gets.
    pub fn create_unique_database(&self, stem: &str) -> anyhow::Result<Database<'_>> {
        self.create_database(&unique(stem), None)
    }

    /// Creates a copy of `template`, whose name starts with `stem` and that no other call gets.
    pub fn create_unique_copy(
        &self,
        stem: &str,
        template: &Database<'_>,
    ) -> anyhow::Result<Database<'_>> {
        self.create_database(&unique(stem), Some(template))
    }

    /// A connection to the maintenance database, as the superuser or the user of the given URL.
    pub fn connect(&self) -> anyhow::Result<Client> {
        connect_to(&self.url.0)
    }

    /// The DSN of the database `name`, existing or not. It contains the password.
    pub fn dsn(&self, name: &str) -> String {
        dsn::with_database(&self.url.0, name)
    }

    /// The version of the server, such as `18.0`.
    pub fn version(&self) -> anyhow::Result<String> {
        let row = self.connect()?.query_one("SHOW server_version", &[])?;
        Ok(row.get(0))
    }
}

/// A database. Dropping the value drops the database, and ends its sessions.
#[derive(Debug)]
pub struct Database<'server> {
    server: &'server Server,
    name: String,
}

impl Database<'_> {
    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its DSN, with the password.
    pub fn dsn(&self) -> String {
        self.server.dsn(&self.name)
    }

    /// A connection to it.
    pub fn connect(&self) -> anyhow::Result<Client> {
        connect_to(&self.dsn())
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if let Ok(mut client) = self.server.connect() {
            // The cleaner drops later what could not be dropped here.
            let _ = drop_database(&mut client, &self.name);
        }
    }
}

fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("{stem}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn random_hex() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_contains_no_password() {
        let url = ServerUrl("postgresql://u:geheim@h/db".into());
        assert!(!format!("{url:?}").contains("geheim"));
    }
}
