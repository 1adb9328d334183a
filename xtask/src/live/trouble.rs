//! A lock that is held, a server that does not answer a commit, and a Python that cannot start.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::command::run;
use contract_lab::confiture::copy::{Environment, packages};
use contract_lab::postgres::{Major, Server, look};
use fraisier_adapter_api::{AdapterErrorKind, Revision};
use fraisier_adapter_confiture::DatabaseState;
use rustix::process::{Pid, Signal, kill_process};

use super::call::{Direction, Running};
use super::{Group, Play, on_stages};
use crate::stage::{ASLEEP, Stage, WAITS_FOR_LOCK, block_on, failed, state, wait};

pub const GROUP: Group = Group {
    name: "trouble",
    // One that reports a held lock in another way, and the newest.
    releases: &["0.50.0", "newest"],
    scenes: |_, _| {
        on_stages(&SCENES, |stage, play| {
            stage.project.table("001")?;
            play(stage)
        })
    },
};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

const SCENES: [(&str, Play); 5] = [
    ("the role has a lock_timeout", role_lock_timeout),
    (
        "an index is built while another deploy waits",
        concurrent_index,
    ),
    ("a synchronous standby is missing", standby_is_missing),
    ("a process leaves its group", process_leaves),
    ("Python lacks a module", module_is_missing),
];

/// The migration lock is held, and the server gives up waiting before confiture does.
fn role_lock_timeout(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.up()?;
    stage.project.table("002")?;
    let mut gate = stage.sql("CREATE TABLE gate ()")?;
    gate.batch_execute("BEGIN; LOCK TABLE gate")?;
    stage.project.table_and("003", "LOCK TABLE gate;", "")?;
    let first = Running::start(stage.adapter(), stage.ctx(), Direction::Up);
    stage.comes(WAITS_FOR_LOCK)?;
    stage.sql(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = %L',
         current_user, current_database(), '2s'); END $$",
    )?;
    let second = stage.up();
    gate.batch_execute("COMMIT")?;
    first.finish()?.context("the first deploy")?;
    failed(second, AdapterErrorKind::LockContention, &[])?;
    stage.is_at(&["001", "002", "003"])
}

/// `CREATE INDEX CONCURRENTLY` waits for the transaction of the deploy that waits for the lock.
fn concurrent_index(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.up()?;
    // Until the second deploy waits, however slow this machine is.
    let until_it_waits = "DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_sleep(0.02);
         EXIT WHEN EXISTS (SELECT FROM pg_locks JOIN pg_database ON oid = database
             WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted);
         END LOOP; END $$;";
    stage.project.table_and("002", until_it_waits, "")?;
    let index = "CREATE INDEX CONCURRENTLY index_003 ON t_001 (id);";
    stage
        .project
        .migration("003_m003", index, "DROP INDEX index_003;")?;
    let start = || Running::start(stage.adapter(), stage.ctx(), Direction::Up);
    let first = start();
    stage.comes(ASLEEP)?;
    let second = start();
    let first = first.finish()?.context("the first deploy")?;
    let second = second.finish()?.context("the second deploy")?;
    let applied = ["002", "003"].map(Revision::new);
    ensure!(first.applied == applied, "{first:?}");
    ensure!(second.applied.is_empty(), "{second:?}");
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'index_003'::regclass";
    let valid: bool = stage.database.connect()?.query_one(valid, &[])?.get(0);
    ensure!(valid, "the index is invalid");
    Ok(())
}

/// The commit of a migration that waits for a standby is already on the disk: nothing rolls it back.
fn standby_is_missing(stage: &Stage<'_>) -> anyhow::Result<()> {
    let own = Server::start(&stage.world.lab, Major::Pg18, &[])?;
    let database = own.create_unique_database("standby")?;
    let mut client = database.connect()?;
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")?;
    client.batch_execute("SELECT pg_reload_conf()")?;
    // Nothing but the migration waits: the lab's servers do not commit synchronously.
    let waits = "SET LOCAL synchronous_commit = on;";
    stage.project.table_and("001", waits, "")?;
    let hurried = stage.builder().timeout(Duration::from_secs(20)).build();
    let result = block_on(hurried.up(&stage.ctx_with(&database.dsn()), None));
    client.batch_execute("ALTER SYSTEM RESET synchronous_standby_names")?;
    client.batch_execute("SELECT pg_reload_conf()")?;
    let ended = wait(PATIENCE, || Ok(look::sessions(&mut client)? == 0))?;
    ensure!(ended, "the session did not end");
    let error = result.err().context("nothing waited for the standby")?;
    ensure!(
        state(&database)? == ["001"],
        "it was not committed: {error}"
    );
    let open = matches!(
        error.state(),
        DatabaseState::InProgress | DatabaseState::Unknown
    );
    ensure!(open && !error.to_string().contains("rolls back"), "{error}");
    Ok(())
}

/// A process of a migration that left the group has the connection of the killed confiture, so the server
/// rolls nothing back, and nothing says that it does. `doctor` shows the session that holds the lock.
fn process_leaves(stage: &Stage<'_>) -> anyhow::Result<()> {
    let left = stage.workdir().join("left");
    let members = format!(
        "def up(self):\n    import os\n    if os.fork() == 0:\n        os.setsid()\n        \
         os.closerange(1, 3)\n        open('{}', 'w').write(str(os.getpid()))\n        \
         time.sleep(600)\n    self.execute('SELECT pg_sleep(600)')\ndef down(self):\n    pass",
        left.display()
    );
    stage.project.python("002_m002", &members)?;
    let hurried = stage.builder().timeout(Duration::from_secs(10)).build();
    let error = block_on(hurried.up(&stage.ctx(), None)).err();
    let error = error.context("it ended in time")?;
    let diagnosis = run(Command::new(stage.world.program()?)
        .args(["doctor", "--json"])
        .current_dir(stage.workdir())
        .env("FRAISIER_CONFITURE_BIN", &stage.confiture.program)
        .env("DATABASE_URL", stage.database.dsn()))?;
    let pid: i32 = std::fs::read_to_string(&left)?.parse()?;
    let pid = Pid::from_raw(pid).context("no process left the group")?;
    kill_process(pid, Signal::KILL)?;
    ensure!(!error.to_string().contains("rolls back"), "{error}");
    ensure!(*error.state() == DatabaseState::InProgress, "{error}");
    let held = "the migration lock is held by";
    ensure!(diagnosis.stdout.contains(held), "{}", diagnosis.stdout);
    Ok(())
}

/// The evidence is Python's own, and the database is unchanged.
fn module_is_missing(stage: &Stage<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    std::fs::remove_dir_all(packages(own.path())?.join("typer"))?;
    let broken = stage.builder().program(own.program()).build();
    let error = block_on(broken.up(&stage.ctx(), None)).err();
    let error = error.context("it runs without a module that it imports")?;
    let cause = "No module named 'typer'";
    ensure!(error.to_string().contains(cause), "{error}");
    ensure!(error.state().is_unchanged(), "{error}");
    Ok(())
}
