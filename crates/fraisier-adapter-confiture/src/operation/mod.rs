//! The operations. Each is one async function that builds its command, runs it through [`Call`], and
//! interprets the output; the functions beside it are pure.

pub(crate) mod current;
pub(crate) mod describe;
pub(crate) mod down_to;
pub(crate) mod outcome;
pub(crate) mod preflight;
pub(crate) mod server_error;
pub(crate) mod start;
pub(crate) mod up;
pub(crate) mod verify;

use std::time::Duration;

use async_trait::async_trait;
use fraisier_adapter_api::Revision;
use tokio::sync::OnceCell;

use self::outcome::{Ended, Outcome};
use crate::failure::{DatabaseState, Result};
use crate::observe::Event;
use crate::process::{Invocation, Output};
use crate::redact::Redactor;
use crate::release::ConfitureVersion;
use crate::release::capability::Need;
use crate::report::Decode;
use crate::request::Request;

/// An operation of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Describe,
    CurrentRevision,
    Up,
    DownTo,
    Verify,
    Preflight,
}

impl Operation {
    /// The name of the method.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::CurrentRevision => "current_revision",
            Self::Up => "up",
            Self::DownTo => "down_to",
            Self::Verify => "verify",
            Self::Preflight => "preflight",
        }
    }

    /// What is known of the database where nothing proves what the operation did.
    pub(crate) const fn uncertain_state(self) -> DatabaseState {
        match self {
            Self::Up | Self::DownTo => DatabaseState::Unknown,
            _ => DatabaseState::Unchanged,
        }
    }
}

/// Runs commands: the process layer in a call, recordings in a replay.
#[async_trait(?Send)]
pub(crate) trait Confiture {
    /// Runs a command of the call.
    async fn run(&self, invocation: Invocation) -> Result<Output>;

    /// Runs a command beside those of the call, within a limit if there is one. It has no events of its
    /// own.
    async fn run_beside(
        &self,
        invocation: Invocation,
        _timeout: Option<Duration>,
    ) -> Result<Output> {
        self.run(invocation).await
    }

    /// Passes an event of the call on.
    fn emit(&self, _: Event) {}
}

/// One call of an operation: its request, and the commands that it runs.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    confiture: &'a dyn Confiture,
    version: OnceCell<Result<ConfitureVersion>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(request: &'a Request, confiture: &'a dyn Confiture) -> Self {
        Self {
            request,
            confiture,
            version: OnceCell::new(),
        }
    }

    /// Runs a command and decodes its report. A command that was not understood is a failure.
    pub(crate) async fn run<T: Decode>(&self, invocation: Invocation) -> Result<Outcome<T>> {
        self.run_as(self.request.operation, invocation).await
    }

    /// The same of a command that changes no migration.
    pub(crate) async fn look<T: Decode>(&self, invocation: Invocation) -> Result<Outcome<T>> {
        self.run_as(Operation::CurrentRevision, invocation).await
    }

    async fn run_as<T: Decode>(
        &self,
        operation: Operation,
        invocation: Invocation,
    ) -> Result<Outcome<T>> {
        let ended = self.ended(operation, self.confiture.run(invocation).await?);
        self.explain(&ended).await?;
        Ok(Outcome::of(ended))
    }

    /// Runs a command beside those of the call.
    pub(crate) async fn run_beside(
        &self,
        invocation: Invocation,
        timeout: Option<Duration>,
    ) -> Result<Ended> {
        let output = self.confiture.run_beside(invocation, timeout).await?;
        Ok(self.ended(Operation::CurrentRevision, output))
    }

    /// A finished command, without what may be half of a secret where output was cut.
    fn ended(&self, operation: Operation, mut output: Output) -> Ended {
        remove_halves(&mut output, &self.request.redactor);
        Ended { operation, output }
    }

    /// The release of confiture, which is queried once.
    pub(crate) async fn version(&self) -> Result<ConfitureVersion> {
        let query = async {
            let output = self.confiture.run(self.request.version()).await?;
            let ended = self.ended(Operation::Describe, output);
            describe::interpret(&ended, self.request.config.named_by)
        };
        self.version.get_or_init(|| query).await.clone()
    }

    /// The revision that confiture names, after the operation's own command.
    pub(crate) async fn current(&self) -> Result<Option<Revision>> {
        current::interpret(&self.look(current::command(self.request)).await?)
    }

    pub(crate) fn emit(&self, event: Event) {
        self.confiture.emit(event);
    }

    /// Explains a command that the release did not understand, or whose Python could not start. A `.py`
    /// migration can end in either way, so this runs `--version`, which runs no migration.
    async fn explain(&self, ended: &Ended) -> Result<()> {
        if ended.resembles_usage_error() {
            let printed_usage = ended.printed_usage();
            let changes_nothing = ended.operation.uncertain_state().is_unchanged();
            match self.version().await {
                Ok(version) => {
                    describe::require(&version, Need::Everything)?;
                    if printed_usage {
                        return Err(ended.usage_error(&version, &self.request.config.settings));
                    }
                }
                Err(fault) if printed_usage && changes_nothing => return Err(fault),
                Err(_) => {}
            }
        }
        if let Some(said) = ended.start_error() {
            let version = self.run_beside(self.request.version(), None).await?;
            if version.start_error().as_ref() == Some(&said) {
                return Err(describe::cannot_start(ended, &said));
            }
        }
        Ok(())
    }
}

/// Removes what may be half of a secret where output was cut.
pub(crate) fn remove_halves(output: &mut Output, redactor: &Redactor) {
    for stream in [&mut output.stdout, &mut output.stderr] {
        redactor.uncut(stream);
    }
}
