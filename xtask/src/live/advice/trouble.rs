//! Failures as data: the cause, the advice, and what to do to follow it.

use anyhow::Context as _;
use fraisier_adapter_api::MigrationOutcome;
use fraisier_adapter_confiture::{ConfitureMigration, Failure};
use serde::Deserialize;

use super::follower::{Follower, are};
use crate::live::call::Direction;
use crate::stage::block_on;

/// The name of a migration, and the SQL of both directions.
type Migration = (String, String, String);

/// The head of `advice.toml` says what the fields mean.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Trouble {
    pub(super) name: String,
    release: Option<String>,
    applied: Option<Vec<Migration>>,
    sql: Option<String>,
    remove: Option<String>,
    adds: Option<Migration>,
    down: bool,
    says: String,
    then: Option<String>,
    deletes: Option<String>,
    writes: Option<Migration>,
    result: Vec<String>,
}

/// All failures.
pub(super) fn all() -> Vec<Trouble> {
    #[derive(Deserialize)]
    struct All {
        trouble: Vec<Trouble>,
    }
    let all = toml::from_str::<All>(include_str!("advice.toml"));
    all.expect("advice.toml has the fields of its head").trouble
}

impl Trouble {
    pub(super) fn play(&self, stage: &Follower<'_>) -> anyhow::Result<()> {
        let name = stage.database.name();
        let sql = |text: &str| stage.sql(&text.replace("{database}", name));
        let first = match &self.release {
            Some(release) => {
                let program = stage.world.release(release)?.program;
                ConfitureMigration::with_program(program)
            }
            None => stage.adapter(),
        };
        if let Some(applied) = &self.applied {
            applied.iter().try_for_each(|it| write(stage, it))?;
            block_on(first.up(&stage.ctx(), None))?;
        }
        let session = self.sql.as_deref().map(sql).transpose()?;
        if let Some(prefix) = &self.remove {
            stage.project.remove(prefix)?;
        }
        self.adds.iter().try_for_each(|it| write(stage, it))?;
        let advice = stage.advised(self.call(stage, &first), &self.says)?;
        drop(session);
        match self.then.as_deref() {
            Some("advised") => {
                let statement = advice.find("UPDATE").context("it contains no statement")?;
                sql(&advice[statement..])?;
            }
            Some(text) => drop(sql(text)?),
            None => {}
        }
        if let Some(prefix) = &self.deletes {
            stage.project.remove(prefix)?;
        }
        self.writes.iter().try_for_each(|it| write(stage, it))?;
        let outcome = self
            .call(stage, &stage.adapter())
            .context("the advice was followed")?;
        are(&outcome, &self.result)
    }

    fn call(
        &self,
        stage: &Follower<'_>,
        adapter: &ConfitureMigration,
    ) -> Result<MigrationOutcome, Failure> {
        let direction = if self.down {
            Direction::Down
        } else {
            Direction::Up
        };
        block_on(direction.migrate(adapter, &stage.ctx()))
    }
}

fn write(stage: &Follower<'_>, (name, up, down): &Migration) -> anyhow::Result<()> {
    stage.project.migration(name, up, down)
}
