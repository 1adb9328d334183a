//! Answers each operation: the commands that it takes, one after the other, until there is an answer.

mod conversation;
mod progress;
mod refused_check;

use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::{
    AdapterDescription, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use self::conversation::Conversation;
use crate::failure::Failure;
use crate::observe::{Audience, Event};
use crate::operation::current::CurrentRevision;
use crate::operation::describe::Describe;
use crate::operation::down_to::DownTo;
use crate::operation::preflight::Preflight;
use crate::operation::reading::Outputs;
use crate::operation::up::Up;
use crate::operation::verify::Verify;
use crate::operation::{current, down_to, preflight, undo, up, verify};
use crate::process::Runner;
use crate::redact::Redactor;
use crate::release::capability::Need;
use crate::request::project::{Migration, Project};
use crate::request::{Commands, Request};

/// Runs confiture for every call of an adapter.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    pub(crate) commands: Commands,
    pub(crate) runner: Runner,
    pub(crate) audience: Audience,
}

impl Driver {
    fn about<'a>(&'a self, request: &'a Request) -> Conversation<'a> {
        Conversation::new(self, &request.redactor, Some(request))
    }

    /// Asks the program alone, so that no context is needed.
    pub(crate) async fn describe(
        &self,
        redactor: &Arc<Redactor>,
    ) -> Result<AdapterDescription, Failure> {
        let conversation = Conversation::new(self, redactor, None);
        let plan = |_: &Outputs| Ok(self.commands.version());
        conversation.answer(Describe, plan).await
    }

    pub(crate) async fn current_revision(
        &self,
        request: &Request,
    ) -> Result<Option<Revision>, Failure> {
        let plan = |_: &Outputs| Ok(current::plan(request));
        self.about(request).answer(CurrentRevision, plan).await
    }

    pub(crate) async fn up(
        &self,
        request: &Request,
        target: Option<&Revision>,
    ) -> Result<MigrationOutcome, Failure> {
        let migrations = request.project.migrations()?;
        let up = async {
            if self.commands.undo_failed_up {
                self.up_or_undone(request, target, &migrations).await
            } else {
                self.only_up(request, target, &migrations).await
            }
        };
        match self.commands.progress_interval {
            None => up.await,
            Some(interval) => {
                let beside = self.tell_progress(request, target, &migrations, interval);
                progress::beside(up, beside).await
            }
        }
    }

    async fn only_up(
        &self,
        request: &Request,
        target: Option<&Revision>,
        migrations: &[Migration],
    ) -> Result<MigrationOutcome, Failure> {
        let plan = |_: &Outputs| up::plan(request, target, migrations);
        let reading = Up {
            target: target.cloned(),
        };
        let outcome = self.about(request).answer(reading, plan).await;
        outcome.map_err(|failure| request.project.naming_undecodable(failure))
    }

    /// An `up` that goes back to where it began when it fails halfway.
    async fn up_or_undone(
        &self,
        request: &Request,
        target: Option<&Revision>,
        migrations: &[Migration],
    ) -> Result<MigrationOutcome, Failure> {
        // A target that does not exist is refused before anything runs.
        up::plan(request, target, migrations)?;
        let began_at = self.current_revision(request).await?;
        let failure = match self.only_up(request, target, migrations).await {
            Ok(outcome) => return Ok(outcome),
            Err(failure) => failure,
        };
        let Some(applied) = undo::applied_by(&failure, began_at.as_ref()) else {
            return Err(failure);
        };
        Err(match began_at {
            None => undo::no_way_down(failure, applied),
            Some(to) => {
                let down = self.down_to(request, &to).await;
                undo::undone(failure, applied, &to, down)
            }
        })
    }

    /// Tells at every interval how far an `up` is.
    async fn tell_progress(
        &self,
        request: &Request,
        target: Option<&Revision>,
        migrations: &[Migration],
        interval: Duration,
    ) {
        let mut versions: Vec<&str> = migrations.iter().map(|it| it.version.as_str()).collect();
        versions.dedup();
        let position =
            |revision: &Revision| versions.iter().position(|it| *it == revision.as_str());
        let of = target
            .and_then(position)
            .map_or(versions.len(), |at| at + 1);
        let conversation = self.about(request);
        while progress::wait(interval).await {
            let plan = |_: &Outputs| Ok(current::plan(request));
            let (Ok(revision), _) = conversation.converse(CurrentRevision, plan).await else {
                continue;
            };
            let applied = revision.as_ref().and_then(position);
            conversation.announcer::<Up>().tell(Event::Progress {
                applied: applied.map_or(0, |at| at + 1).min(of),
                revision,
                of,
            });
        }
    }

    pub(crate) async fn down_to(
        &self,
        request: &Request,
        target: &Revision,
    ) -> Result<MigrationOutcome, Failure> {
        // confiture takes a directory that does not exist for an empty one.
        request.project.migrations()?;
        let plan = |_: &Outputs| down_to::plan(request, target);
        let reading = DownTo {
            target: target.clone(),
        };
        self.about(request).answer(reading, plan).await
    }

    pub(crate) async fn verify(&self, request: &Request) -> Result<VerifyReport, Failure> {
        let files = request.at_hand(Project::verify_files)?;
        let plan = |_: &Outputs| Ok(verify::plan(request));
        self.about(request).answer(Verify { files }, plan).await
    }

    pub(crate) async fn preflight(&self, request: &Request) -> Result<PreflightReport, Failure> {
        let migrations = request.at_hand(Project::readable_migrations)?;
        let against = request.against()?.is_some();
        let reading = Preflight::new(migrations, against);
        let plan = |outputs: &Outputs| preflight::plan(request, outputs.meet(Need::PendingScope));
        self.about(request).answer(reading, plan).await
    }
}
