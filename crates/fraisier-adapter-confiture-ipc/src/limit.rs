//! How long a call may take, and what is said when it takes longer.

use std::fmt;
use std::time::Duration;

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::observe::Interruption;
use fraisier_adapter_confiture::{Cause, Failure};

use crate::answer::CallError;

/// How long fraisier waits for a response before it kills the adapter.
pub const OF_THE_ENGINE: Duration = Duration::from_secs(60);

/// How long a command of confiture may run by default. Stopping it and responding have to fit into the
/// rest of the engine's limit.
pub const DEFAULT: Duration = Duration::from_secs(50);

/// How much longer the whole call may take, which may run more than one command.
const BEYOND_A_COMMAND: Duration = Duration::from_secs(2);

/// The limit of each command of confiture.
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

    /// The error of a call. When the limit ended a command, a sentence says so.
    #[must_use]
    pub fn explain(self, failure: Failure) -> CallError {
        let state = Some(failure.state().clone());
        let timed_out = matches!(failure.cause(), Cause::Stopped(Interruption::Timeout(_)));
        let mut error = AdapterError::from(failure);
        if timed_out {
            error.message = format!("{}. {self}", error.message.trim_end_matches('.'));
        }
        CallError { error, state }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("The adapter has no limit"),
            Some(limit) => write!(
                f,
                "The adapter's own limit of {limit:?} (FRAISIER_CONFITURE_TIMEOUT) ended it, not the \
                 {OF_THE_ENGINE:?} of fraisier"
            ),
        }
    }
}
