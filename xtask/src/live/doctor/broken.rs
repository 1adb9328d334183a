//! Projects, each broken in one way, and what `doctor` has to find in them; as data where that is enough.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

use anyhow::ensure;
use contract_lab::confiture::copy::{Environment, packages};
use contract_lab::files::make_fifo;
use contract_lab::postgres::{Major, Server};
use postgres::Config;
use serde::Deserialize;

use super::pooler;
use super::subject::{CONFITURE, DSN, Expected, Subject};
use crate::live::cut::proxy::Proxy;
use crate::stage::comes;

/// What has to be found (`None` for a healthy project), and what must not be dropped before.
pub(super) type Broken = (Option<Expected>, Option<Box<dyn Any>>);

/// A way to break a project.
pub(super) type Breaks = Box<dyn FnOnce(&mut Subject<'_>) -> anyhow::Result<Broken> + Send>;

/// Every way to break a project, by its name.
pub(super) fn all() -> impl Iterator<Item = (String, Breaks)> {
    let rows = rows().into_iter().map(|row| {
        let name = row.name.clone();
        (
            name,
            Box::new(move |subject: &mut Subject<'_>| row.breaks(subject)) as Breaks,
        )
    });
    rows.chain(BY_CODE.map(|(name, breaks)| (name.to_owned(), Box::new(breaks) as Breaks)))
}

/// A way that is data. The head of `broken.toml` says what the fields mean.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    name: String,
    reader: bool,
    sql: Option<String>,
    replace: Option<(String, String)>,
    add: Option<String>,
    env: BTreeMap<String, String>,
    program: Option<String>,
    remove: Option<String>,
    files: BTreeMap<String, String>,
    finds: Option<(String, String, String)>,
    before: Option<(String, String)>,
}

fn rows() -> Vec<Row> {
    #[derive(Deserialize)]
    struct Rows {
        broken: Vec<Row>,
    }
    let rows = toml::from_str::<Rows>(include_str!("broken.toml"));
    rows.expect("broken.toml has the fields of its head").broken
}

impl Row {
    fn breaks(self, subject: &mut Subject<'_>) -> anyhow::Result<Broken> {
        let [project, confiture] = [subject.project.root(), Path::new(&subject.env[CONFITURE])]
            .map(|path| path.display().to_string());
        let database = subject.database.name().to_owned();
        let filled = |text: &str| {
            let text = text.replace("{project}", &project);
            text.replace("{database}", &database)
                .replace("{confiture}", &confiture)
        };
        if let Some(prefix) = &self.remove {
            subject.project.remove(prefix)?;
        }
        for (file, text) in &self.files {
            let path = subject.migrations().join(file);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, text)?;
        }
        for (name, value) in &self.env {
            subject.env.insert(name.clone(), filled(value).into());
        }
        if let Some(text) = &self.program {
            subject.program(&filled(text))?;
        }
        if let Some((that, this)) = &self.replace {
            subject.replace_in_dsn(&filled(that), this)?;
        }
        if let Some(parameter) = &self.add {
            subject.add_to_dsn(parameter);
        }
        if self.reader {
            subject.become_reader()?;
        }
        let session = self.sql.map(|sql| subject.sql(&filled(&sql))).transpose()?;
        let Some((check, mut status, says)) = self.finds else {
            return Ok((None, None));
        };
        if let Some((first, earlier)) = self.before
            && !subject.since(&first)
        {
            status = earlier;
        }
        keeps(finds(&check, &status, &says), session)
    }
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "the end of each way to break something"
)]
fn finds(check: &str, status: &str, says: &str) -> anyhow::Result<Broken> {
    let [check, status, says] = [check, status, says].map(str::to_owned);
    let expected = Expected {
        check,
        status,
        says,
    };
    Ok((Some(expected), None))
}

fn keeps(found: anyhow::Result<Broken>, kept: impl Any) -> anyhow::Result<Broken> {
    found.map(|(expected, _)| (expected, Some(Box::new(kept) as Box<dyn Any>)))
}

/// A transaction that runs this and is prepared, on a server of its own: others do not allow that.
fn prepared(
    subject: &mut Subject<'_>,
    runs: &str,
    status: &str,
    says: &str,
) -> anyhow::Result<Broken> {
    let setting = [("max_prepared_transactions", "1")];
    let own = Server::start(&subject.world.lab, Major::Pg18, &setting)?;
    let mut client = own.connect()?;
    client.batch_execute("CREATE TABLE shop (); CREATE TABLE tb_confiture ()")?;
    client.batch_execute(&format!("BEGIN; {runs}; PREPARE TRANSACTION 'half'"))?;
    subject.env.insert(DSN.into(), own.dsn("postgres").into());
    keeps(finds("prepared", status, says), own)
}

type ByCode = fn(&mut Subject<'_>) -> anyhow::Result<Broken>;

const BY_CODE: [(&str, ByCode); 20] = [
    ("a module that is gone", |subject| {
        let own = Environment::copy(Path::new(&subject.env[CONFITURE]))?;
        fs::remove_dir_all(packages(own.path())?.join("typer"))?;
        subject.env.insert(CONFITURE.into(), own.program().into());
        keeps(finds("python", "fail", "No module named 'typer'"), own)
    }),
    ("Python that is not UTF-8", |subject| {
        let file = subject.migrations().join("20270101000000_x.py");
        fs::write(file, b"# caf\xe9")?;
        finds("text", "fail", "not UTF-8: 20270101000000_x.py")
    }),
    ("a file name that is not UTF-8", |subject| {
        let name = OsStr::from_bytes(b"20270101000000_\xff.up.sql");
        fs::write(subject.migrations().join(name), "SELECT 1;")?;
        finds("names", "fail", "a file name that is not UTF-8")
    }),
    ("no migrations directory", |subject| {
        fs::remove_dir_all(subject.migrations())?;
        finds("directory", "fail", "cannot be read")
    }),
    ("a migration that is a FIFO", |subject| {
        make_fifo(&subject.migrations().join("900_x.up.sql"))?;
        finds("files", "warn", "not a regular file: 900_x.up.sql")
    }),
    ("no secret", |subject| {
        subject.env.remove(DSN);
        finds("secret", "fail", "DATABASE_URL")
    }),
    ("a closed port", |subject| {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        subject.replace_port(closed.local_addr()?.port())?;
        finds("connection", "fail", "refused")
    }),
    (
        "a server that takes connections and says nothing",
        |subject| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            subject.replace_port(listener.local_addr()?.port())?;
            keeps(finds("connection", "fail", "timeout"), listener)
        },
    ),
    ("a blank at the end", |subject| {
        subject.env.entry(DSN.into()).or_default().push(" ");
        Ok((None, None))
    }),
    ("a service and a password file", |subject| {
        let dsn: Config = subject.database.dsn().parse()?;
        let (port, password) = (subject.port()?, subject.password()?);
        let (user, name) = (dsn.get_user().unwrap_or_default(), subject.database.name());
        let service = format!("[shop]\nhost=127.0.0.1\nport={port}\nuser={user}\ndbname={name}\n");
        for (variable, text) in [
            ("PGSERVICEFILE", service),
            ("PGPASSFILE", format!("*:*:*:*:{password}\n")),
        ] {
            let file = subject.project.root().join(variable);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            subject.env.insert(variable.into(), file.into());
        }
        subject.env.insert(DSN.into(), "service=shop".into());
        Ok((None, None))
    }),
    ("a pooler that refuses options", |subject| {
        let port = pooler::start(subject.port()?)?;
        subject.replace_port(port)?;
        finds("between", "warn", "refused the option")
    }),
    ("a proxy in between", |subject| {
        let proxy = Proxy::start((Ipv4Addr::LOCALHOST, subject.port()?).into(), None)?;
        subject.replace_port(proxy.port())?;
        keeps(finds("between", "warn", "a proxy or a mapped port"), proxy)
    }),
    ("a standby", |subject| {
        let standby = Server::start_standby(&subject.world.lab, Major::Pg18)?;
        subject
            .env
            .insert(DSN.into(), standby.dsn("postgres").into());
        keeps(
            finds("writable", "fail", "this server is a standby"),
            standby,
        )
    }),
    ("a session that blocks another", |subject| {
        let holder = subject.sql("BEGIN; LOCK TABLE tb_confiture IN SHARE ROW EXCLUSIVE MODE")?;
        let mut waiter = subject.database.connect()?;
        // It waits until the database is dropped.
        thread::spawn(move || waiter.batch_execute("BEGIN; LOCK TABLE tb_confiture IN SHARE MODE"));
        subject.comes("SELECT FROM pg_locks WHERE NOT granted")?;
        keeps(finds("blocking", "warn", "sessions that block"), holder)
    }),
    ("an invalid index", |subject| {
        let mut client =
            subject.sql("CREATE TABLE twice AS SELECT 1 AS x FROM generate_series(1, 2)")?;
        let failed = client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY torn ON twice (x)");
        ensure!(failed.is_err(), "the index could be made");
        finds("indexes", "warn", "torn")
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
        keeps(
            finds("standby", "warn", "waits for a synchronous standby"),
            own,
        )
    }),
    ("a prepared transaction", |subject| {
        prepared(subject, "LOCK TABLE shop", "warn", "lock tables")
    }),
    ("a prepared transaction that locks the ledger", |subject| {
        prepared(
            subject,
            "SELECT FROM tb_confiture",
            "fail",
            "lock the ledger",
        )
    }),
    (
        "a prepared transaction that holds the migration lock",
        |subject| {
            let lock = "SELECT pg_advisory_xact_lock(1751936052, 7)";
            prepared(subject, lock, "fail", "holds the migration lock")
        },
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
        finds("history", "warn", "no file has them: 20200000020000")
    }),
];
