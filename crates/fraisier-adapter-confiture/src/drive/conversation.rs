//! Runs the commands that one call needs, one after the other, until its outputs give an answer.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fraisier_adapter_api::Revision;
use tokio::sync::oneshot;

use super::{Driver, refused_check};
use crate::failure::{self, Failure};
use crate::observe::{Announcer, Call, Event, next_call};
use crate::operation::current;
use crate::operation::reading::{
    Command, Outputs, Reading, Unread, next, reader, tell_migrations, uncut,
};
use crate::process::{Invocation, Output, RunContext, RunError};
use crate::redact::{Redacted, Redactor};
use crate::release::installed;
use crate::request::{Check, NoDisconnectCheck, Request};

/// How long `--version` may take. It touches no database, so a program that takes longer hangs; a
/// cold start of Python on a busy machine does not come near.
const PROBE: Duration = Duration::from_secs(60);

/// One call and the commands that it takes.
pub(super) struct Conversation<'a> {
    driver: &'a Driver,
    redactor: &'a Arc<Redactor>,
    /// `None` for `describe`, which is about no database.
    request: Option<&'a Request>,
    /// The number under which its events are told.
    id: u64,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        driver: &'a Driver,
        redactor: &'a Arc<Redactor>,
        request: Option<&'a Request>,
    ) -> Self {
        Self {
            driver,
            redactor,
            request,
            id: next_call(),
        }
    }

    /// The answer of an operation, whose own command `plan` gives. The log has a line about it, if
    /// anything was run.
    pub(super) async fn answer<R: Reading>(
        &self,
        reading: R,
        plan: impl Fn(&Outputs) -> Result<Invocation, Failure>,
    ) -> Result<R::Answer, Failure> {
        let began = Instant::now();
        let (answer, attempt) = self.converse(reading, plan).await;
        if attempt > 0 {
            self.log::<R>(&answer, began, attempt);
        }
        answer
    }

    /// The answer, and how often the operation's own command was run for it.
    pub(super) async fn converse<R: Reading>(
        &self,
        reading: R,
        plan: impl Fn(&Outputs) -> Result<Invocation, Failure>,
    ) -> (Result<R::Answer, Failure>, u32) {
        let reading = Arc::new(reading);
        let mut outputs = Arc::new(Outputs::new(self.driver.commands.named_by));
        let mut attempt = 0;
        let mut no_check = None;
        loop {
            let command = match read(&reading, &outputs).await {
                Ok(answer) => return (Ok(answer), attempt),
                Err(Unread::Failed(failure)) => return (Err(failure), attempt),
                Err(Unread::Needs(command)) => command,
            };
            let invocation = match (command, self.request) {
                (Command::Version, Some(request)) => request.version(),
                (Command::Current, Some(request)) => current::plan(request),
                _ => match plan(&outputs) {
                    Ok(invocation) => invocation,
                    Err(failure) => return (Err(failure), attempt),
                },
            };
            if command == Command::Version
                && let Some(release) = installed::release(&invocation)
            {
                Arc::make_mut(&mut outputs).know(release);
                continue;
            }
            let (left, runs) = self
                .connect(&*reading, command, invocation, &mut no_check)
                .await;
            if command == Command::Operation {
                attempt = runs;
            }
            let outputs = Arc::make_mut(&mut outputs);
            if let Err(failure) = outputs.add(command, left, self.redactor) {
                return (Err(failure), attempt);
            }
        }
    }

    /// Tells of one command of an operation.
    pub(super) fn announcer<R: Reading>(&self) -> Arc<Announcer> {
        let call = Call {
            id: self.id,
            operation: R::OPERATION.as_str(),
        };
        let observer = self.driver.audience.0.clone();
        Arc::new(Announcer::of(call, self.redactor.clone(), observer))
    }

    /// Runs a command, and once more without the check when that is why there was no connection. What
    /// keeps this call from the check is reported once, and remembered in `no_check`.
    async fn connect<R: Reading>(
        &self,
        reading: &R,
        command: Command,
        mut invocation: Invocation,
        no_check: &mut Option<NoDisconnectCheck>,
    ) -> (Result<Output, Failure>, u32) {
        let announcer = self.announcer::<R>();
        let report = |why| announcer.tell(Event::NoDisconnectCheck { why });
        if let Some(request) = self.request
            && command != Command::Version
        {
            match no_check {
                None => {
                    *no_check = request.no_check;
                    no_check.map(report);
                }
                Some(NoDisconnectCheck::Refused) => invocation = request.without_check(invocation),
                Some(_) => {}
            }
        }
        let target = reading.target().filter(|_| command == Command::Operation);
        let mut left = self
            .run::<R>(command, target, &announcer, invocation.clone())
            .await;
        let mut runs = 1;
        if let (Some(request), Ok(output)) = (self.request, &left)
            && let reader = reader::<R>(output)
            && let Some(said) = refused_check::said(&reader)
        {
            if let Check::Demanded(_) = self.driver.commands.check {
                return (Err(refused_check::failure(&reader, &said)), runs);
            }
            *no_check = Some(NoDisconnectCheck::Refused);
            report(NoDisconnectCheck::Refused);
            let invocation = request.without_check(invocation);
            left = self.run::<R>(command, target, &announcer, invocation).await;
            runs = 2;
        }
        if let (Command::Operation, Ok(output)) = (command, &left) {
            tell_migrations(reading, output, &announcer);
        }
        (left, runs)
    }

    async fn run<R: Reading>(
        &self,
        command: Command,
        target: Option<&Revision>,
        announcer: &Arc<Announcer>,
        invocation: Invocation,
    ) -> Result<Output, Failure> {
        let commands = &self.driver.commands;
        let context = RunContext {
            timeout: (command == Command::Version).then_some(PROBE),
            span: announcer.span(target),
            listener: announcer.clone(),
        };
        let left = self.driver.runner.run(invocation, context).await;
        left.map_err(|mut error| {
            if let RunError::Report { output, .. } = &mut error {
                uncut(output, self.redactor);
            }
            failure::not_run(R::OPERATION, commands.named_by, &error)
        })
    }

    /// Logs one line for the call.
    fn log<R: Reading>(&self, answer: &Result<R::Answer, Failure>, began: Instant, attempt: u32) {
        let operation = R::OPERATION.as_str();
        let duration = began.elapsed();
        match answer {
            Ok(answer) => {
                let summary = Redacted::new(R::summary(answer), self.redactor);
                let summary = summary.get();
                tracing::info!(
                    operation,
                    from = summary.from.as_ref().map(Revision::as_str),
                    to = summary.to.as_ref().map(Revision::as_str),
                    applied = summary.applied,
                    ?duration,
                    attempt,
                    "finished"
                );
            }
            Err(failure) => tracing::info!(
                operation,
                kind = failure.kind.as_str(),
                ?duration,
                attempt,
                "failed"
            ),
        }
    }
}

/// Reads the outputs, on a thread of its own when that may take so long that other futures of the
/// caller's thread would notice.
async fn read<R: Reading>(reading: &Arc<R>, outputs: &Arc<Outputs>) -> Result<R::Answer, Unread> {
    if R::READS_FILES || outputs.is_large() {
        let (reply, answer) = oneshot::channel();
        let work = {
            let (reading, outputs) = (reading.clone(), outputs.clone());
            move || {
                let _ = reply.send(next(&*reading, &outputs));
            }
        };
        let thread = thread::Builder::new().name("confiture-report".into());
        if thread.spawn(work).is_ok()
            && let Ok(answer) = answer.await
        {
            return answer;
        }
    }
    // A small output, or no thread could be started.
    next(&**reading, outputs)
}
