//! An `up` that fails halfway and is undone.

use fraisier_adapter_api::AdapterErrorKind;

use anyhow::{Context as _, ensure};

use super::{Group, each_on_stage, on_stages};
use crate::stage::{Stage, block_on, failed};

pub const GROUP: Group = Group {
    name: "undo",
    // The oldest, one in the middle, the first whose report is the one of today, and the newest.
    releases: &["0.20.0", "0.23.0", "0.48.0", "newest"],
    scenes: |_, _| {
        let mut scenes = on_stages(&UNDOS, judge);
        scenes.extend(each_on_stage(&[("a part was committed", partly_committed)]));
        scenes
    },
};

/// What happens to the migrations that the failed `up` had applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They remain, because no undo was requested.
    Remain,
    Undone,
    /// They remain, although an undo was requested.
    Stuck,
}

#[derive(Debug, Clone, Copy)]
enum WayDown {
    Works,
    Fails,
    Missing,
}

use Fate::{Remain, Stuck, Undone};
use WayDown::{Fails, Missing, Works};

/// The migrations applied before; those that the `up` applies, with their way down; what happens to
/// those.
type Undo = (
    &'static [&'static str],
    &'static [(&'static str, WayDown)],
    Fate,
);

const FOUR: &[(&str, WayDown)] = &[
    ("002", Works),
    ("003", Works),
    ("004", Works),
    ("005", Works),
];

const UNDOS: [(&str, Undo); 7] = [
    ("not asked for", (&["001"], &[("002", Works)], Remain)),
    ("one applied", (&["001"], &[("002", Works)], Undone)),
    (
        "two applied",
        (&["001"], &[("002", Works), ("003", Works)], Undone),
    ),
    ("no way down", (&["001"], &[("002", Missing)], Stuck)),
    ("the way down fails", (&["001"], &[("002", Fails)], Stuck)),
    ("nothing applied before", (&[], &[("001", Works)], Stuck)),
    ("four applied", (&["001"], FOUR, Undone)),
];

fn judge(stage: &Stage<'_>, (before, pending, fate): Undo) -> anyhow::Result<()> {
    for version in before {
        stage.project.table(version)?;
    }
    if !before.is_empty() {
        stage.up()?;
    }
    stage.is_at(before)?;

    for (version, down) in pending {
        match down {
            Works => stage.project.table(version)?,
            Fails => stage.project.table_and(version, "", "SELECT 1 / 0;")?,
            // confiture accepts no `.up.sql` without its `.down.sql`.
            Missing => stage.project.python(
                &format!("{version}_m{version}"),
                &format!(
                    "def up(self):\n    self.execute(\"CREATE TABLE t_{version} AS \
                     SELECT generate_series(1, 1000) AS id\")\n\
                     def down(self):\n    raise NotImplementedError(\"there is no way back\")"
                ),
            )?,
        }
    }
    stage.project.table_and("900", "SELECT 1 / 0;", "")?;
    let undoing = stage.builder().undo_failed_up(fate != Remain).build();
    let outcome = block_on(undoing.up(&stage.ctx(), None));

    let applied = pending.iter().map(|(version, _)| *version);
    let all: Vec<&str> = before.iter().copied().chain(applied.clone()).collect();
    let (kind, expected) = match fate {
        Undone => (AdapterErrorKind::Execution, before),
        Remain => (AdapterErrorKind::Execution, &all[..]),
        Stuck => (AdapterErrorKind::IrreversibleRollback, &all[..]),
    };
    let named: Vec<&str> = applied.chain(["900"]).collect();
    let failure = failed(outcome, kind, &named)?;
    stage.is_at(expected).context(failure.to_string())
}

/// The migration that fails commits a part of itself, which the undo of the others does not remove.
fn partly_committed(stage: &Stage<'_>) -> anyhow::Result<()> {
    stage.project.table("001")?;
    stage.up()?;
    stage.project.table("002")?;
    let commits = "CREATE TABLE part (id int); COMMIT; SELECT 1 / 0;";
    stage.project.migration("900_m900", commits, "")?;
    let undoing = stage.builder().undo_failed_up(true).build();
    let error = block_on(undoing.up(&stage.ctx(), None)).err();
    let error = error.context("it succeeded")?;
    stage.is_at(&["001"])?;
    stage
        .sql("SELECT FROM part")
        .context("it committed nothing")?;
    ensure!(
        !error.state().is_unchanged() && error.advice().contains("remove what it committed"),
        "{error}"
    );
    ensure!(!error.to_string().contains("where it was"), "{error}");
    Ok(())
}
