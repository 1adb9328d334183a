//! A `preflight` judges what is pending, on releases that judge every file of a directory.

use std::fs;

use anyhow::ensure;
use fraisier_adapter_api::{AdapterCtx, PreflightReport};
use fraisier_adapter_confiture::{
    APPLIED_ALSO_JUDGED, APPLIED_FILE_CHANGED, Builder, LEDGER_ELSEWHERE,
};

use super::{Group, Play, each_on_stage};
use crate::project::Project;
use crate::stage::{Stage, block_on};

pub const GROUP: Group = Group {
    name: "preflight",
    // Those whose verdicts differ most.
    releases: &["0.22.0", "0.23.0", "0.44.0", "1.0.0", "newest"],
    scenes: |_, _| each_on_stage(&SCENES),
};

/// A statement of each kind that is judged in its own way.
const STATEMENTS: [&str; 9] = [
    "CREATE TABLE new_one (id int);",
    "ALTER TABLE kept ADD COLUMN more text;",
    "ALTER TABLE kept DROP COLUMN name;",
    "ALTER TABLE kept ALTER COLUMN id TYPE bigint;",
    "ALTER TABLE kept RENAME COLUMN name TO title;",
    "CREATE INDEX by_name ON kept (name);",
    "TRUNCATE kept;",
    "ALTER TABLE kept ALTER COLUMN name SET NOT NULL;",
    "DROP TABLE kept;",
];

const SCENES: [(&str, Play); 5] = [
    ("an applied DROP TABLE", applied),
    ("a changed file", changed),
    ("an unreadable ledger", unreadable),
    ("another search_path", elsewhere),
    ("another database", against),
];

/// Drops a table, with SQL and with Python.
fn dropped(stage: &Stage<'_>) -> anyhow::Result<()> {
    let project = &stage.project;
    let tables = "CREATE TABLE kept (id int, name text); CREATE TABLE old (id int);";
    project.migration("001_tables", tables, "DROP TABLE kept, old;")?;
    project.migration("002_drop", "DROP TABLE old;", "CREATE TABLE old (id int);")?;
    let members = "def up(self):\n    self.execute('SELECT 1')\n\ndef down(self):\n    pass\n";
    project.python("003_code", members)?;
    stage.up()?;
    Ok(())
}

fn judge(builder: Builder, ctx: &AdapterCtx) -> anyhow::Result<PreflightReport> {
    Ok(block_on(builder.build().preflight(ctx))?)
}

fn about(report: &PreflightReport, version: &str) -> bool {
    let is = |migration: &Option<String>| migration.as_deref() == Some(version);
    let changes = report.change_set.iter().flat_map(|it| &it.changes);
    report.issues.iter().any(|issue| is(&issue.migration))
        || changes.into_iter().any(|change| is(&change.migration))
}

fn has(report: &PreflightReport, code: &str) -> bool {
    report.issues.iter().any(|issue| issue.code == code)
}

/// The report about a pending migration is that of a directory in which it is alone.
fn applied(stage: &Stage<'_>) -> anyhow::Result<()> {
    dropped(stage)?;
    let none = judge(stage.builder(), &stage.ctx())?;
    let empty = Stage::new(stage.world, stage.confiture)?;
    let expected = judge(empty.builder(), &empty.ctx())?;
    ensure!(none.ok && none == expected, "nothing pending: {none:?}");
    for statement in STATEMENTS {
        let alone = Project::empty()?;
        for project in [&stage.project, &alone] {
            project.migration("004_next", statement, "SELECT 1;")?;
        }
        let mut ctx = stage.ctx();
        let pending = judge(stage.builder(), &ctx)?;
        ctx.workdir = alone.root().into();
        let expected = judge(stage.builder().preflight_pending_only(false), &ctx)?;
        ensure!(
            pending == expected,
            "{statement} {pending:?}, and alone {expected:?}"
        );
    }
    Ok(())
}

/// An applied file that was changed is judged, and so are two migrations of one version.
fn changed(stage: &Stage<'_>) -> anyhow::Result<()> {
    dropped(stage)?;
    let all = || judge(stage.builder().preflight_pending_only(false), &stage.ctx());
    let missing = stage.project.migrations().join("001_tables.down.sql");
    fs::remove_file(&missing)?;
    ensure!(about(&all()?, "001"), "a missing way back is no finding");
    let found = judge(stage.builder(), &stage.ctx())?;
    ensure!(found.ok && found.issues.is_empty(), "unchanged: {found:?}");

    stage.project.write("001_tables.up.sql", "TRUNCATE kept;")?;
    let found = judge(stage.builder(), &stage.ctx())?;
    let shown = has(&found, APPLIED_FILE_CHANGED) && !found.ok;
    ensure!(shown && !about(&found, "003"), "changed: {found:?}");

    stage.project.migration("002_other", "SELECT 1;", "")?;
    let found = judge(stage.builder(), &stage.ctx())?;
    for issue in all()?.issues {
        let stays = issue.migration.as_deref() == Some("003") || found.issues.contains(&issue);
        ensure!(stays, "{issue:?} is missing: {found:?}");
    }
    ensure!(!found.ok, "two of one version: {found:?}");

    stage.project.remove("002_other")?;
    stage.sql("UPDATE tb_confiture SET checksum = NULL WHERE version = '003'")?;
    let found = judge(stage.builder(), &stage.ctx())?;
    ensure!(about(&found, "003"), "without a checksum: {found:?}");
    Ok(())
}

/// Where the ledger cannot be read, everything is judged, with a warning.
fn unreadable(stage: &Stage<'_>) -> anyhow::Result<()> {
    dropped(stage)?;
    let mut all = judge(stage.builder().preflight_pending_only(false), &stage.ctx())?;
    let mut client = stage.database.connect()?;
    let mut holder = client.transaction()?;
    holder.batch_execute("LOCK TABLE tb_confiture")?;
    let found = judge(stage.builder(), &stage.ctx())?;
    ensure!(has(&found, APPLIED_ALSO_JUDGED), "{found:?}");
    all.issues.clone_from(&found.issues);
    ensure!(found == all, "{found:?}, and not {all:?}");
    Ok(())
}

/// A ledger that the `search_path` no longer shows is reported before everything is applied again.
fn elsewhere(stage: &Stage<'_>) -> anyhow::Result<()> {
    dropped(stage)?;
    let found = judge(stage.builder(), &stage.ctx())?;
    ensure!(!has(&found, LEDGER_ELSEWHERE), "{found:?}");
    stage.sql(
        "CREATE SCHEMA other;
         DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = other', current_database()); END$$",
    )?;
    let found = judge(stage.builder(), &stage.ctx())?;
    let issue = found.issues.iter().find(|it| it.code == LEDGER_ELSEWHERE);
    let named = issue.is_some_and(|it| it.message.contains(": public;"));
    ensure!(named, "{found:?}");
    Ok(())
}

/// The pending migrations are tried on another database, without those that are applied there.
fn against(stage: &Stage<'_>) -> anyhow::Result<()> {
    dropped(stage)?;
    let ctx = stage
        .ctx()
        .with_resolved_secret("AGAINST_DATABASE_URL", stage.database.dsn());
    let found = judge(stage.builder(), &ctx)?;
    ensure!(found.ok && found.issues.is_empty(), "{found:?}");
    stage.project.migration("004_next", "SELECT 1 / 0;", "")?;
    let found = judge(stage.builder(), &ctx)?;
    ensure!(has(&found, "PFLIGHT_REPLAY_FAILED"), "{found:?}");
    stage
        .project
        .write("001_tables.up.sql", "SELECT 1; -- changed")?;
    stage.project.migration("004_next", "SELECT 1;", "")?;
    let found = judge(stage.builder(), &ctx)?;
    ensure!(found.ok && has(&found, APPLIED_FILE_CHANGED), "{found:?}");
    Ok(())
}
