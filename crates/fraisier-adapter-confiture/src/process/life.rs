//! The state machine of a run: it takes [`Event`]s and answers with [`Action`]s, and does nothing by
//! itself.

use std::time::Duration;

use super::output::Interruption;

/// How far a run is, and whether it was told to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Life {
    stage: Stage,
    /// The first reason to stop.
    told: Option<Interruption>,
    given_up: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// There may be a watcher and a report directory, and no command.
    #[default]
    NotStarted,
    Running,
    /// The command exited. Neither it nor the leader of the group is reaped, so their ids are still
    /// theirs.
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
    /// Its time ran out.
    TimedOut(Duration),
    /// Nobody waits for it any more.
    GivenUp,
    /// The supervisor is done with the command, or is gone.
    Left,
    /// The supervisor is done with the report, too.
    Over,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Kill the group.
    Kill,
    /// Wait for the command and its watcher. Their ids may go to other processes after that.
    Reap,
    /// Remove the directory of the report.
    RemoveReport,
    /// Count this run among those that were given up and are not over.
    CountIn,
    /// Count it no more.
    CountOut,
}

impl Life {
    /// Takes an event, and gives the actions to do before the next one.
    pub(super) fn on(&mut self, event: Event) -> &'static [Action] {
        use Action::{CountIn, CountOut, Kill, Reap, RemoveReport};
        match (event, self.stage) {
            (Event::Started, Stage::NotStarted) => {
                self.stage = Stage::Running;
                // It may have been told to stop while it was being started.
                if self.told.is_some() { &[Kill] } else { &[] }
            }
            (Event::Exited, Stage::Running) => {
                self.stage = Stage::Exited;
                &[]
            }
            (Event::TimedOut(limit), _) => {
                if self.tell(Interruption::Timeout(limit)) {
                    &[Kill]
                } else {
                    &[]
                }
            }
            (Event::GivenUp, stage) if stage != Stage::Over => {
                self.given_up = true;
                if self.tell(Interruption::Dropped) {
                    &[CountIn, Kill]
                } else {
                    &[CountIn]
                }
            }
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

    /// Remembers the first reason to stop, unless the command has ended. Returns whether the command
    /// has to be stopped now.
    fn tell(&mut self, why: Interruption) -> bool {
        let is_news =
            self.told.is_none() && matches!(self.stage, Stage::NotStarted | Stage::Running);
        if is_news {
            self.told = Some(why);
        }
        is_news && self.stage == Stage::Running
    }
}
