//! What each operation does with a request: its plan, its commands, its answer.

use std::time::Duration;

use fraisier_adapter_api::{MigrationOutcome, PreflightReport, Revision, VerifyReport};

use crate::drive::{Drive, Means};
use crate::failure::Failure;
use crate::observe::Event;
use crate::operation::current::CurrentRevision;
use crate::operation::down_to::DownTo;
use crate::operation::preflight::Preflight;
use crate::operation::reading::Outputs;
use crate::operation::up::Up;
use crate::operation::verify::Verify;
use crate::operation::{current, down_to, preflight, undo, up, verify};
use crate::progress;
use crate::release::capability::Need;
use crate::request::Request;
use crate::request::project::{Migration, Project};

impl Means {
    fn drive<'a>(&'a self, request: &'a Request) -> Drive<'a> {
        Drive {
            means: self,
            redactor: &request.redactor,
            request: Some(request),
        }
    }

    pub(crate) async fn go_up(
        &self,
        request: &Request,
        target: Option<&Revision>,
    ) -> Result<MigrationOutcome, Failure> {
        let migrations = request.project.migrations()?;
        let call = self.go_up_or_back(request, target, &migrations);
        match self.commands.progress_interval {
            None => call.await,
            Some(interval) => {
                let aside = self.tell_progress(request, target, &migrations, interval);
                progress::beside(call, aside).await
            }
        }
    }

    async fn go_up_or_back(
        &self,
        request: &Request,
        target: Option<&Revision>,
        migrations: &[Migration],
    ) -> Result<MigrationOutcome, Failure> {
        let drive = self.drive(request);
        let plan = |_: &Outputs| up::plan(request, target, migrations);
        let up = Up {
            target: target.cloned(),
        };
        if !self.commands.undo_failed_up {
            return drive.answer(up, plan).await;
        }
        plan(&Outputs::default())?;
        let began_at = self.go_current(request).await?;
        let failure = match drive.answer(up, plan).await {
            Ok(outcome) => return Ok(outcome),
            Err(failure) => failure,
        };
        let Some(applied) = undo::applied_by(&failure, began_at.as_ref()) else {
            return Err(failure);
        };
        Err(match began_at {
            None => undo::no_way_down(failure, applied),
            Some(to) => {
                let down = self.go_down(request, &to).await;
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
        let drive = self.drive(request);
        while progress::wait(interval).await {
            let plan = |_: &Outputs| Ok(current::plan(request));
            let (Ok(revision), _) = drive.converse(CurrentRevision, plan).await else {
                continue;
            };
            let applied = revision.as_ref().and_then(position);
            drive.announcer::<Up>().tell(Event::Progress {
                applied: applied.map_or(0, |at| at + 1).min(of),
                revision,
                of,
            });
        }
    }

    pub(crate) async fn go_current(&self, request: &Request) -> Result<Option<Revision>, Failure> {
        let plan = |_: &Outputs| Ok(current::plan(request));
        self.drive(request).answer(CurrentRevision, plan).await
    }

    pub(crate) async fn go_down(
        &self,
        request: &Request,
        target: &Revision,
    ) -> Result<MigrationOutcome, Failure> {
        let plan = |_: &Outputs| down_to::plan(request, target);
        let reading = DownTo {
            target: target.clone(),
        };
        self.drive(request).answer(reading, plan).await
    }

    pub(crate) async fn go_verify(&self, request: &Request) -> Result<VerifyReport, Failure> {
        let files = request.at_hand(Project::verify_files)?;
        let plan = |_: &Outputs| Ok(verify::plan(request));
        self.drive(request).answer(Verify { files }, plan).await
    }

    pub(crate) async fn go_preflight(&self, request: &Request) -> Result<PreflightReport, Failure> {
        let migrations = request.at_hand(Project::migrations)?;
        let against = request.against()?.is_some();
        let reading = Preflight::new(migrations, against)
            .guarding_every_release(self.commands.guard_every_release);
        let plan = |outputs: &Outputs| preflight::plan(request, outputs.meet(Need::PendingScope));
        self.drive(request).answer(reading, plan).await
    }
}
