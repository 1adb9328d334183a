//! How long a call may take, and what is said when it takes longer.

use std::fmt;
use std::time::Duration;

use fraisier_adapter_api::AdapterErrorKind as Kind;

use crate::answer::CallError;
use crate::request::Call;

/// How long fraisier waits for an answer before it kills the adapter.
pub const OF_THE_ENGINE: Duration = Duration::from_secs(60);

/// How long a command of confiture may run by default: stopping it and answering have to fit into
/// what is left to the engine's limit.
pub const DEFAULT: Duration = Duration::from_secs(50);

/// How much longer the whole call may take, which may need more than one command.
const BEYOND_A_COMMAND: Duration = Duration::from_secs(2);

/// Where to read more.
const DOCTOR: &str = ". `fraisier-adapter-confiture-ipc doctor` shows what is in the way";

/// The limit of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Option<Duration>);

impl Limit {
    /// When the call is cancelled, whatever command it is at.
    #[must_use]
    pub fn for_a_call(self) -> Option<Duration> {
        self.0.map(|limit| limit.saturating_add(BEYOND_A_COMMAND))
    }

    /// Whether fraisier would kill the adapter before the limit ends the call.
    #[must_use]
    pub fn is_beyond_the_engine(self) -> bool {
        self.0.is_none_or(|limit| limit >= OF_THE_ENGINE)
    }

    /// The error of a call that was cancelled after [`for_a_call`](Self::for_a_call).
    #[must_use]
    pub fn passed(self, call: &Call) -> CallError {
        let more = format!(". {self}{DOCTOR}");
        CallError::without_result(call, Kind::Execution, "did not end in time", more)
    }

    /// The error of a call; when the limit ended a command of it, with a sentence that says so.
    #[must_use]
    pub fn explain(self, mut error: CallError) -> CallError {
        if error.timed_out {
            let message = error.message.trim_end_matches('.');
            error.error.message = format!("{message}. {self}");
        }
        error
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("No limit of the adapter is set"),
            Some(limit) => write!(
                f,
                "It was the adapter's limit of {limit:?} (FRAISIER_CONFITURE_TIMEOUT) that ended it, \
                 not the {OF_THE_ENGINE:?} of fraisier"
            ),
        }
    }
}
