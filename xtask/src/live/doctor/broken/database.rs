//! What is broken in the database, or between it and the files.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use contract_lab::postgres::{Major, Server};

use super::way::{Breaks, finds, keeps};
use crate::live::doctor::scene::{DSN, Scene};

/// Longer than a session takes to wait for another.
const PATIENCE: Duration = Duration::from_secs(60);

/// From now on the connection has the rights of a role that was granted nothing.
fn become_reader(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    scene.execute(
        "DO $$ BEGIN CREATE ROLE doctor_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )?;
    scene.add_to_dsn("options=-c%20role%3Ddoctor_reader");
    Ok(())
}

pub(super) const ALL: [(&str, Breaks); 11] = [
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
        scene.env.insert(DSN, dsn.into());
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
