//! Runs the commands that an operation needs, one after the other, until it has its answer.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fraisier_adapter_api::{AdapterError, Revision};
use tokio::sync::oneshot;

use crate::failure::{self, Reader};
use crate::observe::{Announcer, Event, Observer};
use crate::operation::Operation;
use crate::operation::reading::{Command, Outputs, Reading, Summary, Unread, next};
use crate::process::{Invocation, Output, RunContext, Runner};
use crate::redact::Redactor;
use crate::release::installed;
use crate::request::{Commands, NoDisconnectCheck, Request};

/// How long `--version` may take. It touches no database, so a program that takes longer hangs; a
/// cold start of Python on a busy machine does not come near.
const PROBE: Duration = Duration::from_secs(60);

/// What the commands of one call are run with.
pub(crate) struct Drive<'a> {
    pub(crate) runner: &'a Runner,
    /// Who is told what the commands do.
    pub(crate) observer: Option<&'a Arc<dyn Observer>>,
    pub(crate) commands: &'a Commands,
    pub(crate) redactor: &'a Arc<Redactor>,
    /// The revision that was asked for, if one was.
    pub(crate) target: Option<&'a Revision>,
    /// Whether it is only asked how another call goes on, which is no call of its own for the log.
    pub(crate) is_aside: bool,
    /// What the call was asked, if it is about a database.
    pub(crate) request: Option<&'a Request>,
}

impl Drive<'_> {
    /// The answer of an operation, whose commands `plan` gives.
    pub(crate) async fn answer<R: Reading>(
        &self,
        reading: R,
        plan: impl Fn(Command, &Outputs) -> Result<Invocation, AdapterError>,
    ) -> Result<R::Answer, AdapterError> {
        let began = Instant::now();
        let mut attempt = 0;
        let answer = self.converse(reading, plan, &mut attempt).await;
        if attempt > 0 && !self.is_aside {
            log::<R>(&answer, began, attempt);
        }
        answer
    }

    async fn converse<R: Reading>(
        &self,
        reading: R,
        plan: impl Fn(Command, &Outputs) -> Result<Invocation, AdapterError>,
        attempt: &mut u32,
    ) -> Result<R::Answer, AdapterError> {
        let reading = Arc::new(reading);
        let mut outputs = Arc::new(Outputs::default());
        loop {
            let command = match read(&reading, self.redactor, &outputs).await {
                Ok(answer) => return Ok(answer),
                Err(Unread::Failed(error)) => return Err(error),
                Err(Unread::Needs(command)) => command,
            };
            let invocation = plan(command, &outputs)?;
            if command == Command::Version
                && let Some(release) = installed::release(&invocation)
            {
                Arc::make_mut(&mut outputs).know(release);
                continue;
            }
            let announcer = self.announcer(R::OPERATION);
            let mut runs = 0;
            let left = self
                .connect(R::OPERATION, command, invocation, &announcer, &mut runs)
                .await;
            if command == Command::Operation {
                *attempt = runs;
                if let Ok(output) = &left
                    && !announcer.told_of_migrations()
                {
                    let reader = Reader {
                        operation: R::OPERATION,
                        output,
                        redactor: self.redactor,
                    };
                    for event in reading.migrations(&reader) {
                        announcer.tell(&event);
                    }
                }
            }
            Arc::make_mut(&mut outputs).add(command, left)?;
        }
    }

    /// Tells of one command of an operation.
    pub(crate) fn announcer(&self, operation: Operation) -> Arc<Announcer> {
        let redact = self.redactor.clone();
        Arc::new(Announcer::new(
            operation.as_str(),
            Arc::new(move |text: &str| redact.text(text).into_owned()),
            self.observer.cloned(),
        ))
    }

    /// Runs a command, and once more without the check when that is why there was no connection.
    async fn connect(
        &self,
        operation: Operation,
        command: Command,
        invocation: Invocation,
        announcer: &Arc<Announcer>,
        runs: &mut u32,
    ) -> Result<Output, AdapterError> {
        *runs = 1;
        let first = self.run(operation, command, invocation.clone(), announcer);
        let output = first.await?;
        let reader = Reader {
            operation,
            output: &output,
            redactor: self.redactor,
        };
        let (Some(request), Some(said)) = (self.request, failure::check_refused(&reader)) else {
            return Ok(output);
        };
        if !self
            .commands
            .check
            .is_dispensable(NoDisconnectCheck::Refused)
        {
            return Err(failure::without_check(&reader, &said));
        }
        *runs = 2;
        let invocation = request.without_check(invocation);
        self.run(operation, command, invocation, announcer).await
    }

    async fn run(
        &self,
        operation: Operation,
        command: Command,
        invocation: Invocation,
        announcer: &Arc<Announcer>,
    ) -> Result<Output, AdapterError> {
        let revision = self.target.filter(|_| command == Command::Operation);
        let revision = revision.map(|revision| self.redactor.identifier(revision.as_str()));
        if let Some(why) = self.commands.check.untold() {
            announcer.tell(&Event::NoDisconnectCheck { why });
        }
        let context = RunContext {
            timeout: (command == Command::Version).then_some(PROBE),
            span: announcer.span(revision.as_deref()),
            listener: announcer.clone(),
        };
        let left = self.runner.run(invocation, context).await;
        left.map_err(|error| {
            failure::not_run(operation, self.commands.named_by, &error, self.redactor)
        })
    }
}

/// One line for each call that ran something.
fn log<R: Reading>(answer: &Result<R::Answer, AdapterError>, began: Instant, attempt: u32) {
    let operation = R::OPERATION.as_str();
    let duration = began.elapsed();
    match answer.as_ref().map(R::summary) {
        Ok(Summary { from, to, applied }) => tracing::info!(
            operation,
            from = from.as_ref().map(Revision::as_str),
            to = to.as_ref().map(Revision::as_str),
            applied,
            ?duration,
            attempt,
            "finished"
        ),
        Err(error) => tracing::info!(
            operation,
            kind = error.kind.as_str(),
            ?duration,
            attempt,
            "failed"
        ),
    }
}

/// Reads what is there: on a thread of its own when that may take so long that other futures of the
/// caller's thread would notice.
async fn read<R: Reading>(
    reading: &Arc<R>,
    redactor: &Arc<Redactor>,
    outputs: &Arc<Outputs>,
) -> Result<R::Answer, Unread> {
    if R::READS_FILES || outputs.is_large() {
        let (reply, answer) = oneshot::channel();
        let work = {
            let (reading, redactor, outputs) = (reading.clone(), redactor.clone(), outputs.clone());
            move || {
                let _ = reply.send(next(&*reading, &redactor, &outputs));
            }
        };
        let thread = thread::Builder::new().name("confiture-report".into());
        if thread.spawn(work).is_ok()
            && let Ok(answer) = answer.await
        {
            return answer;
        }
    }
    // Also where no thread is to be had.
    next(&**reading, redactor, outputs)
}
