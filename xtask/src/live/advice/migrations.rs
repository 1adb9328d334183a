//! Migrations that are not applied.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;
use serde_json::json;

use super::Play;
use super::follower::{Follower, applies};
use crate::live::call::{Direction, Running};
use crate::stage::block_on;
use contract_lab::command::run;

/// A session of the database that waits for a lock.
const WAITS: &str = "SELECT 1 FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";

const MAKES_TWO: &str = "CREATE TABLE two (id int);";
const DROPS_TWO: &str = "DROP TABLE two;";

pub const SCENES: &[Play] = &[
    ("a migration fails", migration_fails),
    ("a migration fails after its own commit", fails_after_commit),
    ("an index is left invalid", invalid_index),
    (
        "a release cannot create an index concurrently",
        no_concurrent_index,
    ),
    ("a release cannot apply one name twice", one_name_twice),
    ("a migration empties the search path", no_search_path),
    ("the search path hides the ledger", hidden_ledger),
    ("the connection is lost", connection_is_lost),
    (
        "a way back is missing where it is required",
        way_back_required,
    ),
    ("a migration needs a superuser", needs_superuser),
    ("a migration loses data", loses_data),
    ("two migrations have one version", one_version_twice),
    ("an applied migration was edited", edited),
    ("another deploy makes the ledger", ledger_made_by_another),
    ("another deploy holds the lock", lock_is_held),
    ("a session holds what a migration waits for", blocked),
    ("the server had a reason of its own", server_reasons),
    ("the role is not the owner of the ledger", not_the_owner),
];

/// What makes the migration fail, until the advice is followed; what the server says then, in its words
/// where this machine cannot be brought to it; what follows the advice.
const REASONS: [(&str, &str, &str, &str); 6] = [
    (
        "SET LOCAL lock_timeout = '200ms'; LOCK TABLE gate;",
        "",
        "find the session that was in the way",
        "",
    ),
    (
        "SELECT pg_sleep(6);",
        "SET statement_timeout = 4000",
        "raise statement_timeout",
        "SET statement_timeout = 0",
    ),
    (
        "SELECT pg_cancel_backend(pg_backend_pid()) FROM trouble;",
        "",
        "deploy again: it continues",
        "",
    ),
    (
        "DO $$ BEGIN IF EXISTS (SELECT FROM trouble) THEN RAISE EXCEPTION
         'could not extend file \"base/1\": No space left on device'; END IF; END $$;",
        "",
        "free space on the disk",
        "",
    ),
    (
        "DO $$ BEGIN IF EXISTS (SELECT FROM trouble) THEN RAISE EXCEPTION
         'extension \"two\" is not available'; END IF; END $$;",
        "",
        "install the extension",
        "",
    ),
    (
        "",
        "SET default_transaction_read_only = on",
        "connect to a server, and as a role, that may write",
        "SET default_transaction_read_only = off",
    ),
];

fn server_reasons(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.applies(&["001"])?;
    let set = |what: &str| -> anyhow::Result<()> {
        if what.is_empty() {
            return Ok(());
        }
        let set = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {what}', current_database()); END $$"
        );
        let mut client = stage.sql("SET default_transaction_read_only = off")?;
        Ok(client.batch_execute(&set)?)
    };
    for (number, (statement, before, says, after)) in REASONS.into_iter().enumerate() {
        let version = format!("1{number:02}");
        stage.sql("CREATE TABLE trouble AS SELECT 1; CREATE TABLE gate ()")?;
        let mut session = stage.sql("BEGIN; LOCK TABLE gate")?;
        let up = format!("CREATE TABLE two_{version} (); {statement}");
        stage
            .project
            .migration(&format!("{version}_two"), &up, "SELECT 1;")?;
        set(before)?;
        stage.up_advises(says)?;
        set(after)?;
        session.batch_execute("ROLLBACK")?;
        stage.sql("DROP TABLE trouble, gate; CREATE TABLE trouble (); CREATE TABLE gate ()")?;
        stage.applies(&[&version])?;
        stage.sql("DROP TABLE trouble, gate")?;
    }
    Ok(())
}

fn not_the_owner(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.applies(&["001"])?;
    stage.project.migration("002_two", MAKES_TWO, DROPS_TWO)?;
    stage.sql(
        "DO $$ BEGIN EXECUTE format('CREATE ROLE %I', 'poor_' || current_database());
         EXECUTE format('GRANT ALL ON SCHEMA public TO %I', 'poor_' || current_database());
         EXECUTE format('ALTER DATABASE %I SET role = %I', current_database(),
                        'poor_' || current_database()); END $$",
    )?;
    stage.up_advises("make the role the owner")?;
    stage.sql(
        "SET ROLE NONE; DO $$ BEGIN
         EXECUTE format('ALTER TABLE tb_confiture OWNER TO %I', 'poor_' || current_database());
         EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA public TO %I',
                        'poor_' || current_database()); END $$",
    )?;
    stage.applies(&["002"])
}

fn migration_fails(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage
        .project
        .migration("002_two", "CREATE TABLE two (id no_such_type);", DROPS_TWO)?;
    stage.up_advises("correct the migration")?;
    stage.project.migration("002_two", MAKES_TWO, DROPS_TWO)?;
    stage.applies(&["002"])
}

fn fails_after_commit(stage: &Follower<'_>) -> anyhow::Result<()> {
    let torn = format!("{MAKES_TWO} COMMIT; SELECT 1 / 0;");
    stage.project.migration("002_two", &torn, DROPS_TWO)?;
    stage.up_advises("remove what it committed by itself")?;
    stage.project.migration("002_two", MAKES_TWO, DROPS_TWO)?;
    stage.sql("DROP TABLE IF EXISTS two")?;
    stage.applies(&["002"])
}

fn invalid_index(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.sql("CREATE TABLE public.twice (x int); INSERT INTO twice VALUES (1), (1)")?;
    let up = "-- confiture: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY two ON twice (x);";
    stage.project.migration("002_two", up, "DROP INDEX two;")?;
    stage.up_advises("(`DROP INDEX two`), then deploy again")?;
    stage.sql("DELETE FROM twice; DROP INDEX two")?;
    stage.applies(&["002"])
}

fn early(stage: &Follower<'_>) -> anyhow::Result<ConfitureMigration> {
    let program = stage.world.release("0.23.0")?.program;
    Ok(ConfitureMigration::with_program(program))
}

fn no_concurrent_index(stage: &Follower<'_>) -> anyhow::Result<()> {
    let up = "CREATE INDEX CONCURRENTLY two ON one (id);";
    stage.project.migration("002_two", up, "DROP INDEX two;")?;
    let outcome = block_on(early(stage)?.up(&stage.ctx(), None));
    stage.advised(outcome, "install confiture 0.33.0 or newer")?;
    stage.applies(&["002"])
}

/// A trigger stands for the second in which both are applied.
fn one_name_twice(stage: &Follower<'_>) -> anyhow::Result<()> {
    let early = early(stage)?;
    applies(&early, &stage.ctx(), &["001"])?;
    stage.sql(
        "CREATE FUNCTION repeat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             NEW.slug := (SELECT slug FROM tb_confiture LIMIT 1); RETURN NEW; END $$;
         CREATE TRIGGER repeat BEFORE INSERT ON tb_confiture FOR EACH ROW EXECUTE FUNCTION repeat()",
    )?;
    stage.project.migration("002_one", MAKES_TWO, DROPS_TWO)?;
    let outcome = block_on(early.up(&stage.ctx(), None));
    stage.advised(outcome, "two migrations of one name within a second")?;
    stage.sql("DROP TRIGGER repeat ON tb_confiture")?;
    applies(&early, &stage.ctx(), &["002"])
}

fn no_search_path(stage: &Follower<'_>) -> anyhow::Result<()> {
    let up =
        "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.two (id int);";
    stage.project.migration("002_two", up, DROPS_TWO)?;
    stage.up_advises("remove the line with which the migration empties")?;
    stage.project.migration("002_two", MAKES_TWO, DROPS_TWO)?;
    stage.applies(&["002"])
}

fn hidden_ledger(stage: &Follower<'_>) -> anyhow::Result<()> {
    let early = early(stage)?;
    applies(&early, &stage.ctx(), &["001"])?;
    stage.sql("CREATE SCHEMA hidden; ALTER TABLE tb_confiture SET SCHEMA hidden")?;
    stage.project.migration("002_two", MAKES_TWO, DROPS_TWO)?;
    let outcome = block_on(early.up(&stage.ctx(), None));
    stage.advised(outcome, "put the schema of the ledger")?;
    stage.sql(
        "DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET search_path = hidden, public', current_database());
         END $$",
    )?;
    applies(&early, &stage.ctx(), &["002"])
}

fn connection_is_lost(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.sql("CREATE TABLE public.doomed (id int); INSERT INTO doomed VALUES (1)")?;
    let up = format!("{MAKES_TWO} SELECT pg_terminate_backend(pg_backend_pid()) FROM doomed;");
    stage.project.migration("002_two", &up, DROPS_TWO)?;
    stage.up_advises("correct the cause, then deploy again")?;
    stage.sql("DELETE FROM doomed")?;
    stage.applies(&["002"])
}

fn way_back_required(stage: &Follower<'_>) -> anyhow::Result<()> {
    // They report it in two ways.
    let newest = stage.confiture.program.clone();
    let (early, file) = (stage.world.release("0.23.0")?.program, "002_two.down.sql");
    stage.applies(&["001"])?;
    stage.project.write("002_two.up.sql", MAKES_TWO)?;
    let strict = |program| {
        ConfitureMigration::builder()
            .program(program)
            .require_reversible(true)
    };
    for program in [early, newest.clone()] {
        let outcome = block_on(strict(program).build().up(&stage.ctx(), None));
        stage.advised(outcome, "write the missing `.down.sql` of 002")?;
    }
    stage.project.write(file, DROPS_TWO)?;
    applies(&strict(newest).build(), &stage.ctx(), &["002"])
}

fn needs_superuser(stage: &Follower<'_>) -> anyhow::Result<()> {
    let two = r#"from confiture.models.migration import Migration


class Two(Migration):
    version = "002"
    name = "two"
    requires_superuser = True

    def up(self):
        self.execute("CREATE TABLE two (id int)")

    def down(self):
        self.execute("DROP TABLE two")
"#;
    stage.project.write("002_two.py", two)?;
    stage
        .project
        .migration("003_three", "CREATE TABLE three ();", "DROP TABLE three;")?;
    let advice = stage.up_advises("confiture migrate apply-as")?;
    let command = advice.split('`').nth(1).context("it names no command")?;
    let dsn = stage.database.dsn();
    fs::write(
        stage.workdir().join("confiture.yaml"),
        format!("database_url: {dsn}\napply_as:\n  root:\n    url: {dsn}\n"),
    )?;
    let arguments = command.replace("<role>", "root");
    let arguments = arguments.split(' ').skip(1);
    let output = run(Command::new(&stage.confiture.program)
        .args(arguments)
        .current_dir(stage.workdir()))?;
    ensure!(
        output.status.success(),
        "{}{}",
        output.stdout,
        output.stderr
    );
    stage.applies(&["003"])
}

fn loses_data(stage: &Follower<'_>) -> anyhow::Result<()> {
    let drops = "-- confiture:destructive\nDROP TABLE one;";
    stage
        .project
        .migration("002_drop", drops, "CREATE TABLE one (id int);")?;
    let advice = stage.up_advises("allow it with the setting")?;
    let setting = advice.split('`').nth(1).context("it names no setting")?;
    let ctx = stage.ctx().with_setting(setting, json!(true));
    applies(&stage.adapter(), &ctx, &["001", "002"])
}

fn one_version_twice(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.project.migration("001_two", MAKES_TWO, DROPS_TWO)?;
    stage.up_advises("give one of them another version")?;
    for ending in ["up.sql", "down.sql"] {
        let file = |name: &str| stage.project.migrations().join(format!("{name}.{ending}"));
        fs::rename(file("001_two"), file("002_two"))?;
    }
    stage.applies(&["001", "002"])
}

fn edited(stage: &Follower<'_>) -> anyhow::Result<()> {
    let (file, as_applied) = ("001_one.up.sql", "CREATE TABLE one (id int);");
    stage.applies(&["001"])?;
    stage
        .project
        .write(file, "CREATE TABLE one (id int, name text);")?;
    stage.up_advises("restore the file as it was applied")?;
    stage.project.write(file, as_applied)?;
    stage.project.migration(
        "002_name",
        "ALTER TABLE one ADD COLUMN name text;",
        "ALTER TABLE one DROP COLUMN name;",
    )?;
    stage.applies(&["002"])
}

/// Two first deploys at once, by a release that makes the ledger before it has the lock.
fn ledger_made_by_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let early = ConfitureMigration::with_program(stage.world.release("0.23.0")?.program);
    let mut another = stage.sql("BEGIN; CREATE TABLE tb_confiture (id int)")?;
    let ctx = stage.ctx();
    let second = deploy(&early, &ctx);
    stage.comes(WAITS)?;
    another.batch_execute("COMMIT")?;
    stage.advised(second.finish()?, "wait until the other deploy has ended")?;
    // The other one ends without having deployed anything.
    another.batch_execute("DROP TABLE tb_confiture")?;
    applies(&early, &ctx, &["001"])
}

fn lock_is_held(stage: &Follower<'_>) -> anyhow::Result<()> {
    let mut gate = stage.sql("CREATE TABLE gate ()")?;
    gate.batch_execute("BEGIN; LOCK TABLE gate")?;
    let locks = format!("LOCK TABLE gate; {MAKES_TWO}");
    stage.project.migration("002_two", &locks, DROPS_TWO)?;
    let other = deploy(&stage.adapter(), &stage.ctx());
    stage.comes(WAITS)?;
    let hurried = stage.builder().lock_timeout_ms(500).build();
    let outcome = block_on(hurried.up(&stage.ctx(), None));
    stage.advised(outcome, "wait until the deploy that holds the lock")?;
    gate.batch_execute("COMMIT")?;
    other.finish()?.context("the other deploy failed")?;
    applies(&hurried, &stage.ctx(), &[])
}

fn blocked(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.applies(&["001"])?;
    let alters = "ALTER TABLE one ADD COLUMN name text;";
    stage
        .project
        .migration("002_name", alters, "ALTER TABLE one DROP COLUMN name;")?;
    let holder = stage.sql("BEGIN; LOCK TABLE one")?;
    let hurried = stage.builder().timeout(Duration::from_secs(15)).build();
    let waiting = deploy(&hurried, &stage.ctx());
    let blockers = "SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let blocker: i32 = stage.comes(blockers)?.get(0);
    stage.advised(waiting.finish()?, "find the session that it waits for")?;
    stage.sql(&format!("SELECT pg_terminate_backend({blocker})"))?;
    drop(holder);
    stage.applies(&["002"])
}

/// An `up` beside this thread.
fn deploy(adapter: &ConfitureMigration, ctx: &AdapterCtx) -> Running {
    Running::start(adapter.clone(), ctx.clone(), Direction::Up)
}
