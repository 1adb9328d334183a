//! A project with its database, to be broken and then diagnosed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use postgres::{Client, Config};

use contract_lab::Lab;
use contract_lab::files::write_program;
use contract_lab::postgres::Database;
use contract_tests::release::Release;

use crate::project::Project;

/// The variable with the connection string.
pub(super) const DSN: &str = "DATABASE_URL";

/// A project, its database, and the environment that `doctor` is started in.
pub(super) struct Scene<'server> {
    pub(super) lab: &'server Lab,
    /// The confiture that the project is deployed with.
    pub(super) release: Release,
    pub(super) project: Project,
    pub(super) database: Database<'server>,
    pub(super) env: BTreeMap<&'static str, OsString>,
}

impl Scene<'_> {
    /// The connection string that `doctor` is given, with this put in place of that, which has to be
    /// in it.
    pub(super) fn replace_in_dsn(&mut self, that: &str, this: &str) -> anyhow::Result<()> {
        let dsn = self.env[DSN].to_string_lossy();
        ensure!(
            dsn.contains(that),
            "the server's connection string has no {that}"
        );
        let dsn = dsn.replace(that, this);
        self.env.insert(DSN, dsn.into());
        Ok(())
    }

    /// The connection string with another port.
    pub(super) fn replace_port(&mut self, port: u16) -> anyhow::Result<()> {
        let old = self.port()?;
        self.replace_in_dsn(&format!(":{old}/"), &format!(":{port}/"))
    }

    /// The connection string with these parameters at its end.
    pub(super) fn add_to_dsn(&mut self, parameters: &str) {
        let dsn = self.env.entry(DSN).or_default();
        dsn.push("?");
        dsn.push(parameters);
    }

    /// The port of the server itself.
    pub(super) fn port(&self) -> anyhow::Result<u16> {
        let config: Config = self.database.dsn().parse()?;
        let port = config.get_ports().first().copied();
        port.context("the server's connection string has no port")
    }

    /// The password, which no diagnosis may hold.
    pub(super) fn password(&self) -> anyhow::Result<String> {
        let config: Config = self.database.dsn().parse()?;
        let password = config.get_password();
        let password = password.context("the server's connection string has no password")?;
        Ok(String::from_utf8_lossy(password).into_owned())
    }

    /// A stand-in for confiture.
    pub(super) fn program(&mut self, text: &str) -> anyhow::Result<()> {
        let path = self.project.root().join("confiture");
        write_program(&path, text)?;
        self.env.insert("FRAISIER_CONFITURE_BIN", path.into());
        Ok(())
    }

    pub(super) fn since(&self, release: &str) -> bool {
        release.parse().is_ok_and(|floor| self.release >= floor)
    }

    pub(super) fn migrations(&self) -> PathBuf {
        self.project.migrations()
    }

    pub(super) fn execute(&self, sql: &str) -> anyhow::Result<Client> {
        let mut client = self.database.connect()?;
        client.batch_execute(sql)?;
        Ok(client)
    }

    /// Sets a parameter for the sessions of the database.
    pub(super) fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let database = self.database.name();
        self.execute(&format!("ALTER DATABASE {database} SET {name} = '{value}'"))?;
        Ok(())
    }

    /// The relations of the database, their files and rights.
    pub(super) fn fingerprint(&self) -> anyhow::Result<String> {
        let sql = "SELECT md5(string_agg(concat_ws(' ', oid, relname, relfilenode, relacl), ',' ORDER BY oid)) \
                   FROM pg_class WHERE relpersistence <> 't'";
        Ok(self.database.connect()?.query_one(sql, &[])?.get(0))
    }
}

/// What a check has to find.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) check: &'static str,
    pub(super) status: &'static str,
    pub(super) says: &'static str,
}
