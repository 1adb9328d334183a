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
    (
        "a required down migration is missing",
        down_migration_required,
    ),
    ("a migration needs a superuser", needs_superuser),
    ("a migration loses data", loses_data),
    ("another deploy creates the ledger", ledger_made_by_another),
    ("another deploy holds the lock", lock_is_held),
    ("a session holds what a migration waits for", blocked),
];

fn down_migration_required(stage: &Follower<'_>) -> anyhow::Result<()> {
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

/// Two first deploys at once, with a release that creates the ledger before it takes the lock.
fn ledger_made_by_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let early = ConfitureMigration::with_program(stage.world.release("0.23.0")?.program);
    let mut another = stage.sql("BEGIN; CREATE TABLE tb_confiture (id int)")?;
    let ctx = stage.ctx();
    let second = deploy(&early, &ctx);
    stage.comes(WAITS)?;
    another.batch_execute("COMMIT")?;
    stage.advised(second.finish()?, "wait until the other deploy has ended")?;
    // The other deploy ends without a migration.
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

/// An `up` in another thread.
fn deploy(adapter: &ConfitureMigration, ctx: &AdapterCtx) -> Running {
    Running::start(adapter.clone(), ctx.clone(), Direction::Up)
}
