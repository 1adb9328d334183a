//! Projects, each broken in one way, and what `doctor` has to find in them.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, ensure};
use contract_catalogue::release::Release;
use contract_lab::confiture::copy::{Environment, packages};
use contract_lab::files::make_fifo;
use contract_lab::postgres::{Major, Server};
use serde::Deserialize;

use super::subject::{CONFITURE, DSN, Subject};
use crate::live::cut::proxy::{Interferes, Proxy};
use crate::live::pooler::{self, Pooler};
use crate::stage::comes;

/// A check, its status, and words of its evidence.
pub(super) type Finding = (String, String, String);

/// What must not be dropped before the diagnosis.
type Kept = Option<Box<dyn Any>>;

/// A way to break a project. The head of `broken.toml` says what the fields mean.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    code: bool,
    reader: bool,
    sql: Option<String>,
    replace: Option<(String, String)>,
    add: Option<String>,
    env: BTreeMap<String, String>,
    program: Option<String>,
    remove: Option<String>,
    files: BTreeMap<String, String>,
    finds: Option<Finding>,
    pub(super) advises: String,
    before: Option<(Release, String)>,
}

/// Every way to break a project.
pub(super) fn all() -> Vec<Row> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rows {
        broken: Vec<Row>,
    }
    let rows = toml::from_str::<Rows>(include_str!("broken.toml"));
    rows.expect("broken.toml has the fields of its head").broken
}

impl Row {
    /// Breaks the project. Returns what has to be found, which is nothing in a healthy project, and what
    /// must not be dropped before.
    pub(super) fn breaks(
        self,
        subject: &mut Subject<'_>,
    ) -> anyhow::Result<(Option<Finding>, impl Any)> {
        if let Some(prefix) = &self.remove {
            subject.project.remove(prefix)?;
        }
        for (file, text) in &self.files {
            let path = subject.migrations().join(file);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, subject.filled(text))?;
            // libpq accepts no other password file.
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        for (name, value) in self.env {
            let value = subject.filled(&value);
            subject.env.insert(name, value.into());
        }
        if let Some(text) = &self.program {
            subject.program(&subject.filled(text))?;
        }
        if let Some((that, this)) = &self.replace {
            subject.replace_in_dsn(&subject.filled(that), this)?;
        }
        if let Some(parameter) = &self.add {
            subject.add_to_dsn(parameter);
        }
        if self.reader {
            subject.become_reader()?;
        }
        let sql = self.sql.map(|sql| subject.sql(&subject.filled(&sql)));
        let session = sql.transpose()?;
        let mut kept = None;
        if self.code {
            let code = BY_CODE.iter().find(|(name, _)| *name == self.name);
            kept = code.context("there is no such code")?.1(subject)?;
        }
        let mut finds = self.finds;
        if let (Some((_, status, _)), Some((first, earlier))) = (&mut finds, self.before)
            && !subject.since(first)
        {
            *status = earlier;
        }
        Ok((finds, (session, kept)))
    }
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "each function of the table ends with it"
)]
fn kept(kept: impl Any) -> anyhow::Result<Kept> {
    Ok(Some(Box::new(kept)))
}

/// A transaction that runs this and is prepared, on a server of its own: others do not allow that.
fn prepared(subject: &mut Subject<'_>, runs: &str) -> anyhow::Result<Kept> {
    let setting = [("max_prepared_transactions", "1")];
    let own = Server::start(&subject.world.lab, Major::Pg18, &setting)?;
    let mut client = own.connect()?;
    client.batch_execute("CREATE TABLE shop (); CREATE TABLE tb_confiture ()")?;
    client.batch_execute(&format!("BEGIN; {runs}; PREPARE TRANSACTION 'half'"))?;
    subject.env.insert(DSN.into(), own.dsn("postgres").into());
    kept(own)
}

type Code = fn(&mut Subject<'_>) -> anyhow::Result<Kept>;

/// What only code can do, by the name of the row.
const BY_CODE: [(&str, Code); 21] = [
    ("a module that is gone", |subject| {
        let own = Environment::copy(Path::new(&subject.env[CONFITURE]))?;
        fs::remove_dir_all(packages(own.path())?.join("typer"))?;
        subject.env.insert(CONFITURE.into(), own.program().into());
        kept(own)
    }),
    ("Python that is not UTF-8", |subject| {
        let file = subject.migrations().join("20270101000000_x.py");
        fs::write(file, b"# caf\xe9")?;
        Ok(None)
    }),
    ("a file name that is not UTF-8", |subject| {
        let name = OsStr::from_bytes(b"20270101000000_\xff.up.sql");
        fs::write(subject.migrations().join(name), "SELECT 1;")?;
        Ok(None)
    }),
    ("no migrations directory", |subject| {
        fs::remove_dir_all(subject.migrations())?;
        Ok(None)
    }),
    ("a migration that is a FIFO", |subject| {
        make_fifo(&subject.migrations().join("900_x.up.sql"))?;
        Ok(None)
    }),
    ("one huge file", |subject| {
        // Sparse, so that only reading it takes long.
        let file = fs::File::create(subject.migrations().join("20270101000000_x.up.sql"))?;
        file.set_len(1 << 40)?;
        Ok(None)
    }),
    ("no secret", |subject| {
        subject.env.remove(DSN);
        Ok(None)
    }),
    (
        "a server that takes connections and says nothing",
        |subject| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            subject.replace_port(listener.local_addr()?.port())?;
            kept(listener)
        },
    ),
    ("a pooler that refuses options", |subject| {
        let proxy = Proxy::start(subject.server()?, Interferes::RefusesOptions)?;
        subject.replace_port(proxy.port())?;
        kept(proxy)
    }),
    ("a pooler that shares sessions", |subject| {
        // A session of the server ends after one transaction.
        let setting = "pool_mode = transaction\nserver_lifetime = 0";
        let pooler = Pooler::start(&pooler::find()?, subject.endpoint()?, setting)?;
        subject.replace_port(pooler.reached.port)?;
        kept(pooler)
    }),
    ("a proxy in between", |subject| {
        let proxy = Proxy::start(subject.server()?, Interferes::Never)?;
        subject.replace_port(proxy.port())?;
        kept(proxy)
    }),
    ("a standby", |subject| {
        let standby = Server::start_standby(&subject.world.lab, Major::Pg18)?;
        subject
            .env
            .insert(DSN.into(), standby.dsn("postgres").into());
        kept(standby)
    }),
    (
        "a migration lock that another session waits for",
        |subject| {
            let lock = "SELECT pg_advisory_lock(1751936052, 7)";
            let holder = subject.sql(lock)?;
            let mut waiter = subject.database.connect()?;
            // It waits until the database is dropped.
            thread::spawn(move || waiter.batch_execute(lock));
            subject.comes("SELECT FROM pg_locks WHERE NOT granted")?;
            kept(holder)
        },
    ),
    ("a session that blocks another", |subject| {
        let holder = subject.sql("BEGIN; LOCK TABLE tb_confiture IN SHARE ROW EXCLUSIVE MODE")?;
        let mut waiter = subject.database.connect()?;
        // It waits until the database is dropped.
        thread::spawn(move || waiter.batch_execute("BEGIN; LOCK TABLE tb_confiture IN SHARE MODE"));
        subject.comes("SELECT FROM pg_locks WHERE NOT granted")?;
        kept(holder)
    }),
    ("an invalid index", |subject| {
        let mut client =
            subject.sql("CREATE TABLE twice AS SELECT 1 AS x FROM generate_series(1, 2)")?;
        let failed = client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY torn ON twice (x)");
        ensure!(failed.is_err(), "the index could be made");
        Ok(None)
    }),
    ("an index that is being built", |subject| {
        let holder = subject.sql("BEGIN; LOCK TABLE tb_confiture IN ROW EXCLUSIVE MODE")?;
        let mut builder = subject.database.connect()?;
        // It waits until the database is dropped.
        thread::spawn(move || {
            builder.batch_execute("CREATE INDEX CONCURRENTLY x ON tb_confiture (name)")
        });
        subject.comes("SELECT FROM pg_stat_progress_create_index WHERE index_relid <> 0")?;
        kept(holder)
    }),
    ("a commit that waits for a standby", |subject| {
        let own = Server::start(&subject.world.lab, Major::Pg18, &[])?;
        let mut client = own.connect()?;
        client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")?;
        client.batch_execute("SELECT pg_reload_conf()")?;
        let mut waiter = own.connect()?;
        // It waits until the server ends.
        thread::spawn(move || {
            waiter.batch_execute("SET synchronous_commit = on; CREATE TABLE committed ()")
        });
        let waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        comes(&mut client, waits)?;
        subject.env.insert(DSN.into(), own.dsn("postgres").into());
        kept(own)
    }),
    ("a prepared transaction", |subject| {
        prepared(subject, "LOCK TABLE shop")
    }),
    ("a prepared transaction that locks the ledger", |subject| {
        prepared(subject, "SELECT FROM tb_confiture")
    }),
    (
        "a prepared transaction that holds the migration lock",
        |subject| prepared(subject, "SELECT pg_advisory_xact_lock(1751936052, 7)"),
    ),
    ("20,000 files and 200,000 rows", |subject| {
        for at in 0..20_000 {
            let name = format!("2020{at:010}_x.up.sql");
            fs::write(subject.migrations().join(name), "SELECT 1;")?;
        }
        subject.sql(
            "INSERT INTO tb_confiture (slug, version, name, applied_at, checksum)
             SELECT 's' || at, to_char(20200000000000 + at, 'FM00000000000000'), 'x',
                 '2030-01-01'::timestamptz + at * interval '1 s', 'other'
             FROM generate_series(0, 199999) AS at",
        )?;
        Ok(None)
    }),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_row_and_every_status_a_finding() {
        let rows = all();
        let code = rows.iter().filter(|row| row.code);
        let code: BTreeSet<&str> = code.map(|row| row.name.as_str()).collect();
        assert_eq!(code, BY_CODE.iter().map(|(name, _)| *name).collect());
        for row in &rows {
            let needs_finding = row.before.is_some() || !row.advises.is_empty();
            assert!(row.finds.is_some() || !needs_finding, "{row:?}");
        }
    }
}
