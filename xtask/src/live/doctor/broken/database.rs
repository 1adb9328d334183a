//! What is broken in the database, or between it and the files.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use contract_lab::postgres::{Major, Server};
use postgres::Client;

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

/// From now on each row of the ledger takes two seconds to read.
fn slow_down(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    become_reader(scene)?;
    scene.execute(
        "ALTER TABLE tb_confiture OWNER TO doctor_reader;
         ALTER TABLE tb_confiture ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY slow ON tb_confiture USING (version || pg_sleep(2)::text <> '');
         GRANT CREATE ON SCHEMA public TO doctor_reader",
    )?;
    Ok(())
}

/// Waits until this counts one.
fn comes(client: &mut Client, query: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    while client.query_one(query, &[])?.get::<_, i64>(0) == 0 {
        anyhow::ensure!(began.elapsed() < PATIENCE, "nobody waits");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

pub(super) const ALL: [(&str, Breaks); 31] = [
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
        finds("rights", "fail", "lacks SELECT on the ledger")
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
        comes(
            &mut watcher,
            "SELECT count(*) FROM pg_locks WHERE NOT granted",
        )?;
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
        // Before, `up` goes on.
        let status = if scene.since("0.48.0") {
            "fail"
        } else {
            "warn"
        };
        finds(
            "history",
            status,
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
    ("one time in every row", |scene| {
        scene.execute("UPDATE tb_confiture SET applied_at = now()")?;
        finds("history", "fail", "confiture would roll back others")
    }),
    ("a clock that was set back", |scene| {
        scene.execute(
            "UPDATE tb_confiture SET applied_at = applied_at + interval '1 h'
             WHERE version = '20260105090000'",
        )?;
        finds("history", "fail", "confiture would roll back others")
    }),
    ("a row without a time", |scene| {
        scene.execute(
            "UPDATE tb_confiture SET applied_at = 'infinity' WHERE version = '20260112140000'",
        )?;
        finds("history", "fail", "without a time")
    }),
    ("a row without a checksum", |scene| {
        scene
            .execute("UPDATE tb_confiture SET checksum = NULL WHERE version = '20260112140000'")?;
        let status = if scene.since("0.50.0") {
            "fail"
        } else {
            "warn"
        };
        finds("history", status, "without a checksum")
    }),
    ("a trigger that keeps rows out", |scene| {
        scene.execute(
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER swallow BEFORE INSERT ON tb_confiture FOR EACH ROW
                 EXECUTE FUNCTION swallow()",
        )?;
        finds("history", "fail", "trigger swallow")
    }),
    ("a rule that keeps rows out", |scene| {
        scene.execute("CREATE RULE swallow AS ON INSERT TO tb_confiture DO INSTEAD NOTHING")?;
        finds("history", "fail", "rule swallow")
    }),
    ("a view in the ledger's place", |scene| {
        scene.execute(
            "ALTER TABLE tb_confiture RENAME TO ledger;
             CREATE VIEW tb_confiture AS SELECT * FROM ledger",
        )?;
        finds("ledger", "fail", "but a view")
    }),
    ("another table in the ledger's place", |scene| {
        scene.execute("ALTER TABLE tb_confiture DROP slug, DROP checksum")?;
        finds("ledger", "fail", "without the columns slug, checksum")
    }),
    ("a ledger of another role", |scene| {
        become_reader(scene)?;
        scene.execute(
            "GRANT ALL ON tb_confiture TO doctor_reader;
             GRANT CREATE ON SCHEMA public TO doctor_reader",
        )?;
        finds("rights", "fail", "its owner is postgres")
    }),
    ("row level security", |scene| {
        become_reader(scene)?;
        scene.execute(
            "ALTER TABLE tb_confiture OWNER TO doctor_reader;
             ALTER TABLE tb_confiture ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             GRANT CREATE ON SCHEMA public TO doctor_reader",
        )?;
        finds("rights", "fail", "row level security")
    }),
    ("a statement_timeout that is too short", |scene| {
        scene.add_to_dsn("options=-c%20statement_timeout%3D1ms");
        finds("timeouts", "fail", "statement_timeout is 1 ms")
    }),
    ("a ledger that the role has no time to read", |scene| {
        slow_down(scene)?;
        scene.set("statement_timeout", "3s")?;
        finds("timeouts", "fail", "statement_timeout is 3000 ms")
    }),
    ("a ledger that takes long to read", |scene| {
        slow_down(scene)?;
        finds("history", "unknown", "the limit of `doctor` itself")
    }),
    ("a locked ledger", |scene| {
        let holder = scene.execute("BEGIN; LOCK TABLE tb_confiture")?;
        keeps(finds("blocking", "warn", "sessions that block"), holder)
    }),
    ("a session that the role may not look at", |scene| {
        let holder = scene.execute("CREATE TABLE held (); BEGIN; LOCK TABLE held")?;
        become_reader(scene)?;
        let says = "nothing tells since when";
        keeps(finds("blocking", "warn", says), holder)
    }),
    ("a constraint that keeps rows out", |scene| {
        scene.execute("ALTER TABLE tb_confiture ADD CHECK (version < '2027')")?;
        finds("history", "fail", "constraint tb_confiture_version_check")
    }),
    ("a ledger without its identity column", |scene| {
        scene.execute("ALTER TABLE tb_confiture ALTER pk_confiture DROP IDENTITY")?;
        finds("history", "fail", "column pk_confiture without a default")
    }),
    ("a lock_timeout", |scene| {
        scene.set("lock_timeout", "2s")?;
        finds("timeouts", "warn", "lock_timeout is 2000 ms")
    }),
    ("a commit that waits for a standby", |scene| {
        let own = Server::start(scene.lab, Major::Pg18, &[])?;
        let mut client = own.connect()?;
        client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")?;
        client.batch_execute("SELECT pg_reload_conf()")?;
        let mut waiter = own.connect()?;
        // It waits until the server ends.
        thread::spawn(move || {
            waiter.batch_execute("SET synchronous_commit = on; CREATE TABLE committed ()")
        });
        comes(
            &mut client,
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
        )?;
        scene.env.insert(DSN, own.dsn("postgres").into());
        keeps(
            finds("standby", "warn", "waits for a synchronous standby"),
            own,
        )
    }),
    ("20,000 files and 200,000 rows", |scene| {
        for at in 0..20_000 {
            let name = format!("2020{at:010}_x.up.sql");
            fs::write(scene.migrations().join(name), "SELECT 1;")?;
        }
        scene.execute(
            "INSERT INTO tb_confiture (slug, version, name, applied_at, checksum)
             SELECT 's' || at, to_char(20200000000000 + at, 'FM00000000000000'), 'x',
                 '2030-01-01'::timestamptz + at * interval '1 s', 'other'
             FROM generate_series(0, 199999) AS at",
        )?;
        finds("history", "warn", "no file has them: 20200000020000")
    }),
];
