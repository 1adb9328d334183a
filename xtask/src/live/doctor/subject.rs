//! A project with its database, to be broken and then diagnosed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use anyhow::ensure;

use crate::live::cut::proxy::address;
use crate::stage::Stage;

/// The variable with the connection string.
pub(super) const DSN: &str = "DATABASE_URL";

/// The variable that names confiture.
pub(super) const CONFITURE: &str = "FRAISIER_CONFITURE_BIN";

/// A project with its database, and the environment that `doctor` is started in.
pub(super) struct Subject<'a> {
    stage: Stage<'a>,
    pub(super) env: BTreeMap<String, OsString>,
}

impl<'a> Deref for Subject<'a> {
    type Target = Stage<'a>;

    fn deref(&self) -> &Stage<'a> {
        &self.stage
    }
}

impl<'a> Subject<'a> {
    pub(super) fn new(stage: Stage<'a>) -> Self {
        let (program, dsn) = (stage.confiture.program.clone(), stage.database.dsn());
        let env = [(CONFITURE, program.into()), (DSN, dsn.into())];
        Self {
            stage,
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// Replaces `that`, which must occur, by `this` in the connection string for `doctor`.
    pub(super) fn replace_in_dsn(&mut self, that: &str, this: &str) -> anyhow::Result<()> {
        let dsn = self.env[DSN].to_string_lossy();
        ensure!(
            dsn.contains(that),
            "the server's connection string has no {that}"
        );
        let dsn = dsn.replace(that, this);
        self.env.insert(DSN.into(), dsn.into());
        Ok(())
    }

    /// Replaces the port of the connection string.
    pub(super) fn replace_port(&mut self, port: u16) -> anyhow::Result<()> {
        let old = self.endpoint()?.port;
        self.replace_in_dsn(&format!(":{old}/"), &format!(":{port}/"))
    }

    /// Appends these parameters to the connection string.
    pub(super) fn add_to_dsn(&mut self, parameters: &str) {
        let dsn = self.env.entry(DSN.into()).or_default();
        dsn.push("?");
        dsn.push(parameters);
    }

    /// The address of the server itself.
    pub(super) fn server(&self) -> anyhow::Result<SocketAddr> {
        address(&self.endpoint()?)
    }

    /// A stand-in for confiture.
    pub(super) fn program(&mut self, text: &str) -> anyhow::Result<()> {
        let path = self.script(text)?;
        self.env.insert(CONFITURE.into(), path.into());
        Ok(())
    }

    pub(super) fn migrations(&self) -> PathBuf {
        self.project.migrations()
    }

    /// From now on the connection has the rights of a role that was granted nothing.
    pub(super) fn become_reader(&mut self) -> anyhow::Result<()> {
        self.sql(
            "DO $$ BEGIN CREATE ROLE doctor_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        )?;
        self.add_to_dsn("options=-c%20role%3Ddoctor_reader");
        Ok(())
    }

    /// The relations of the database, with their files and privileges.
    pub(super) fn fingerprint(&self) -> anyhow::Result<String> {
        let sql = "SELECT md5(string_agg(concat_ws(' ', oid, relname, relfilenode, relacl), ',' ORDER BY oid)) \
                   FROM pg_class WHERE relpersistence <> 't'";
        Ok(self.database.connect()?.query_one(sql, &[])?.get(0))
    }
}
