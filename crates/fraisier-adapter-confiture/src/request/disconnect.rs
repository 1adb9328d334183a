//! Asks the server to notice when its client is gone.

use std::time::Duration;

use crate::process::Environment;

const VARIABLE: &str = "PGOPTIONS";

const SETTING: &str = "client_connection_check_interval";

/// The interval when the builder has none.
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

/// Why the server is not asked to notice that confiture is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDisconnectCheck {
    /// The server, or a pooler before it, refused the connection that asked.
    Refused,
    /// The connection string has `options` of its own, which keep the request from the server.
    OwnOptions,
}

/// What the builder says of the check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Check {
    /// The server is not asked.
    Off,
    /// The server is asked, or the call is an error.
    Demanded(Duration),
    /// The server is asked where that can be.
    #[default]
    WherePossible,
}

impl Check {
    /// How often the server is asked to check.
    pub(crate) const fn interval(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Demanded(interval) => Some(interval),
            Self::WherePossible => Some(DEFAULT),
        }
    }
}

/// Whether a connection was refused because of the option: by a server that does not have it, or
/// by a pooler that accepts no options at all.
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
    fn other_options_are_preserved() {
        let mut environment = Environment::default();
        environment.set(VARIABLE, "-c work_mem=1MB");
        provide(&mut environment, Duration::from_millis(1500));
        let expected = "-c work_mem=1MB -c client_connection_check_interval=1500ms";
        assert_eq!(environment.get(VARIABLE), Some(expected.as_ref()));
    }

    #[test]
    fn refusals_by_servers_and_poolers_are_recognised() {
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
    fn a_small_interval_never_disables_the_check() {
        assert!(server_option(Duration::from_nanos(1)).ends_with("=1ms"));
        assert!(server_option(Duration::MAX).ends_with("=2147483647ms"));
    }

    #[test]
    fn every_spelling_of_the_option_is_recognised() {
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
