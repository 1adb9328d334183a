//! Projects, each broken one way, and what `doctor` has to say of them.

use std::any::Any;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use contract_lab::postgres::{Major, Server};

use super::encrypted::Encrypted;
use super::{Expected, Scene};
use crate::live::cut::proxy::Proxy;

/// What has to be found (nothing: the project is healthy), and what keeps it broken until then.
type Broken = (Option<Expected>, Option<Box<dyn Any>>);

/// Longer than a session takes to wait for another.
const PATIENCE: Duration = Duration::from_secs(60);

type Breaks = fn(&mut Scene<'_>) -> anyhow::Result<Broken>;

#[allow(
    clippy::unnecessary_wraps,
    reason = "the end of each way to break something"
)]
fn finds(check: &'static str, status: &'static str, says: &'static str) -> anyhow::Result<Broken> {
    Ok((
        Some(Expected {
            check,
            status,
            says,
        }),
        None,
    ))
}

fn keeps(found: anyhow::Result<Broken>, kept: impl Any) -> anyhow::Result<Broken> {
    found.map(|(expected, _)| (expected, Some(Box::new(kept) as Box<dyn Any>)))
}

/// The port and the end of the host in the connection string of the scene.
fn port(scene: &Scene<'_>) -> anyhow::Result<String> {
    let dsn = scene.database.dsn();
    let (_, rest) = dsn.rsplit_once('@').context("no host")?;
    let (host, _) = rest.split_once('/').context("no database")?;
    let (_, port) = host.rsplit_once(':').context("no port")?;
    Ok(format!(":{port}/"))
}

/// From now on the connection goes over TLS, with the settings that are made of the authority's file.
fn encrypt(
    scene: &mut Scene<'_>,
    settings: impl FnOnce(&str) -> String,
) -> anyhow::Result<Encrypted> {
    let port = port(scene)?;
    let server = port.trim_matches([':', '/']).parse()?;
    let encrypted = Encrypted::start(server, scene.project.root())?;
    let settings = settings(&encrypted.authority.display().to_string());
    let dsn = scene.database.dsn();
    let dsn = dsn.replace(&port, &format!(":{}/", encrypted.port));
    scene
        .env
        .insert("DATABASE_URL", format!("{dsn}?{settings}").into());
    Ok(encrypted)
}

/// From now on the connection has the rights of a role that was granted nothing.
fn become_reader(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    scene.execute(
        "DO $$ BEGIN CREATE ROLE doctor_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )?;
    let dsn = format!("{}?options=-c%20role%3Ddoctor_reader", scene.database.dsn());
    scene.env.insert("DATABASE_URL", dsn.into());
    Ok(())
}

/// Every project.
pub(super) const ALL: [(&str, Breaks); 38] = [
    ("a healthy project", |_| Ok((None, None))),
    ("no program", |scene| {
        scene
            .env
            .insert("FRAISIER_CONFITURE_BIN", "/no/such/confiture".into());
        finds("program", "fail", "named by FRAISIER_CONFITURE_BIN")
    }),
    ("no interpreter", |scene| {
        scene.program("#!/no/such/python\n")?;
        finds("program", "fail", "interpreter /no/such/python is gone")
    }),
    ("a program that is another", |scene| {
        scene.program("#!/bin/sh\necho hello\n")?;
        finds("version", "fail", "no version of confiture")
    }),
    ("a release that is too old", |scene| {
        scene.program("#!/bin/sh\necho confiture version 0.19.0\n")?;
        finds("version", "fail", "0.20.0 is the first")
    }),
    ("a release that nobody recorded", |scene| {
        scene.program("#!/bin/sh\necho confiture version 99.0.0\n")?;
        finds("version", "warn", "newer than")
    }),
    ("a variable with a bad value", |scene| {
        scene
            .env
            .insert("FRAISIER_CONFITURE_TIMEOUT", "never".into());
        finds("variables", "fail", "FRAISIER_CONFITURE_TIMEOUT")
    }),
    ("a misspelt variable", |scene| {
        scene.env.insert("FRAISIER_CONFITURE_TIMEUOT", "9s".into());
        finds(
            "variables",
            "warn",
            "nothing reads FRAISIER_CONFITURE_TIMEUOT",
        )
    }),
    ("no migrations directory", |scene| {
        fs::remove_dir_all(scene.migrations())?;
        finds("directory", "fail", "cannot be read")
    }),
    ("an empty migrations directory", |scene| {
        fs::remove_dir_all(scene.migrations())?;
        fs::create_dir(scene.migrations())?;
        finds("directory", "warn", "holds 0 migrations")
    }),
    ("a version twice", |scene| {
        fs::write(
            scene.migrations().join("20260105090000_again.up.sql"),
            "SELECT 1;",
        )?;
        finds("versions", "fail", "20260105090000")
    }),
    ("no way back", |scene| {
        fs::write(
            scene.migrations().join("20270101000000_x.up.sql"),
            "SELECT 1;",
        )?;
        finds("way back", "warn", "for 20270101000000")
    }),
    ("a pending migration without a way back", |scene| {
        fs::write(
            scene.migrations().join("20270101000000_x.up.sql"),
            "SELECT 1;",
        )?;
        finds("history", "fail", "without .down.sql: 20270101000000")
    }),
    ("no secret", |scene| {
        scene.env.remove("DATABASE_URL");
        finds("secret", "fail", "DATABASE_URL")
    }),
    ("a secret of another database", |scene| {
        scene.replace_in_dsn("postgresql://", "mysql://")?;
        finds("secret", "fail", "no connection string of PostgreSQL")
    }),
    ("options that keep the disconnect check away", |scene| {
        let dsn = format!("{}?options=-c%20work_mem%3D9MB", scene.database.dsn());
        scene.env.insert("DATABASE_URL", dsn.into());
        finds("secret", "warn", "`options` of its own")
    }),
    ("a host without a name", |scene| {
        scene.replace_in_dsn("@127.0.0.1", "@no-such-host.invalid")?;
        finds("resolve", "fail", "no-such-host.invalid")
    }),
    ("a closed port", |scene| {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let port = port(scene)?;
        scene.replace_in_dsn(&port, &format!(":{closed}/"))?;
        finds("connect", "fail", "refused")
    }),
    (
        "a server that takes connections and says nothing",
        |scene| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = port(scene)?;
            scene.replace_in_dsn(&port, &format!(":{}/", listener.local_addr()?.port()))?;
            keeps(finds("login", "fail", ""), listener)
        },
    ),
    ("a wrong password", |scene| {
        scene.replace_in_dsn("postgres:", "postgres:x")?;
        finds("login", "fail", "password authentication failed")
    }),
    ("no such database", |scene| {
        let name = scene.database.name().to_owned();
        scene.replace_in_dsn(&name, "nowhere")?;
        finds("login", "fail", "does not exist")
    }),
    ("a proxy in between", |scene| {
        let port = port(scene)?;
        let server = port.trim_matches([':', '/']).parse()?;
        let proxy = Proxy::start((Ipv4Addr::LOCALHOST, server).into(), None)?;
        scene.replace_in_dsn(&port, &format!(":{}/", proxy.port()))?;
        keeps(finds("between", "warn", "a proxy or a mapped port"), proxy)
    }),
    ("TLS that nobody speaks", |scene| {
        let dsn = format!("{}?sslmode=require", scene.database.dsn());
        scene.env.insert("DATABASE_URL", dsn.into());
        finds("login", "fail", "does not support TLS")
    }),
    ("TLS with any certificate", |scene| {
        let encrypted = encrypt(scene, |_| "sslmode=require".to_owned())?;
        keeps(finds("login", "ok", "over TLS"), encrypted)
    }),
    ("TLS with a certificate that is trusted", |scene| {
        let encrypted = encrypt(scene, |authority| {
            format!("sslmode=verify-full&sslrootcert={authority}")
        })?;
        keeps(finds("login", "ok", "over TLS"), encrypted)
    }),
    ("TLS with a certificate of somebody else", |scene| {
        let elsewhere = scene.project.root().join("elsewhere");
        fs::create_dir(&elsewhere)?;
        let other = Encrypted::start(1, &elsewhere)?;
        let encrypted = encrypt(scene, |_| {
            let authority = other.authority.display();
            format!("sslmode=verify-ca&sslrootcert={authority}")
        })?;
        keeps(
            finds("login", "fail", "invalid peer certificate"),
            encrypted,
        )
    }),
    ("TLS with a certificate for another host", |scene| {
        let encrypted = encrypt(scene, |authority| {
            format!("sslmode=verify-full&sslrootcert={authority}")
        })?;
        let port = format!("@127.0.0.1:{}/", encrypted.port);
        let other = format!("@localhost:{}/", encrypted.port);
        let dsn = scene.env["DATABASE_URL"].to_string_lossy();
        let dsn = dsn.replace(&port, &other);
        scene.env.insert("DATABASE_URL", dsn.into());
        keeps(finds("login", "fail", "not valid for name"), encrypted)
    }),
    ("a database that only reads", |scene| {
        let name = scene.database.name().to_owned();
        scene.execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))?;
        finds("writable", "fail", "only read")
    }),
    ("a standby", |scene| {
        let standby = Server::start_standby(scene.lab, Major::Pg18)?;
        let dsn = standby.dsn("postgres");
        scene.env.insert("DATABASE_URL", dsn.into());
        keeps(
            finds("writable", "fail", "this server is a standby"),
            standby,
        )
    }),
    ("a role that may not create", |scene| {
        become_reader(scene)?;
        finds(
            "rights",
            "fail",
            "CREATE in the schema public, and SELECT, INSERT, DELETE",
        )
    }),
    ("a ledger that the search_path hides", |scene| {
        scene.execute("CREATE SCHEMA hidden; ALTER TABLE tb_confiture SET SCHEMA hidden")?;
        finds("ledger", "fail", "one is in the schema hidden")
    }),
    ("a ledger in a schema that the role may not use", |scene| {
        let name = scene.database.name().to_owned();
        scene.execute(&format!(
            "CREATE SCHEMA closed; ALTER TABLE tb_confiture SET SCHEMA closed; \
             ALTER DATABASE {name} SET search_path = closed, public"
        ))?;
        become_reader(scene)?;
        finds("ledger", "fail", "one is in the schema closed")
    }),
    ("two ledgers", |scene| {
        scene.execute("CREATE SCHEMA other; CREATE TABLE other.tb_confiture (version text)")?;
        finds("ledger", "warn", "there are more, in other")
    }),
    ("a held migration lock", |scene| {
        let client = scene.execute("SELECT pg_advisory_lock(1751936052, 7)")?;
        keeps(finds("lock", "fail", "user postgres"), client)
    }),
    ("a session that blocks another", |scene| {
        let holder = scene.execute("BEGIN; LOCK TABLE tb_confiture IN SHARE ROW EXCLUSIVE MODE")?;
        let mut waiter = scene.database.connect()?;
        let mut watcher = scene.database.connect()?;
        // It waits until the database is dropped.
        thread::spawn(move || waiter.batch_execute("BEGIN; LOCK TABLE tb_confiture IN SHARE MODE"));
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let began = Instant::now();
        while watcher.query_one(waits, &[])?.get::<_, i64>(0) == 0 {
            anyhow::ensure!(began.elapsed() < PATIENCE, "nobody waits");
            thread::sleep(Duration::from_millis(20));
        }
        keeps(finds("blocking", "warn", "sessions that block"), holder)
    }),
    ("an invalid index", |scene| {
        let mut client =
            scene.execute("CREATE TABLE twice AS SELECT 1 AS x FROM generate_series(1, 2)")?;
        let failed = client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY torn ON twice (x)");
        anyhow::ensure!(failed.is_err(), "the index could be made");
        finds("indexes", "warn", "torn")
    }),
    ("an applied migration that was edited", |scene| {
        let file = scene
            .migrations()
            .join("20260105090000_create_catalogue.up.sql");
        let text = fs::read_to_string(&file)?;
        fs::write(file, format!("{text}\n-- later\n"))?;
        finds(
            "history",
            "fail",
            "edited after they were applied: 20260105090000",
        )
    }),
    ("an applied migration without a file", |scene| {
        for entry in fs::read_dir(scene.migrations())? {
            let path = entry?.path();
            if path.to_string_lossy().contains("/20260112140000_") {
                fs::remove_file(path)?;
            }
        }
        finds("history", "warn", "no file has them: 20260112140000")
    }),
];
