//! Runs the commands of a call as processes.

use std::cell::Cell;
use std::time::Duration;

use async_trait::async_trait;
use fraisier_adapter_api::{AdapterErrorKind, Revision};
use tracing::Instrument as _;

use crate::failure::{Advice, DatabaseState, Fault};
use crate::observe::Event;
use crate::observe::announcer::Announcer;
use crate::operation::outcome::Ended;
use crate::operation::{Confiture, remove_halves, start};
use crate::process::{Arg, Captured, Exit, Invocation, Listener, Output, RunError, Runner};
use crate::release::installed;
use crate::report::{Current, Payload, decode};
use crate::request::{Check, NoDisconnectCheck, Request, is_refused, server_option};

/// How long `--version` may take. It touches no database, so a program that takes longer hangs; a
/// cold start of Python on a busy machine does not come near.
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);

/// The processes of one call.
pub(crate) struct Live<'a> {
    runner: &'a Runner,
    request: &'a Request,
    target: Option<&'a Revision>,
    announcer: Announcer,
    /// What prevents the disconnect check in this call, as far as it is known.
    no_check: Cell<Option<NoDisconnectCheck>>,
    /// How often the last command was run; 0 where none was.
    pub(crate) attempts: Cell<u32>,
}

impl<'a> Live<'a> {
    pub(crate) fn new(
        runner: &'a Runner,
        request: &'a Request,
        target: Option<&'a Revision>,
        announcer: Announcer,
    ) -> Self {
        Self {
            runner,
            request,
            target,
            announcer,
            no_check: Cell::new(None),
            attempts: Cell::new(0),
        }
    }

    /// Runs a command within this limit and that of the adapter.
    async fn start(
        &self,
        invocation: Invocation,
        listener: Listener,
        limit: Option<Duration>,
    ) -> Result<Output, Fault> {
        let version = is_version(&invocation).then_some(VERSION_TIMEOUT);
        let Request {
            config, operation, ..
        } = self.request;
        let timeout = limit.or(version).into_iter().chain(config.timeout).min();
        let output = self.runner.run(invocation, timeout, listener).await;
        output.map_err(|mut error| {
            if let RunError::Report(_, output) = &mut error {
                remove_halves(output, &self.request.redactor);
            }
            start::fault(*operation, config.named_by, error)
        })
    }

    async fn observed(&self, invocation: Invocation) -> Result<Output, Fault> {
        self.attempts.set(self.attempts.get() + 1);
        let run = self.start(invocation, self.announcer.listener(), None);
        run.instrument(self.announcer.span(self.target)).await
    }

    fn continue_without_check(&self, why: NoDisconnectCheck) {
        self.no_check.set(Some(why));
        self.emit(Event::NoDisconnectCheck { why });
    }

    /// The command, without the disconnect check where that was refused.
    fn without_refused_check(&self, invocation: Invocation) -> Invocation {
        match self.no_check.get() {
            Some(NoDisconnectCheck::Refused) => self.request.without_check(invocation),
            _ => invocation,
        }
    }
}

#[async_trait(?Send)]
impl Confiture for Live<'_> {
    /// Runs the command. If the server or a pooler refused the connection because of the disconnect check,
    /// runs it again without the check: no statement ran before.
    async fn run(&self, invocation: Invocation) -> Result<Output, Fault> {
        if is_version(&invocation) {
            return match installed::release(&invocation) {
                Some(release) => Ok(Output {
                    stdout: Captured::from(format!("confiture version {release}\n").into_bytes()),
                    ..Output::new(Exit::Code(0), None)
                }),
                None => self.observed(invocation).await,
            };
        }
        if let (None, Some(why)) = (self.no_check.get(), self.request.no_check) {
            self.continue_without_check(why);
        }
        let invocation = self.without_refused_check(invocation);
        self.attempts.set(0);
        let output = self.observed(invocation.clone()).await?;
        let operation = self.request.operation;
        let ended = Ended { operation, output };
        let Some(said) = refused_check(&ended) else {
            return Ok(ended.output);
        };
        if let Check::Demanded(_) = self.request.config.check {
            return Err(demanded_check(&ended, &said));
        }
        self.continue_without_check(NoDisconnectCheck::Refused);
        self.observed(self.without_refused_check(invocation)).await
    }

    async fn run_beside(
        &self,
        invocation: Invocation,
        timeout: Option<Duration>,
    ) -> Result<Output, Fault> {
        let listener = self.announcer.unwatched_only();
        self.start(self.without_refused_check(invocation), listener, timeout)
            .await
    }

    fn emit(&self, event: Event) {
        self.announcer.emit(event);
    }
}

fn is_version(invocation: &Invocation) -> bool {
    invocation.args == [Arg::from("--version")]
}

/// The message of a server or pooler that refused the connection because of the disconnect check.
fn refused_check(ended: &Ended) -> Option<String> {
    /// The code for a database that cannot be reached, and the status that belongs to it.
    const UNREACHABLE: (&str, i32) = ("CONFIG_006", 3);

    let (code, status) = UNREACHABLE;
    if !ended.exited_with(status) || ended.began() {
        return None;
    }
    // Only the envelope matters, which is the same for every operation.
    let Payload::Envelope(envelope) = decode::<Current>(ended.output.report.clone()) else {
        return None;
    };
    let refused = envelope.code.as_deref() == Some(code) && is_refused(&envelope.message);
    refused.then_some(envelope.message)
}

/// The failure of a call whose builder demanded the check.
fn demanded_check(ended: &Ended, said: &str) -> Fault {
    let said = said.find("FATAL:").map_or(said, |at| &said[at..]);
    let what = format!(
        "the server or a pooler refused what `server_disconnect_check` asks for: {}",
        said.trim()
    );
    let option = server_option(Duration::from_secs(1));
    let next = Advice::ignore_in_pooler(option.trim_start_matches("-c "));
    let kind = AdapterErrorKind::InvalidConfig;
    ended.fault(kind, &what, DatabaseState::Unchanged, next)
}
