//! The one way out of the adapter: whatever leaves has passed the redactor here.
//!
//! Inside, a call fails with a [`Failure`], whose texts may hold secrets. Only [`leave`] makes an
//! `AdapterError` of one; a lint keeps the rest of the crate from making its own.

use std::borrow::Cow;

use fraisier_adapter_api::{
    AdapterDescription, AdapterError, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use crate::failure::Failure;
use crate::observe::Event;
use crate::operation::Operation;
use crate::operation::reading::Summary;
use crate::redact::Redactor;

/// A value without secrets. Nothing but this room makes one.
#[derive(Debug)]
pub(crate) struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub(crate) fn new(mut value: T, redactor: &Redactor) -> Self
    where
        T: Leaves,
    {
        value.redact(redactor);
        Self(value)
    }

    pub(crate) fn get(&self) -> &T {
        &self.0
    }

    /// The same in another form. A function pointer captures nothing, so no secret comes in.
    fn map<U>(self, form: fn(T) -> U) -> Redacted<U> {
        Redacted(form(self.0))
    }
}

/// What a call gives to who made it.
pub(crate) fn leave<T: Leaves>(
    operation: Operation,
    redactor: &Redactor,
    answer: Result<T, Failure>,
) -> Result<T, AdapterError> {
    match answer {
        Ok(answer) => Ok(Redacted::new(answer, redactor).0),
        Err(failure) => Err(in_operation(operation, redactor, failure)),
    }
}

/// The error of a call.
pub(crate) fn in_operation(
    operation: Operation,
    redactor: &Redactor,
    failure: Failure,
) -> AdapterError {
    AdapterError {
        operation: Some(operation.as_str().into()),
        ..error(redactor, failure)
    }
}

/// The error of something that is not a call.
pub(crate) fn error(redactor: &Redactor, failure: Failure) -> AdapterError {
    Redacted::new(failure, redactor).map(Failure::worded).0
}

/// A value that knows which of its texts are prose, and which are names that programs compare.
pub trait Leaves {
    /// Takes the secrets out of every text.
    #[doc(hidden)]
    fn redact(&mut self, redactor: &Redactor);
}

impl Redactor {
    pub(crate) fn prose<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        for text in texts {
            if let Cow::Owned(masked) = self.text(text) {
                *text = masked;
            }
        }
    }

    pub(crate) fn names<'a>(&self, names: impl IntoIterator<Item = &'a mut String>) {
        for name in names {
            if let Cow::Owned(masked) = self.identifier(name) {
                *name = masked;
            }
        }
    }
}

impl Leaves for Option<Revision> {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names(self.iter_mut().map(|it| &mut it.0));
    }
}

impl Leaves for AdapterDescription {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names([&mut self.version]);
    }
}

impl Leaves for MigrationOutcome {
    fn redact(&mut self, redactor: &Redactor) {
        let revisions = self.applied.iter_mut().chain(&mut self.from);
        redactor.names(revisions.chain(&mut self.to).map(|it| &mut it.0));
        redactor.prose([&mut self.log]);
    }
}

impl Leaves for VerifyReport {
    fn redact(&mut self, redactor: &Redactor) {
        for check in &mut self.checks {
            redactor.names([&mut check.name]);
            redactor.prose(&mut check.detail);
        }
    }
}

impl Leaves for PreflightReport {
    fn redact(&mut self, redactor: &Redactor) {
        for issue in &mut self.issues {
            redactor.prose([&mut issue.message]);
            redactor.names(issue.migration.iter_mut().chain([&mut issue.code]));
        }
        for change in self.change_set.iter_mut().flat_map(|it| &mut it.changes) {
            redactor.prose(change.detail.iter_mut().chain([&mut change.object]));
            redactor.names(change.migration.iter_mut().chain([&mut change.kind]));
        }
    }
}

impl Leaves for Summary {
    fn redact(&mut self, redactor: &Redactor) {
        self.from.redact(redactor);
        self.to.redact(redactor);
    }
}

impl Leaves for Event {
    fn redact(&mut self, redactor: &Redactor) {
        match self {
            Self::Line { text, .. } => redactor.prose([text]),
            Self::MigrationBegun { revision, name }
            | Self::MigrationApplied { revision, name }
            | Self::MigrationFailed { revision, name } => {
                redactor.names([&mut revision.0]);
                redactor.prose([name]);
            }
            Self::Progress { revision, .. } => revision.redact(redactor),
            Self::NoDisconnectCheck { .. }
            | Self::Started { .. }
            | Self::LinesSkipped { .. }
            | Self::Interrupted { .. }
            | Self::Finished { .. } => {}
        }
    }
}
