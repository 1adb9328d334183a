//! Asks the server to notice when its client is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::process::Environment;

const VARIABLE: &str = "PGOPTIONS";

const SETTING: &str = "client_connection_check_interval";

/// The interval when the builder was told none.
const DEFAULT: Duration = Duration::from_secs(1);

/// The server option that makes a running statement end when its client is gone for this long.
///
/// libpq reads `PGOPTIONS` only when the connection string has no `options` of its own; then this
/// has to be added there.
#[must_use]
pub fn server_option(interval: Duration) -> String {
    // Zero would switch the check off.
    let milliseconds = interval.as_millis().clamp(1, i32::MAX as u128);
    format!("-c {SETTING}={milliseconds}ms")
}

/// Whether the server of an adapter is asked to notice that confiture is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectCheck {
    /// No: the builder says so.
    Off,
    /// Yes, within this time, unless a call finds out otherwise.
    Every(Duration),
    /// No: it cannot be had, and the builder does not demand it.
    Unavailable(NoDisconnectCheck),
}

/// Why the server is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDisconnectCheck {
    /// The server, or a pooler before it, refused the connection that asked.
    Refused,
    /// The connection string has `options` of its own, which keep the request from the server.
    OwnOptions,
}

/// What the builder says of the check, and what its adapter has learnt. Clones learn together.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// The server is not asked.
    Off,
    /// The server is asked, or the call is an error.
    Demanded(Duration),
    /// The server is asked where that can be.
    WherePossible(Arc<Mutex<Learnt>>),
}

/// Why the check cannot be had.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    refused: bool,
    own_options: bool,
    untold: Option<NoDisconnectCheck>,
}

impl Default for Check {
    fn default() -> Self {
        Self::WherePossible(Arc::default())
    }
}

impl Check {
    /// What the next connection asks for. After a connection string with `options` of its own, it is
    /// still asked for: the next connection string may have none.
    pub(crate) fn interval(&self) -> Option<Duration> {
        match self.state() {
            DisconnectCheck::Every(interval) => Some(interval),
            DisconnectCheck::Unavailable(NoDisconnectCheck::OwnOptions) => Some(DEFAULT),
            DisconnectCheck::Off | DisconnectCheck::Unavailable(_) => None,
        }
    }

    /// What is known.
    pub(crate) fn state(&self) -> DisconnectCheck {
        match self {
            Self::Off => DisconnectCheck::Off,
            Self::Demanded(interval) => DisconnectCheck::Every(*interval),
            Self::WherePossible(learnt) => match &*lock(learnt) {
                Learnt { refused: true, .. } => {
                    DisconnectCheck::Unavailable(NoDisconnectCheck::Refused)
                }
                Learnt {
                    own_options: true, ..
                } => DisconnectCheck::Unavailable(NoDisconnectCheck::OwnOptions),
                _ => DisconnectCheck::Every(DEFAULT),
            },
        }
    }

    /// Remembers that the check cannot be had. Returns false when the call is an error then.
    pub(crate) fn goes_without(&self, why: NoDisconnectCheck) -> bool {
        let Self::WherePossible(learnt) = self else {
            return false;
        };
        let mut learnt = lock(learnt);
        let known = match why {
            NoDisconnectCheck::Refused => &mut learnt.refused,
            NoDisconnectCheck::OwnOptions => &mut learnt.own_options,
        };
        if !std::mem::replace(known, true) {
            learnt.untold = Some(why);
        }
        true
    }

    /// What was learnt since this was last asked.
    pub(crate) fn untold(&self) -> Option<NoDisconnectCheck> {
        match self {
            Self::WherePossible(learnt) => lock(learnt).untold.take(),
            Self::Off | Self::Demanded(_) => None,
        }
    }
}

fn lock(learnt: &Mutex<Learnt>) -> MutexGuard<'_, Learnt> {
    learnt.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a connection was refused because of the option: by a server that does not have it, or
/// by a pooler that takes no options at all.
pub(crate) fn is_refused(message: &str) -> bool {
    const POOLER: &str = "unsupported startup parameter";
    message.contains(SETTING) || message.contains(POOLER) && message.contains("options")
}

/// Sets the options back to what they are in `before`.
pub(super) fn take_back(environment: &mut Environment, before: &Environment) {
    match before.get(VARIABLE) {
        Some(options) => environment.set(VARIABLE, options),
        None => drop(environment.remove(VARIABLE)),
    }
}

/// Whether these `options` of a session have the [`server_option`], with whatever value.
#[must_use]
pub fn has_server_option(options: &str) -> bool {
    options.split_ascii_whitespace().any(|word| {
        let assignment = ["--", "-c"]
            .into_iter()
            .find_map(|flag| word.strip_prefix(flag))
            .unwrap_or(word);
        // The server takes `-` for `_`, and names in any case.
        assignment
            .split_once('=')
            .is_some_and(|(name, _)| name.replace('-', "_").eq_ignore_ascii_case(SETTING))
    })
}

/// Sets the option for every connection of the child, after what is set already.
pub(super) fn provide(environment: &mut Environment, interval: Duration) {
    let mut options = environment.remove(VARIABLE).unwrap_or_default();
    if !options.is_empty() {
        options.push(" ");
    }
    options.push(server_option(interval));
    environment.set(VARIABLE, options);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_options_stay() {
        let mut environment = Environment::default();
        environment.set(VARIABLE, "-c work_mem=1MB");
        provide(&mut environment, Duration::from_millis(1500));
        let expected = "-c work_mem=1MB -c client_connection_check_interval=1500ms";
        assert_eq!(environment.get(VARIABLE), Some(expected.as_ref()));
    }

    #[test]
    fn what_servers_and_poolers_say_is_understood() {
        let failed = "Failed to connect to database: connection failed: connection to server at \
                      \"127.0.0.1\", port 6432 failed: FATAL:  ";
        for (said, refused) in [
            ("unsupported startup parameter: options", true),
            (
                "unsupported startup parameter in options: client_connection_check_interval",
                true,
            ),
            (
                "unrecognized configuration parameter \"client_connection_check_interval\"",
                true,
            ),
            (
                "invalid value for parameter \"client_connection_check_interval\": 1000",
                true,
            ),
            ("unsupported startup parameter: geqo", false),
            ("unrecognized configuration parameter \"geqo\"", false),
            ("password authentication failed for user \"options\"", false),
        ] {
            assert_eq!(is_refused(&format!("{failed}{said}")), refused, "{said}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_told_by_one_clone() {
        let check = Check::default();
        let clone = check.clone();
        assert_eq!(check.state(), DisconnectCheck::Every(DEFAULT));
        let own_options = NoDisconnectCheck::OwnOptions;
        assert!(check.goes_without(own_options) && clone.goes_without(own_options));
        assert_eq!(clone.untold(), Some(own_options));
        assert_eq!(check.untold(), None);
        // The next connection string may have none.
        assert_eq!(check.interval(), Some(DEFAULT));
        let refused = NoDisconnectCheck::Refused;
        assert!(clone.goes_without(refused));
        assert_eq!(check.interval(), None);
        assert_eq!(check.state(), DisconnectCheck::Unavailable(refused));
        assert_eq!(check.untold(), Some(refused));
    }

    #[test]
    fn what_was_asked_for_is_not_dispensable() {
        let check = Check::Demanded(Duration::from_secs(3));
        assert!(!check.goes_without(NoDisconnectCheck::Refused));
        assert_eq!(check.interval(), Some(Duration::from_secs(3)));
        assert!(!Check::Off.goes_without(NoDisconnectCheck::Refused));
        assert_eq!(Check::Off.interval(), None);
    }

    #[test]
    fn it_is_never_switched_off_by_being_small() {
        assert!(server_option(Duration::from_nanos(1)).ends_with("=1ms"));
        assert!(server_option(Duration::MAX).ends_with("=2147483647ms"));
    }

    #[test]
    fn it_is_recognised_however_the_server_takes_it() {
        for options in [
            &server_option(Duration::from_secs(1)),
            "-c work_mem=1MB -cclient_connection_check_interval=9",
            "--client-connection-check-interval=9",
            "--Client_Connection_check-interval=9 -c work_mem=1MB",
        ] {
            assert!(has_server_option(options), "{options}");
        }
        for options in [
            "",
            "-c work_mem=1MB",
            "-c application_name=client_connection_check_interval",
            "-c my.client_connection_check_interval=9",
            "client_connection_check_interval",
        ] {
            assert!(!has_server_option(options), "{options}");
        }
    }
}
