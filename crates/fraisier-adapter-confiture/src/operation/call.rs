//! One call: its request, and the commands that its operation runs.

use std::cell::OnceCell;
use std::time::Duration;

use fraisier_adapter_api::Revision;

use super::outcome::{Ended, Outcome};
use super::{Operation, current, version};
use crate::failure::Fault;
use crate::observe::Event;
use crate::process::{Invocation, Output};
use crate::redact::Redactor;
use crate::release::ConfitureVersion;
use crate::report::Decode;
use crate::request::Request;

/// Runs commands: the process layer in a call, recordings in a replay.
pub(crate) trait Confiture {
    /// Runs a command of the call.
    async fn run(&self, invocation: Invocation) -> Result<Output, Fault>;

    /// Runs a command beside one of the call, without an event.
    async fn probe(&self, invocation: Invocation) -> Result<Output, Fault> {
        self.run(invocation).await
    }

    /// Runs a command that is not confiture, within a limit. A replay has none.
    async fn query(&self, invocation: Invocation, _: Duration) -> Result<Output, Fault> {
        self.run(invocation).await
    }

    /// Passes an event of the call on.
    fn emit(&self, _: Event) {}
}

/// One call of an operation.
pub(crate) struct Call<'a, C> {
    pub(crate) request: &'a Request,
    confiture: &'a C,
    version: OnceCell<Result<ConfitureVersion, Fault>>,
}

impl<'a, C: Confiture> Call<'a, C> {
    pub(crate) fn new(request: &'a Request, confiture: &'a C) -> Self {
        Self {
            request,
            confiture,
            version: OnceCell::new(),
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        self.request.operation
    }

    /// Runs a command and decodes its report. A command that was not understood is a failure.
    pub(crate) async fn run<T: Decode>(&self, invocation: Invocation) -> Result<Outcome<T>, Fault> {
        self.run_as(self.operation(), invocation).await
    }

    async fn run_as<T: Decode>(
        &self,
        operation: Operation,
        invocation: Invocation,
    ) -> Result<Outcome<T>, Fault> {
        let ended = self.ended(operation, self.confiture.run(invocation).await?);
        self.explain_usage(&ended).await?;
        self.explain_start(&ended).await?;
        Ok(Outcome::of(ended))
    }

    /// A finished command, without what may be half of a secret where output was cut.
    fn ended(&self, operation: Operation, mut output: Output) -> Ended {
        remove_halves(&mut output, &self.request.redactor);
        Ended { operation, output }
    }

    /// The release of confiture, which is asked for once.
    pub(crate) async fn version(&self) -> Result<ConfitureVersion, Fault> {
        if let Some(version) = self.version.get() {
            return version.clone();
        }
        let output = self.confiture.run(self.request.version()).await;
        let version = output.and_then(|output| {
            let ended = self.ended(Operation::Describe, output);
            version::interpret(&ended, self.request.config.named_by)
        });
        self.version.get_or_init(|| version).clone()
    }

    /// The revision after the operation's own command.
    pub(crate) async fn current(&self) -> Result<Option<Revision>, Fault> {
        let invocation = current::command(self.request);
        let outcome = self.run_as(Operation::CurrentRevision, invocation).await?;
        current::interpret(&outcome)
    }

    /// Runs a command of confiture that changes no migration.
    pub(crate) async fn look<T: Decode>(
        &self,
        invocation: Invocation,
    ) -> Result<Outcome<T>, Fault> {
        self.run_as(Operation::CurrentRevision, invocation).await
    }

    /// Runs a command that is not confiture.
    pub(crate) async fn query(
        &self,
        invocation: Invocation,
        timeout: Duration,
    ) -> Result<Output, Fault> {
        let mut output = self.confiture.query(invocation, timeout).await?;
        remove_halves(&mut output, &self.request.redactor);
        Ok(output)
    }

    /// The revision while the operation's own command runs.
    pub(crate) async fn probe_current(&self) -> Result<Option<Revision>, Fault> {
        let output = self.confiture.probe(current::command(self.request)).await?;
        let ended = self.ended(Operation::CurrentRevision, output);
        current::interpret(&Outcome::of(ended))
    }

    pub(crate) fn emit(&self, event: Event) {
        self.confiture.emit(event);
    }

    /// Explains a command whose Python could not start. A `.py` migration can end in the same way, so
    /// this asks for the version: no migration is in the way of that.
    async fn explain_start(&self, ended: &Ended) -> Result<(), Fault> {
        let Some(said) = ended.start_error() else {
            return Ok(());
        };
        let output = self.confiture.probe(self.request.version()).await?;
        let version = self.ended(Operation::Describe, output);
        if version.start_error().as_ref() == Some(&said) {
            return Err(version::cannot_start(ended, &said));
        }
        Ok(())
    }

    /// Explains a command that was not understood by the release.
    async fn explain_usage(&self, ended: &Ended) -> Result<(), Fault> {
        if !ended.resembles_usage_error() {
            return Ok(());
        }
        let printed_usage = ended.printed_usage();
        match self.version().await {
            Ok(version) => {
                version::usable(&version)?;
                if printed_usage {
                    return Err(ended.usage_error(&version));
                }
                Ok(())
            }
            Err(fault) if printed_usage && !ended.operation.changes_database() => Err(fault),
            Err(_) => Ok(()),
        }
    }
}

/// Removes what may be half of a secret where output was cut.
pub(crate) fn remove_halves(output: &mut Output, redactor: &Redactor) {
    for stream in [&mut output.stdout, &mut output.stderr] {
        redactor.uncut(stream);
    }
}
