//! Ledgers that no recording shows: without times, behind a wrapper, or changed by another deploy.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::release::Release;
use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};
use fraisier_adapter_confiture::observe::{Call, Event};
use fraisier_adapter_confiture::{Builder, ConfitureMigration, Failure};

use super::call::{Direction, Running};
use super::{Group, Play, each_on_stage};
use crate::project::Project;
use crate::stage::{ASLEEP, Stage, block_on, failed, state};

pub const GROUP: Group = Group {
    name: "ledger",
    // The releases on which the directory of links was first tested.
    releases: &[
        "0.20.0", "0.23.0", "0.44.0", "0.50.0", "1.0.0", "1.12.0", "newest",
    ],
    scenes: |_, _| each_on_stage(&SCENES),
};

/// The first release that plans a rollback under the migration lock.
const LOCKED_ROLLBACK: Release = Release::new(0, 48, 0);

const SCENES: [(&str, Play); 12] = [
    ("rows without a time", no_time),
    ("times that are text", text_times),
    ("the last row is not the newest", last_is_not_newest),
    (
        "nothing to apply from a directory that lacks what is applied",
        nothing_to_apply,
    ),
    ("a wrapper", wrapper),
    ("a fresh database behind a wrapper", fresh_behind_wrapper),
    ("a ledger that changes", changed),
    ("files beside the migrations", surroundings),
    ("a deploy during a rollback", deploy_during_rollback),
    ("another migration of the version", another_migration),
    ("a class of an applied version", class_of_applied),
    ("the progress of a migration merged late", progress),
];

const PRECONDITION: AdapterErrorKind = AdapterErrorKind::PreconditionFailed;

/// Applies these.
fn applied(stage: &Stage<'_>, versions: &[&str]) -> anyhow::Result<()> {
    for version in versions {
        stage.project.table(version)?;
    }
    stage.up()?;
    stage.is_at(versions)
}

fn down_to(
    stage: &Stage<'_>,
    adapter: &ConfitureMigration,
    target: &str,
) -> Result<MigrationOutcome, Failure> {
    block_on(adapter.down_to(&stage.ctx(), Revision::new(target)))
}

/// Checks that a rollback is refused, for the times in the ledger, and changes nothing.
fn is_refused(stage: &Stage<'_>, adapter: &ConfitureMigration, target: &str) -> anyhow::Result<()> {
    let before = stage.state()?;
    let says = ["does not prove the order", "was not changed", "applied_at"];
    let error = failed(down_to(stage, adapter, target), PRECONDITION, &says)?;
    ensure!(stage.state()? == before, "it changed the database: {error}");
    Ok(())
}

fn no_time(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002", "003"])?;
    stage.sql("ALTER TABLE tb_confiture ALTER applied_at DROP NOT NULL")?;
    for time in ["NULL", "'infinity'", "'-infinity'"] {
        let set = format!("UPDATE tb_confiture SET applied_at = {time} WHERE version = '003'");
        stage.sql(&set)?;
        is_refused(stage, &stage.adapter(), "002")?;
    }
    Ok(())
}

/// Text has no order of time, so it proves nothing.
fn text_times(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002", "003"])?;
    stage.sql(
        "ALTER TABLE tb_confiture ALTER applied_at DROP DEFAULT, ALTER applied_at TYPE text;
         UPDATE tb_confiture SET applied_at = '9' WHERE version = '002'",
    )?;
    let error = stage.down_to("002").err().context("it went to 002")?;
    ensure!(error.state().is_unchanged(), "{error}");
    stage.is_at(&["001", "002", "003"])?;
    let last = block_on(stage.adapter().current_revision(&stage.ctx()));
    ensure!(
        last.as_ref().is_err_and(|it| it.state().is_unchanged()) || last == Ok(Some("003".into())),
        "{last:?}"
    );
    Ok(())
}

/// `current_revision` returns the last row, and reports that confiture names another. Where the rows are not
/// known, it reports that.
fn last_is_not_newest(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002", "003"])?;
    let [second, third] = ["002", "003"].map(|it| Some(Revision::new(it)));
    let current = |builder: Builder, expected: &Option<Revision>, reports: fn(&Event) -> bool| {
        let (sender, events) = mpsc::channel();
        let observer = move |_: &Call, event: &Event| drop(sender.send(event.clone()));
        let adapter = builder.observer(Arc::new(observer)).build();
        let found = block_on(adapter.current_revision(&stage.ctx()))?;
        let events: Vec<Event> = events.try_iter().collect();
        ensure!(found == *expected, "it is at {found:?}: {events:?}");
        anyhow::Ok(events.iter().any(reports))
    };
    let differs = |event: &Event| matches!(event, Event::RevisionsDiffer { .. });
    ensure!(
        !current(stage.builder(), &third, differs)?,
        "the times agree"
    );
    stage.sql(
        "UPDATE tb_confiture SET applied_at = applied_at + interval '1 h' WHERE version < '003'",
    )?;
    ensure!(current(stage.builder(), &third, differs)?, "no event");
    let unread = |event: &Event| matches!(event, Event::LedgerNotRead { .. });
    let wrapper = stage.builder().program(stage.wrapper()?);
    ensure!(current(wrapper, &second, unread)?, "no event");
    Ok(())
}

/// From a directory that lacks the newest migration, and from one without any.
fn nothing_to_apply(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002"])?;
    let last = Some(Revision::new("002"));
    for version in ["002", "001"] {
        stage.project.remove(version)?;
        let outcome = block_on(stage.adapter().up(&stage.ctx(), None))?;
        ensure!(outcome.applied.is_empty(), "{outcome:?}");
        ensure!(outcome.from == last && outcome.to == last, "{outcome:?}");
    }
    Ok(())
}

fn wrapper(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002", "003"])?;
    let adapter = ConfitureMigration::with_program(stage.wrapper()?);
    let outcome = down_to(stage, &adapter, "002")?;
    ensure!(outcome.applied == [Revision::new("003")], "{outcome:?}");
    stage.is_at(&["001", "002"])?;
    stage.up()?;
    stage.sql("UPDATE tb_confiture SET applied_at = now() WHERE version > '001'")?;
    is_refused(stage, &adapter, "002")?;
    stage
        .sql("UPDATE tb_confiture SET applied_at = now() + interval '1 h' WHERE version = '001'")?;
    is_refused(stage, &adapter, "001")
}

fn fresh_behind_wrapper(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.project.table("001")?;
    for adapter in [
        stage.adapter(),
        ConfitureMigration::with_program(stage.wrapper()?),
    ] {
        failed(down_to(stage, &adapter, "001"), PRECONDITION, &[])?;
        let mut client = stage.database.connect()?;
        let there = contract_lab::postgres::look::is_there(&mut client, "tb_confiture")?;
        ensure!(!there, "the ledger was created");
    }
    Ok(())
}

/// A `.py` migration reads a file that it finds by its own path.
fn surroundings(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001"])?;
    let shared = stage.project.root().join("db/shared");
    std::fs::create_dir(&shared)?;
    std::fs::write(
        shared.join("up.sql"),
        "CREATE TABLE t_002 AS SELECT generate_series(1, 1000) AS id",
    )?;
    std::fs::write(stage.project.root().join("down.sql"), "DROP TABLE t_002")?;
    let members = "def run(self, *path):\n    from pathlib import Path\n    \
                   root = Path(__file__).parent.parent.parent\n    \
                   self.execute(root.joinpath(*path).read_text())\n\n\
                   def up(self):\n    self.run('db', 'shared', 'up.sql')\n\n\
                   def down(self):\n    self.run('down.sql')\n";
    stage.project.python("002_m002", members)?;
    stage.up()?;
    stage.is_at(&["001", "002"])?;
    stage.down_to("001")?;
    stage.is_at(&["001"])
}

/// Another deploy applies a migration while confiture waits for the lock of the ledger.
fn changed(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002", "003"])?;
    // What a deploy that ended in between leaves, put there when confiture changes the ledger first.
    stage.project.table("004")?;
    stage.sql("CREATE TABLE t_004 AS SELECT generate_series(1, 1000) AS id")?;
    stage.ledger_grows("004")?;
    let says = ["the ledger has changed", "004 is there", "was not changed"];
    failed(stage.down_to("002"), PRECONDITION, &says)?;
    stage.sql("DROP EVENT TRIGGER grow")?;
    stage.is_at(&["001", "002", "003", "004"])
}

/// Another deploy begins a migration outside of a transaction at any moment of a rollback.
fn deploy_during_rollback(first: &Stage<'_>) -> anyhow::Result<()> {
    for delay in (0..8).map(|it| Duration::from_millis(it * 250)) {
        contract_lab::interrupt::check()?;
        let stage = Stage::new(first.world, first.confiture)?;
        applied(&stage, &["001", "002", "003", "004"])?;
        let other = Project::empty()?;
        other.python(
            "005_m005",
            "transactional = False\n\
             def up(self):\n    time.sleep(4)\n    \
             self.execute(\"CREATE TABLE t_005 AS SELECT generate_series(1, 1000) AS id\")\n\
             def down(self):\n    self.execute(\"DROP TABLE t_005\")",
        )?;
        let mut ctx = stage.ctx();
        ctx.workdir = other.root().into();
        let beside = Running::start(stage.adapter(), ctx, Direction::Up);
        thread::sleep(delay);
        let down = stage.down_to("003");
        beside.finish()?.context("the other deploy")?;
        let found = state(&stage.database)?;
        let shown = || format!("{delay:?}: {found:?}, {down:?}");
        let rolled_back = !found.iter().any(|it| it == "004");
        match &down {
            // The other deploy came after it.
            Ok(_) => ensure!(rolled_back, "{}", shown()),
            Err(error) if error.state().is_unchanged() => ensure!(!rolled_back, "{}", shown()),
            Err(error) => {
                let message = error.to_string();
                ensure!(
                    rolled_back && message.contains("it applied 005"),
                    "{}",
                    shown()
                );
            }
        }
        if !stage.since(LOCKED_ROLLBACK) {
            ensure!(down.is_err(), "{}", shown());
        }
    }
    Ok(())
}

/// The directory contains a different migration with the version of an applied one.
fn another_migration(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "002", "003"])?;
    stage.project.remove("003_")?;
    let drops = ("SELECT 1;", "DROP TABLE t_001;");
    stage.project.migration("003_other", drops.0, drops.1)?;
    let refused = |name: &str| {
        let says = ["applied as `m003`", name, "was not changed"];
        failed(stage.down_to("002"), PRECONDITION, &says)?;
        stage.is_at(&["001", "002", "003"])
    };
    refused("003_other.up.sql")?;
    stage.project.remove("003_")?;
    let members =
        "def up(self):\n    pass\ndef down(self):\n    self.execute(\"DROP TABLE t_001\")";
    stage.project.python("003_other", members)?;
    refused("003_other.py")?;
    stage.project.remove("003_")?;
    stage.project.table("003")?;
    stage.down_to("002")?;
    stage.is_at(&["001", "002"])
}

/// The class in the file of a pending migration has the version of an applied one. No other deploy is in the
/// way, and none will be gone later.
fn class_of_applied(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001"])?;
    let members = "def up(self):\n    pass\ndef down(self):\n    pass";
    stage.project.python("001_x", members)?;
    let migrations = stage.project.migrations();
    std::fs::rename(migrations.join("001_x.py"), migrations.join("002_x.py"))?;
    let error = stage.up().err().context("it succeeded")?;
    ensure!(error.kind() != AdapterErrorKind::LockContention, "{error}");
    stage.is_at(&["001"])
}

/// 002 was merged after 003 was applied, and another deploy applies 0025 while it runs. Progress counts what is
/// applied of the files that were there at the start.
fn progress(stage: &Stage<'_>) -> anyhow::Result<()> {
    applied(stage, &["001", "003"])?;
    stage.project.table_and("002", "SELECT pg_sleep(5);", "")?;
    stage.project.table("004")?;
    let (sender, progress) = mpsc::channel();
    let observer = move |_: &Call, event: &Event| {
        if let Event::Progress {
            revision,
            applied,
            of,
        } = event
        {
            let _ = sender.send((revision.clone(), *applied, *of));
        }
    };
    let adapter = stage
        .builder()
        .observer(Arc::new(observer))
        .progress_interval(Duration::from_millis(100))
        .build();
    let up = Running::start(adapter, stage.ctx(), Direction::Up);
    stage.comes(ASLEEP)?;
    stage.project.table("0025")?;
    stage.sql("INSERT INTO tb_confiture (slug, version, name) VALUES ('x', '0025', 'm0025')")?;
    up.finish()?.context("the deploy")?;
    let progress: Vec<_> = progress.try_iter().collect();
    let asleep = (Some(Revision::new("0025")), 2, 4);
    ensure!(progress.contains(&asleep), "{progress:?}");
    let is_true = |(_, applied, of): &(_, usize, usize)| (2..=4).contains(applied) && *of == 4;
    ensure!(progress.iter().all(is_true), "{progress:?}");
    Ok(())
}
