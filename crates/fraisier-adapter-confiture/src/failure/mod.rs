//! Failures as a type: kind, cause, what happened, the state of the database, and what to do next.
//!
//! Inside the adapter a failure is a [`Fault`], whose texts may contain secrets. [`Fault::redacted`] is
//! the only way to the public [`Failure`].

mod advice;
mod kind;
mod state;
mod words;

use std::fmt;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind as Kind};

#[cfg(any(test, feature = "tools"))]
pub use self::advice::every_advice;
pub(crate) use self::advice::{Advice, NamedBy, Remedy};
pub use self::kind::classify;
pub(crate) use self::kind::is_refusal;
use self::kind::says_nothing_happened;
pub(crate) use self::state::listed;
pub use self::state::{Change, DatabaseState};
pub(crate) use self::words::{add_line, names_our_report, without_harmful_advice};
use crate::process::Interruption;
use crate::redact::{Redact, Redacted, Redactor};

/// The name under which this adapter presents itself.
pub(crate) const ADAPTER: &str = "confiture";

/// How many bytes of evidence an error contains.
const EVIDENCE_LIMIT: usize = 16 * 1024;

/// A result inside the adapter.
pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

/// What caused a failure, as far as a program can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The adapter stopped a command of confiture: a timeout ran out, or the call was cancelled.
    Stopped(Interruption),
    /// Another deploy holds the migration lock, or applied the same migration first.
    Contention,
    /// A migration file was edited after it was applied.
    EditedFile,
    /// This release of confiture does not understand the command.
    Usage,
    /// confiture reported an error with this code, such as `MIGR_100`.
    Code(String),
    /// Anything else; the message says what.
    Other,
}

/// A failure before its texts are redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: Kind,
    cause: Cause,
    /// What happened, as a clause without a full stop.
    what: String,
    /// The errors that a report lists. The message quotes them in short, the evidence in full.
    errors: Vec<String>,
    state: DatabaseState,
    next: Advice,
    /// What confiture printed.
    evidence: String,
}

impl Fault {
    /// The only constructor. A kind that says that nothing happened becomes
    /// [`Execution`](Kind::Execution) where the state does not say the same.
    pub(crate) fn new(
        kind: Kind,
        what: impl Into<String>,
        state: DatabaseState,
        next: Advice,
    ) -> Self {
        let kind = consistent(kind, &state);
        Self {
            cause: match kind {
                Kind::LockContention => Cause::Contention,
                _ => Cause::Other,
            },
            kind,
            what: what.into(),
            errors: Vec::new(),
            state,
            next,
            evidence: String::new(),
        }
    }

    /// Nothing was started.
    pub(crate) fn not_started(kind: Kind, what: impl Into<String>, next: Advice) -> Self {
        Self::new(kind, what, DatabaseState::NotStarted, next)
    }

    /// The configuration is wrong, and nothing was started.
    pub(crate) fn in_config(what: impl Into<String>, next: Advice) -> Self {
        Self::not_started(Kind::InvalidConfig, what, next)
    }

    /// The database is not in the state that the call needs, and was not changed.
    pub(crate) fn refused(what: impl Into<String>, next: Advice) -> Self {
        let state = DatabaseState::Unchanged;
        Self::new(Kind::PreconditionFailed, what, state, next)
    }

    /// A secret of the context cannot be read. The API's error names it and contains nothing of it.
    pub(crate) fn of_secret(error: AdapterError) -> Self {
        Self::not_started(error.kind, error.message, Advice::none())
    }

    /// The same failure in another state, and of its kind where the state allows it.
    pub(crate) fn in_state(mut self, state: DatabaseState) -> Self {
        self.state = state;
        let kind = self.kind;
        self.of_kind(kind)
    }

    /// The same failure of another kind, where the state allows it.
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = consistent(kind, &self.state);
        self
    }

    pub(crate) fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    pub(crate) fn with_errors(mut self, errors: impl IntoIterator<Item = String>) -> Self {
        self.errors.extend(errors);
        self
    }

    pub(crate) fn with_evidence(mut self, evidence: &str) -> Self {
        if !evidence.is_empty() {
            add_line(&mut self.evidence, evidence);
        }
        self
    }

    /// Whether a report lists errors of migrations.
    pub(crate) fn lists_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether what happened contains this text.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.errors
            .iter()
            .chain([&self.what])
            .any(|it| it.contains(text))
    }

    /// Adds a clause to what happened, after the errors where there are some.
    pub(crate) fn and(mut self, clause: &str) -> Self {
        if self.errors.is_empty() {
            self.what = format!("{}; {clause}", self.what);
        } else {
            self.errors.push(clause.to_owned());
        }
        self
    }

    /// Replaces this text by that in what happened.
    pub(crate) fn replacing(mut self, this: &str, that: &str) -> Self {
        self.what = self.what.replace(this, that);
        self
    }

    pub(crate) fn advising(mut self, next: Advice) -> Self {
        self.next = next;
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }

    pub(crate) fn state(&self) -> &DatabaseState {
        &self.state
    }

    /// The error of a failure whose texts contain no secret.
    #[cfg(test)]
    pub(crate) fn worded(self) -> AdapterError {
        self.redacted(None, &Redactor::default()).into()
    }

    /// The failure without secrets, of this operation.
    pub(crate) fn redacted(self, operation: Option<&'static str>, redactor: &Redactor) -> Failure {
        let fault = Box::new(Redacted::new(self, redactor).into_inner());
        Failure { fault, operation }
    }
}

fn consistent(kind: Kind, state: &DatabaseState) -> Kind {
    if says_nothing_happened(kind) && !state.is_unchanged() {
        Kind::Execution
    } else {
        kind
    }
}

impl Redact for Fault {
    fn redact(&mut self, redactor: &Redactor) {
        let Self {
            kind: _,
            cause: _,
            what,
            errors,
            state,
            next,
            evidence,
        } = self;
        redactor.prose(errors.iter_mut().chain([what, &mut next.0, evidence]));
        state.redact(redactor);
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words().0)
    }
}

/// Why a call has no result. No text in it contains a secret.
///
/// A kind that says that nothing happened is only combined with a [state](Self::state) that says the
/// same. `Display` is one paragraph for people: what failed, the state of the database, and `Next:`.
///
/// ```
/// use fraisier_adapter_confiture::{DatabaseState, Failure};
///
/// /// What an engine does after a failed `up`.
/// fn after(failure: &Failure) -> &'static str {
///     match failure.state() {
///         _ if failure.is_retriable() => "wait, then repeat the call",
///         state if state.is_unchanged() => "report the failure: there is nothing to undo",
///         DatabaseState::UndoneTo { .. } => "report the failure: the adapter has undone the `up`",
///         DatabaseState::Exactly { .. } => "go back to the revision of before",
///         _ => "ask `current_revision`, then decide",
///     }
/// }
/// # let _ = after;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    fault: Box<Fault>,
    operation: Option<&'static str>,
}

impl Failure {
    /// What class of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.fault.kind
    }

    /// What caused it, as far as a program can act on it.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.fault.cause
    }

    /// What is known of the database.
    #[must_use]
    pub fn state(&self) -> &DatabaseState {
        &self.fault.state
    }

    /// The operation that failed, such as `up`; `None` outside of calls.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.operation
    }

    /// What happened, without the state and the advice.
    #[must_use]
    pub fn what(&self) -> String {
        self.fault.summary()
    }

    /// What to do next, as it follows `Next:` in the message; empty when nothing is known to help.
    #[must_use]
    pub fn advice(&self) -> String {
        self.fault.advice()
    }

    /// Whether the same call, unchanged, may succeed later: another deploy held the lock, or applied the same
    /// migration first, and this call changed nothing.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.fault.kind == Kind::LockContention
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for AdapterError {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn from(failure: Failure) -> Self {
        let (message, evidence) = failure.fault.in_words();
        let bounded = || Redactor::bounded(&evidence, EVIDENCE_LIMIT).into_owned();
        Self {
            operation: failure.operation.map(str::to_owned),
            stderr: (!evidence.trim().is_empty()).then(bounded),
            ..Self::new(failure.fault.kind, message).with_adapter(ADAPTER)
        }
    }
}

#[cfg(test)]
mod tests;
