//! How the adapter and its calls are configured.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use fraisier_adapter_api::{AdapterCtx, MigrationOutcome, Revision};
use fraisier_adapter_confiture::Failure;
use serde_json::json;

use super::Play;
use super::follower::{Follower, applies};
use crate::stage::block_on;

pub const SCENES: &[Play] = &[
    ("a variable has an invalid value", bad_variable),
    ("a setting has another type", bad_setting),
    (
        "the connection string is of another database",
        another_database,
    ),
    ("the connection string ends with a line end", line_end),
    ("the connection string has a parameter `schema`", schema),
    ("a password that cannot be taken out", inseparable_password),
    ("options keep the disconnect check away", options),
    ("the workdir is not there", no_workdir),
    ("the migrations directory is not there", no_migrations),
    ("the target is no version", no_such_target),
    (
        "the target does not exist, and there is no migration",
        no_migration,
    ),
    ("nothing listens on the port", nobody_answers),
];

fn bad_variable(stage: &Follower<'_>) -> anyhow::Result<()> {
    let confiture = ("FRAISIER_CONFITURE_BIN", stage.confiture.program.as_path());
    let timeout = |value| ("FRAISIER_CONFITURE_TIMEOUT", Path::new(value));
    stage.program_advises(
        "current",
        &[confiture, timeout("90")],
        "correct or unset it",
    )?;
    stage.program_succeeds(&[confiture, timeout("90s")])?;
    stage.program_succeeds(&[confiture])
}

fn bad_setting(stage: &Follower<'_>) -> anyhow::Result<()> {
    let set = |value| stage.ctx().with_setting("lock_timeout_ms", value);
    let outcome = block_on(stage.adapter().up(&set(json!("30 s")), None));
    stage.advised(outcome, "correct it")?;
    applies(&stage.adapter(), &set(json!(30_000)), &["001"])
}

fn another_database(stage: &Follower<'_>) -> anyhow::Result<()> {
    let url = stage.database.dsn();
    let rest = url.split_once("://").context("no URL")?.1;
    let outcome = up(stage, &stage.ctx_with(&format!("mysql://{rest}")));
    stage.advised(outcome, "write it as a URL")?;
    applies(&stage.adapter(), &stage.ctx_with(&url), &["001"])
}

fn line_end(stage: &Follower<'_>) -> anyhow::Result<()> {
    let url = stage.database.dsn();
    let outcome = up(stage, &stage.ctx_with(&format!("{url}\n")));
    stage.advised(outcome, "remove it")?;
    applies(&stage.adapter(), &stage.ctx_with(&url), &["001"])
}

fn schema(stage: &Follower<'_>) -> anyhow::Result<()> {
    let url = stage.database.dsn();
    let mark = if url.contains('?') { '&' } else { '?' };
    let outcome = up(stage, &stage.ctx_with(&format!("{url}{mark}schema=shop")));
    stage.advised(outcome, "correct its name or remove it")?;
    let name = stage.database.name();
    stage.database.connect()?.batch_execute(&format!(
        "CREATE SCHEMA shop; ALTER ROLE CURRENT_USER IN DATABASE \"{name}\" SET search_path = shop"
    ))?;
    applies(&stage.adapter(), &stage.ctx_with(&url), &["001"])?;
    stage
        .database
        .connect()?
        .batch_execute("SELECT FROM shop.tb_confiture")?;
    Ok(())
}

fn inseparable_password(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.applies(&["001"])?;
    let against = |dsn: &str| {
        let ctx = stage
            .ctx()
            .with_resolved_secret("AGAINST_DATABASE_URL", dsn.to_owned());
        block_on(stage.adapter().preflight(&ctx))
    };
    let name = stage.database.name();
    let outcome = against(&format!("host=127.0.0.1 password=uK4-vx9 dbname={name}"));
    stage.advised(outcome, "write it as a URL with")?;
    against(&stage.database.dsn()).context("the advice was followed")?;
    Ok(())
}

fn options(stage: &Follower<'_>) -> anyhow::Result<()> {
    let url = stage.database.dsn();
    let mark = if url.contains('?') { '&' } else { '?' };
    let with = |options: &str| {
        format!(
            "{url}{mark}options={}",
            options.replace(' ', "%20").replace('=', "%3D")
        )
    };
    let demanding = || {
        let interval = Duration::from_secs(1);
        stage.builder().server_disconnect_check(interval).build()
    };
    let own = "-c work_mem=8MB";
    let ctx = stage.ctx_with(&with(own));
    let outcome = block_on(demanding().up(&ctx, None));
    let advice = stage.advised(outcome, "to these `options`")?;
    let option = advice.split('`').nth(1).context("it names no option")?;
    let both = stage.ctx_with(&with(&format!("{own} {option}")));
    let adapter = stage.builder().server_disconnect_check(None).build();
    applies(&adapter, &both, &["001"])?;
    applies(&demanding(), &stage.ctx_with(&url), &[])
}

fn no_workdir(stage: &Follower<'_>) -> anyhow::Result<()> {
    let mut ctx = stage.ctx();
    ctx.workdir = stage.workdir().join("nowhere");
    stage.advised(up(stage, &ctx), "set `workdir` to")?;
    stage.applies(&["001"])
}

fn no_migrations(stage: &Follower<'_>) -> anyhow::Result<()> {
    let mut ctx = stage.ctx();
    ctx.migrations_path = Some("migrations".into());
    stage.advised(up(stage, &ctx), "set `migrations_path`")?;
    ctx.migrations_path = Some("db/migrations".into());
    applies(&stage.adapter(), &ctx, &["001"])
}

fn no_such_target(stage: &Follower<'_>) -> anyhow::Result<()> {
    let to = |target: &str| {
        let target = Revision::new(target);
        block_on(stage.adapter().up(&stage.ctx(), Some(target)))
    };
    stage.advised(to("one"), "use a version")?;
    to("001").context("the advice was followed")?;
    Ok(())
}

fn no_migration(stage: &Follower<'_>) -> anyhow::Result<()> {
    let elsewhere = stage.workdir().join("elsewhere");
    std::fs::create_dir(&elsewhere)?;
    let target = || Some(Revision::new("001"));
    let mut ctx = stage.ctx();
    ctx.migrations_path = Some("elsewhere".into());
    let outcome = block_on(stage.adapter().up(&ctx, target()));
    stage.advised(outcome, "that contains the migrations")?;
    block_on(stage.adapter().up(&stage.ctx(), target())).context("the advice was followed")?;
    Ok(())
}

/// What confiture itself advises.
fn nobody_answers(stage: &Follower<'_>) -> anyhow::Result<()> {
    let outcome = up(stage, &stage.ctx_with("postgresql://app@127.0.0.1:1/shop"));
    stage.advised(outcome, "Check that the database server is running")?;
    stage.applies(&["001"])
}

fn up(stage: &Follower<'_>, ctx: &AdapterCtx) -> Result<MigrationOutcome, Failure> {
    block_on(stage.adapter().up(ctx, None))
}
