//! Runs the commands of a call as processes.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::{AdapterErrorKind, Revision};
use tracing::Span;

use crate::failure::{Advice, DatabaseState, Fault};
use crate::observe::{self, Announcer, Event, Observer, OnlyUnwatched};
use crate::operation::Operation;
use crate::operation::call::{Confiture, remove_halves};
use crate::operation::outcome::Ended;
use crate::operation::start;
use crate::process::{
    Arg, Captured, Exit, Interruption, Invocation, Listener, Output, RunContext, RunError, Runner,
    Stream,
};
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
    call: Arc<observe::Call>,
    observer: Option<Arc<dyn Observer>>,
    /// What prevents the disconnect check in this call, as far as it is known.
    no_check: Cell<Option<NoDisconnectCheck>>,
    /// How often the last command was run.
    attempts: Cell<u32>,
}

impl<'a> Live<'a> {
    pub(crate) fn new(
        runner: &'a Runner,
        request: &'a Request,
        target: Option<&'a Revision>,
        call: Arc<observe::Call>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            runner,
            request,
            target,
            call,
            observer,
            no_check: Cell::new(None),
            attempts: Cell::new(0),
        }
    }

    /// How often the last command was run; 0 where none was.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.get()
    }

    fn announcer(&self) -> Announcer {
        let redactor = self.request.redactor.clone();
        Announcer::new(self.call.clone(), redactor, self.observer.clone())
    }

    async fn once(
        &self,
        invocation: Invocation,
        listener: Arc<dyn Listener>,
        span: Span,
    ) -> Result<Output, Fault> {
        let context = RunContext {
            timeout: is_version(&invocation).then_some(VERSION_TIMEOUT),
            listener,
            span,
        };
        let output = self.runner.run(invocation, context).await;
        output.map_err(|mut error| {
            if let RunError::Report { output, .. } = &mut error {
                remove_halves(output, &self.request.redactor);
            }
            start::fault(self.request.operation, self.request.config.named_by, error)
        })
    }

    async fn observed(&self, invocation: Invocation) -> Result<Output, Fault> {
        let announcer = self.announcer();
        let span = announcer.span(self.target);
        self.attempts.set(self.attempts.get() + 1);
        self.once(invocation, Arc::new(announcer), span).await
    }

    fn goes_without_check(&self, why: NoDisconnectCheck) {
        self.no_check.set(Some(why));
        self.emit(Event::NoDisconnectCheck { why });
    }
}

impl Confiture for Live<'_> {
    /// Runs the command, and once more without the disconnect check when that is why there was no
    /// connection. Nothing ran over a connection that was never opened.
    async fn run(&self, mut invocation: Invocation) -> Result<Output, Fault> {
        if is_version(&invocation) {
            return match installed::release(&invocation) {
                Some(release) => Ok(Output {
                    stdout: Captured::from(format!("confiture version {release}\n").into_bytes()),
                    ..Output::new(Exit::Code(0), None)
                }),
                None => self.observed(invocation).await,
            };
        }
        match (self.no_check.get(), self.request.no_check) {
            (None, Some(why)) => self.goes_without_check(why),
            (Some(NoDisconnectCheck::Refused), _) => {
                invocation = self.request.without_check(invocation);
            }
            _ => {}
        }
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
        self.goes_without_check(NoDisconnectCheck::Refused);
        self.observed(self.request.without_check(invocation)).await
    }

    async fn probe(&self, invocation: Invocation) -> Result<Output, Fault> {
        let invocation = match self.no_check.get() {
            Some(NoDisconnectCheck::Refused) => self.request.without_check(invocation),
            _ => invocation,
        };
        self.once(invocation, Arc::new(Silent), Span::none()).await
    }

    async fn query(&self, invocation: Invocation, timeout: Duration) -> Result<Output, Fault> {
        let context = RunContext {
            timeout: Some(timeout),
            listener: Arc::new(OnlyUnwatched(self.announcer())),
            span: Span::none(),
        };
        let output = self.runner.run(invocation, context).await;
        output.map_err(|error| {
            let config = &self.request.config;
            start::fault(Operation::CurrentRevision, config.named_by, error)
        })
    }

    fn emit(&self, event: Event) {
        self.announcer().emit(event);
    }
}

/// Passes nothing on.
struct Silent;

impl Listener for Silent {
    fn unwatched(&self) {}
    fn started(&self, _: u32) {}
    fn printed(&self, _: Stream, _: &[u8]) {}
    fn printed_all(&self, _: Stream) {}
    fn interrupted(&self, _: Interruption) {}
    fn finished(&self, _: &Output) {}
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
