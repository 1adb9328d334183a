//! Rollbacks that fail.

use anyhow::{Context as _, ensure};
use fraisier_adapter_api::Revision;

use super::Play;
use super::follower::{Follower, are};
use crate::stage::block_on;

pub const SCENES: &[Play] = &[
    ("a rollback loses the connection", rollback_loses_connection),
    ("the revision is not known", unknown_revision),
    ("such times, behind a wrapper", unproven_behind_wrapper),
    ("the ledger changes during a rollback", changed_ledger),
    (
        "a failed deploy cannot be undone, and is continued",
        stuck_and_goes_on,
    ),
    (
        "a failed deploy cannot be undone, and is rolled back",
        stuck_and_taken_back,
    ),
];

fn rollback_loses_connection(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.sql("CREATE TABLE public.doomed (id int); INSERT INTO doomed VALUES (1)")?;
    let down = "SELECT pg_terminate_backend(pg_backend_pid()) FROM doomed; DROP TABLE two;";
    two_applied(stage, down)?;
    stage.advised(stage.down_to("001"), "-ipc current`")?;
    let confiture = ("FRAISIER_CONFITURE_BIN", stage.confiture.program.as_path());
    let diagnosis = stage.runs("doctor", &[confiture])?;
    ensure!(diagnosis.status.success(), "{}", diagnosis.stdout);
    stage.sql("DELETE FROM doomed")?;
    rolls_back(stage, "001", &["002"])
}

fn unknown_revision(stage: &Follower<'_>) -> anyhow::Result<()> {
    two_applied(stage, "DROP TABLE two;")?;
    stage.advised(stage.down_to("900"), "-ipc current`, and go back")?;
    stage.is_at_revision("002")?;
    rolls_back(stage, "001", &["002"])
}

const ONE_TIME: &str = "UPDATE tb_confiture SET applied_at = now()";

/// The interpreter is unknown, so the times come from `migrate status`.
fn unproven_behind_wrapper(stage: &Follower<'_>) -> anyhow::Result<()> {
    two_applied(stage, "DROP TABLE two;")?;
    stage.sql(ONE_TIME)?;
    let adapter = stage.builder().program(stage.wrapper("")?).build();
    let refused = block_on(adapter.down_to(&stage.ctx(), Revision::new("001")));
    stage.advised(refused, "correct `applied_at`")?;
    stage.sql("UPDATE tb_confiture SET applied_at = now() + version::int * interval '1 s'")?;
    let outcome = block_on(adapter.down_to(&stage.ctx(), Revision::new("001")))?;
    ensure!(outcome.applied == [Revision::new("002")], "{outcome:?}");
    Ok(())
}

/// Another deploy applies a migration during the rollback; a trigger stands in for it.
fn changed_ledger(stage: &Follower<'_>) -> anyhow::Result<()> {
    two_applied(stage, "DROP TABLE two;")?;
    stage
        .project
        .migration("003_m003", "CREATE TABLE three ();", "DROP TABLE three;")?;
    stage.sql("CREATE TABLE three ()")?;
    stage.ledger_grows("003")?;
    stage.advised(
        stage.down_to("001"),
        "decide again what is to be rolled back",
    )?;
    stage.sql("DROP EVENT TRIGGER grow")?;
    stage.is_at_revision("003")?;
    rolls_back(stage, "001", &["003", "002"])
}

fn stuck_and_goes_on(stage: &Follower<'_>) -> anyhow::Result<()> {
    stuck(stage)?;
    stage
        .project
        .migration("003_three", "CREATE TABLE three ();", "DROP TABLE three;")?;
    stage.applies(&["003"])
}

fn stuck_and_taken_back(stage: &Follower<'_>) -> anyhow::Result<()> {
    let advice = stuck(stage)?;
    let ledger = advice.split('`').nth(1).context("it names no ledger")?;
    stage.sql(&format!(
        "DROP TABLE two; DELETE FROM {ledger} WHERE version = '002'"
    ))?;
    stage.is_at_revision("001")?;
    stage
        .project
        .migration("003_three", "CREATE TABLE three ();", "DROP TABLE three;")?;
    stage.applies(&["002", "003"])
}

/// The advice after a deploy that applied 002, failed at 003, and could not roll 002 back.
fn stuck(stage: &Follower<'_>) -> anyhow::Result<String> {
    stage.applies(&["001"])?;
    stage.project.migration(
        "002_two",
        "CREATE TABLE two (id int);",
        "DROP TABLE no_such_table;",
    )?;
    stage
        .project
        .migration("003_three", "SELECT 1 / 0;", "SELECT 1;")?;
    let undoing = stage.builder().undo_failed_up(true).build();
    let outcome = block_on(undoing.up(&stage.ctx(), None));
    stage.advised(outcome, "or remove that by hand")
}

fn two_applied(stage: &Follower<'_>, down: &str) -> anyhow::Result<()> {
    stage
        .project
        .migration("002_two", "CREATE TABLE two (id int);", down)?;
    stage.applies(&["001", "002"])
}

fn rolls_back(stage: &Follower<'_>, to: &str, versions: &[&str]) -> anyhow::Result<()> {
    let outcome = stage.down_to(to).context("the advice was followed")?;
    are(&outcome, versions)
}
