//! The life of a run, decided and not done: what happens goes in as an [`Event`], and what is to be
//! done comes out as [`Action`]s.
//!
//! Its tests walk through all that can happen, in every order.

use std::time::Duration;

use super::output::Interruption;

/// How far a run is, and what it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) struct Life {
    stage: Stage,
    /// The first reason to stop.
    told: Option<Interruption>,
    given_up: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum Stage {
    /// There may be a watcher and a report directory, and no command.
    #[default]
    NotStarted,
    Running,
    /// It exited and is not reaped, and neither is who leads the group, so the ids are still theirs.
    Exited,
    Reaped,
    Over,
}

/// What happens to a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The command runs.
    Started,
    /// A look at the command shows that it ended.
    Exited,
    /// It ran as long as it may.
    TimedOut(Duration),
    /// Nobody waits for it any more.
    GivenUp,
    /// Half of the grace is over.
    HalfGraceOver,
    /// All of the grace is over.
    GraceOver,
    /// Nobody looks after the command any more: it is done with, or its supervisor is gone.
    Left,
    /// Nobody reads the report any more.
    Over,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Give the group the signal that stops it, by [`Stop`](super::Stop).
    Stop,
    /// Kill the group.
    Kill,
    /// Wait for the command and its watcher, after which their ids may be anybody's.
    Reap,
    /// Remove the directory of the report.
    RemoveReport,
    /// Count one more run that ends although nobody waits for it.
    CountIn,
    /// Count it out again.
    CountOut,
}

impl Life {
    /// What this event changes, and what is to be done about it before anything else happens.
    pub(super) fn on(&mut self, event: Event) -> &'static [Action] {
        use Action::{CountIn, CountOut, Kill, Reap, RemoveReport, Stop};
        match (event, self.stage) {
            (Event::Started, Stage::NotStarted) => {
                self.stage = Stage::Running;
                // It may have been told to stop while it was being started.
                if self.told.is_some() { &[Stop] } else { &[] }
            }
            (Event::Exited, Stage::Running) => {
                self.stage = Stage::Exited;
                &[]
            }
            (Event::TimedOut(limit), _) => {
                if self.tell(Interruption::Timeout(limit)) {
                    &[Stop]
                } else {
                    &[]
                }
            }
            (Event::GivenUp, stage) if stage != Stage::Over => {
                self.given_up = true;
                if self.tell(Interruption::Dropped) {
                    &[CountIn, Stop]
                } else {
                    &[CountIn]
                }
            }
            // An interrupt can get lost, in a finalizer for example, where Python ignores exceptions.
            (Event::HalfGraceOver, Stage::Running) => &[Stop],
            (Event::GraceOver, Stage::Running) => &[Kill],
            (Event::Left, Stage::NotStarted) => {
                self.stage = Stage::Reaped;
                &[Reap]
            }
            (Event::Left, Stage::Running | Stage::Exited) => {
                self.stage = Stage::Reaped;
                &[Kill, Reap]
            }
            (Event::Over, Stage::Reaped) => {
                self.stage = Stage::Over;
                if self.given_up {
                    &[RemoveReport, CountOut]
                } else {
                    &[RemoveReport]
                }
            }
            _ => &[],
        }
    }

    /// Why it was told to stop, if it was.
    pub(super) fn told(&self) -> Option<Interruption> {
        self.told
    }

    /// Remembers the first reason to stop; what has ended already is not interrupted. Returns whether
    /// there is somebody to stop.
    fn tell(&mut self, why: Interruption) -> bool {
        let is_news =
            self.told.is_none() && matches!(self.stage, Stage::NotStarted | Stage::Running);
        if is_news {
            self.told = Some(why);
        }
        is_news && self.stage == Stage::Running
    }
}

#[cfg(test)]
mod tests;
