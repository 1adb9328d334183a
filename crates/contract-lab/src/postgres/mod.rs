//! A PostgreSQL server: one of the lab's own, or one that is given.
//!
//! A server of the lab's own, and the databases made on a given one, are watched by a *cleaner*:
//! this same program, started again, holding the other end of a pipe. When the pipe closes (a
//! normal end, an interrupt, a `kill -9`) the cleaner stops the server and removes its files, or
//! drops the databases. That is why nothing stays behind whatever happens to a command.
//!
//! The SQL client blocks and brings a runtime of its own: call these functions from plain
//! threads, not from inside an async task.

mod account;
mod args;
mod binaries;
pub mod cleaner;
mod dsn;
mod embedded;
mod reach;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use postgres::{Client, NoTls};

use self::cleaner::{Cleaner, Task};
use super::Lab;
use crate::trouble::Trouble;

pub use args::ServerArgs;
pub use binaries::{Major, libpq};

/// A running server, and the right to make databases on it.
#[derive(Debug)]
pub struct Server {
    base: Base,
    /// Goes before each database name; empty on a server of the lab's own.
    prefix: String,
    /// Kept for its `Drop`, which ends the server or drops the databases.
    _cleaner: Cleaner,
}

/// A DSN whose database is replaced per use. `Debug` hides it: it carries a password.
struct Base(String);

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base(..)")
    }
}

impl Server {
    /// Starts an empty server of the lab's own on a free port of 127.0.0.1. Its superuser
    /// `postgres` has a random password, which the server really asks for (`scram-sha-256`).
    /// `settings` go into `postgresql.conf` after the lab's own, so they win. Works for root.
    ///
    /// # Errors
    /// When PostgreSQL cannot be installed or does not start.
    pub fn start(lab: &Lab, major: Major, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::launch(lab, major, settings, false)
    }

    /// Starts a server that waits for a primary, as [`Self::start`] starts one: it only reads.
    ///
    /// # Errors
    /// As [`Self::start`].
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
        let (cleaner, port) = Cleaner::start(&Task::Server {
            program,
            password: password.clone(),
            settings,
            standby,
        })
        .with_context(|| format!("{major} did not start"))?;
        task.finish(&format!("started {major} on 127.0.0.1:{port}"));
        Ok(Self {
            base: Base(format!(
                "postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
            )),
            prefix: String::new(),
            _cleaner: cleaner,
        })
    }

    /// Uses the server that `url` names, a URL or a keyword DSN. Databases get a name that
    /// nobody else uses, and are dropped when the command ends, however it ends.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the login.
    pub fn given(url: &str) -> anyhow::Result<Self> {
        let base = Base(url.to_owned());
        connect_to(url)?;
        let prefix = format!("xtask_{}_", &random_hex()?[..12]);
        let (cleaner, _) = Cleaner::start(&Task::Databases {
            url: url.to_owned(),
            prefix: prefix.clone(),
        })?;
        Ok(Self {
            base,
            prefix,
            _cleaner: cleaner,
        })
    }

    /// Creates a database, as a copy of `template` when one is named (nobody may be connected to
    /// it). On a given server the real name carries a prefix; see [`Database::name`].
    ///
    /// # Errors
    /// When the server refuses, for instance because the name is taken.
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
    ///
    /// # Errors
    /// As [`Self::create_database`].
    pub fn create_unique_database(&self, stem: &str) -> anyhow::Result<Database<'_>> {
        self.create_database(&unique(stem), None)
    }

    /// Creates a copy of `template`, whose name starts with `stem` and that no other call gets.
    ///
    /// # Errors
    /// As [`Self::create_database`].
    pub fn create_unique_copy(
        &self,
        stem: &str,
        template: &Database<'_>,
    ) -> anyhow::Result<Database<'_>> {
        self.create_database(&unique(stem), Some(template))
    }

    /// A connection to the maintenance database, as the superuser or the user of the given URL.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn connect(&self) -> anyhow::Result<Client> {
        connect_to(&self.base.0)
    }

    /// The DSN of the database `name`, existing or not. It carries the password.
    #[must_use]
    pub fn dsn(&self, name: &str) -> String {
        dsn::with_database(&self.base.0, name)
    }

    /// What the server says it is, such as `18.0`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn version(&self) -> anyhow::Result<String> {
        let row = self.connect()?.query_one("SHOW server_version", &[])?;
        Ok(row.get(0))
    }
}

/// A database; dropping the value drops the database, with whoever is still connected.
#[derive(Debug)]
pub struct Database<'server> {
    server: &'server Server,
    name: String,
}

impl Database<'_> {
    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its DSN, with the password.
    #[must_use]
    pub fn dsn(&self) -> String {
        self.server.dsn(&self.name)
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn connect(&self) -> anyhow::Result<Client> {
        connect_to(&self.dsn())
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if let Ok(mut client) = self.server.connect() {
            // The cleaner comes after and takes whatever could not be dropped here.
            let _ = drop_database(&mut client, &self.name);
        }
    }
}

fn drop_database(client: &mut Client, name: &str) -> Result<(), postgres::Error> {
    client.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        &[&name],
    )?;
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {}", quoted(name)))
}

fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("{stem}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Connects without ever repeating the DSN in an error: it carries a password.
fn connect_to(url: &str) -> anyhow::Result<Client> {
    let unusable = |why: String| {
        Trouble::new(
            format!("the PostgreSQL server cannot be used: {why}"),
            "give another with --database-url, or leave the option out for one of the lab's own",
        )
    };
    let mut config: postgres::Config = url
        .parse()
        .map_err(|_| unusable("the URL is not one that PostgreSQL understands".into()))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    Ok(config
        .connect(NoTls)
        .map_err(|error| unusable(explain(&error).to_string()))?)
}

/// The server's or the system's own words, without the client's wrapping.
fn explain(error: &postgres::Error) -> anyhow::Error {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => anyhow::anyhow!("{}", said.message()),
        (None, Some(source)) => anyhow::anyhow!("{source}"),
        (None, None) => anyhow::anyhow!("{error}"),
    }
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
    fn no_debug_output_carries_the_password() {
        let base = Base("postgresql://u:geheim@h/db".into());
        assert!(!format!("{base:?}").contains("geheim"));
    }

    #[test]
    fn a_bad_url_is_refused_without_quoting_it() {
        let error = connect_to("mysql://u:geheim@h/db")
            .err()
            .unwrap()
            .to_string();
        assert!(!error.contains("geheim"), "{error}");
        assert!(error.contains("--database-url"), "{error}");
    }

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
