//! What is left of a call that was given up, and whether a following `up` makes everything good.

use std::time::{Duration, Instant};

use fraisier_adapter_api::MigrationAdapter as _;
use fraisier_adapter_confiture::ConfitureMigration;

use super::table::Row;
use crate::live::call::block_on;
use crate::live::slow_project::{Pids, SlowProject, applied_at, wait};

/// How soon nothing may be left of a call that was given up. Where it takes longer, the case is run
/// once more: a busy machine is slow now and then, what is left behind is left every time.
pub const LIMIT: Duration = Duration::from_secs(2);

/// What is known of a call that was given up.
pub struct Aftermath {
    pub since: Instant,
    pub title: String,
    pub faults: Vec<String>,
}

impl Aftermath {
    /// Looks at what is left, and whether a following `up` makes everything good.
    pub fn look(
        self,
        adapter: &ConfitureMigration,
        project: &mut SlowProject<'_>,
        pids: &Pids,
    ) -> anyhow::Result<Row> {
        let Self {
            since,
            title,
            mut faults,
        } = self;
        let left = LIMIT.saturating_sub(since.elapsed());
        let late = wait(left, || is_clean(project, pids))?.is_none();
        if late {
            faults.push(format!(
                "after {LIMIT:?}: {} sessions, {} locks, {} processes",
                project.sessions()?,
                project.locks()?,
                alive(pids)
            ));
        }
        let gone = since.elapsed();
        let revision = block_on(adapter.current_revision(&project.ctx()))??;
        let revision = revision.as_ref().map(|revision| revision.0.as_str());
        let at = revision.unwrap_or("none");
        let text = format!("{title} {at:<4} {:>5} ms", gone.as_millis());
        if let Some(damage) = project.damage(applied_at(revision))? {
            faults.push(damage);
            return Ok(Row { text, late, faults });
        }
        project.pace(0.0)?;
        match block_on(adapter.up(&project.ctx(), None))? {
            Ok(_) => faults.extend(project.damage(3)?),
            Err(error) => faults.push(format!("the next up fails: {error}")),
        }
        Ok(Row { text, late, faults })
    }
}

pub fn is_clean(project: &mut SlowProject<'_>, pids: &Pids) -> anyhow::Result<bool> {
    Ok(alive(pids) == 0 && project.sessions()? == 0 && project.locks()? == 0)
}

fn alive(pids: &Pids) -> usize {
    let exists = |pid: &i32| {
        rustix::process::Pid::from_raw(*pid)
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    };
    pids.all()
        .iter()
        .map(|pid| pid.cast_signed())
        .filter(exists)
        .count()
}
