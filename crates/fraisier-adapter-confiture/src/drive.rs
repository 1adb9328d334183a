//! Runs the commands that an operation needs, one after the other, until it has its answer.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fraisier_adapter_api::{AdapterError, Revision};
use tokio::sync::oneshot;

use crate::failure::{self, Reader};
use crate::observe::{Announcer, Event, Observer};
use crate::operation::Operation;
use crate::operation::reading::{Command, Outputs, Reading, Unread, next};
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
            let left = self.connect(R::OPERATION, command, invocation).await;
            Arc::make_mut(&mut outputs).add(command, left)?;
        }
    }

    /// Runs a command, and once more without the check when that is why there was no connection.
    async fn connect(
        &self,
        operation: Operation,
        command: Command,
        invocation: Invocation,
    ) -> Result<Output, AdapterError> {
        let output = self.run(operation, command, invocation.clone()).await?;
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
        self.run(operation, command, request.without_check(invocation))
            .await
    }

    async fn run(
        &self,
        operation: Operation,
        command: Command,
        invocation: Invocation,
    ) -> Result<Output, AdapterError> {
        let redact = self.redactor.clone();
        let announcer = Announcer::new(
            operation.as_str(),
            Arc::new(move |text: &str| redact.text(text).into_owned()),
            self.observer.cloned(),
        );
        let revision = self.target.filter(|_| command == Command::Operation);
        let revision = revision.map(|revision| self.redactor.identifier(revision.as_str()));
        if let Some(why) = self.commands.check.untold() {
            announcer.tell(&Event::NoDisconnectCheck { why });
        }
        let context = RunContext {
            timeout: (command == Command::Version).then_some(PROBE),
            span: announcer.span(revision.as_deref()),
            listener: Arc::new(announcer),
        };
        let left = self.runner.run(invocation, context).await;
        left.map_err(|error| {
            failure::not_run(operation, self.commands.named_by, &error, self.redactor)
        })
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
