//! Asks the server to notice when its client is gone.

use std::time::Duration;

use crate::process::Environment;

const VARIABLE: &str = "PGOPTIONS";

const SETTING: &str = "client_connection_check_interval";

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

/// Whether these `options` of a session set it already, to whatever value.
pub(super) fn is_set_by(options: &str) -> bool {
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
            assert!(is_set_by(options), "{options}");
        }
        for options in [
            "",
            "-c work_mem=1MB",
            "-c application_name=client_connection_check_interval",
            "-c my.client_connection_check_interval=9",
            "client_connection_check_interval",
        ] {
            assert!(!is_set_by(options), "{options}");
        }
    }
}
