//! `describe`: which release is installed, by what `confiture --version` prints, and what the adapter can
//! do with it.

use fraisier_adapter_api::capability::PENDING_SCOPE;
use fraisier_adapter_api::{AdapterDescription, AdapterErrorKind as Kind, PROTOCOL_VERSION};

use super::Call;
use super::outcome::Ended;
use crate::failure::{ADAPTER, Advice, DatabaseState, Fault, NamedBy, Result};
use crate::release::ConfitureVersion;
use crate::release::capability::{self, Need};

/// What the adapter can do with the installed release.
pub(crate) async fn describe(call: &Call<'_>) -> Result<AdapterDescription> {
    let version = call.version().await?;
    require(&version, Need::Everything)?;
    let mut capabilities = capability::advertised(&version);
    if !call.request.config.pending_only {
        capabilities.retain(|it| it != PENDING_SCOPE);
    }
    Ok(AdapterDescription {
        name: ADAPTER.into(),
        capabilities,
        version: version.as_str().into(),
        protocol_version: PROTOCOL_VERSION,
    })
}

/// The version that `confiture --version` printed.
///
/// It is on a line of its own after `confiture version `; from 0.50.0 on, lines about the parser
/// follow.
///
/// # Errors
///
/// `InvalidConfig` when the program does not respond as confiture does.
pub(super) fn interpret(ended: &Ended, named_by: NamedBy) -> Result<ConfitureVersion> {
    if let Some(said) = ended.start_error() {
        return Err(cannot_start(ended, &said));
    }
    let failed = !ended.exited_with(0);
    let timed_out = failed && ended.output.interrupted.is_some();
    let stdout = String::from_utf8_lossy(&ended.output.stdout.head);
    let mut versions = stdout.lines().filter_map(|line| {
        let version = line.trim_end().strip_prefix("confiture version ")?;
        (!version.is_empty() && !version.contains(char::is_whitespace)).then_some(version)
    });
    let what = match (versions.next(), versions.next()) {
        _ if timed_out => "did not respond in time",
        _ if failed => "failed",
        (Some(version), None) => return Ok(ConfitureVersion::parse(version)),
        (Some(_), Some(_)) => "prints more than one version",
        (None, _) if stdout.trim().is_empty() => "printed nothing",
        (None, _) => "printed something, but no version of confiture",
    };
    let next = timed_out.then(Advice::query_version_again);
    let next = next.unwrap_or_else(|| Advice::name_confiture(named_by));
    let exit = ended.exit();
    let what = format!("`--version` of the configured program {what} ({exit})");
    Err(ended.fault(Kind::InvalidConfig, &what, DatabaseState::Unchanged, next))
}

/// The failure of a command whose Python could not start.
pub(crate) fn cannot_start(ended: &Ended, said: &str) -> Fault {
    let what = format!("confiture cannot start ({}): {said}", ended.exit());
    let state = DatabaseState::Unchanged;
    ended.fault(Kind::InvalidConfig, &what, state, Advice::repair_python())
}

/// Refuses a version that does not meet the need.
pub(crate) fn require(version: &ConfitureVersion, need: Need) -> Result<()> {
    if need.is_met_by(version) {
        return Ok(());
    }
    let minimum = need.floor().release();
    let no_release = ", which is not a release and satisfies no minimum";
    let note = if version.is_release() { "" } else { no_release };
    let what = format!(
        "confiture {version} is installed{note}; {minimum} is the first release that can do this"
    );
    let kind = match need {
        Need::Everything => Kind::InvalidConfig,
        _ => Kind::MethodNotSupported,
    };
    let next = Advice::upgrade(&minimum);
    Err(Fault::new(kind, what, DatabaseState::Unchanged, next))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fraisier_adapter_api::AdapterError;

    use super::*;
    use crate::process::{Captured, Exit, Output};

    fn printed(stdout: &[u8]) -> Output {
        Output {
            stdout: Captured::from(stdout.to_vec()),
            ..Output::new(Exit::Code(0), None)
        }
    }

    fn version_in(output: &Output) -> Result<ConfitureVersion, AdapterError> {
        let ended = Ended {
            operation: crate::operation::Operation::Describe,
            output: output.clone(),
        };
        interpret(&ended, NamedBy::Default).map_err(Fault::worded)
    }

    #[test]
    fn every_recorded_version_output_is_read() {
        for (stdout, version) in [
            ("confiture version 0.20.0\n", "0.20.0"),
            ("confiture version 0.43.0\n", "0.43.0"),
            (
                "confiture version 0.50.0\nparser: pglast 8.8 (PostgreSQL 18 grammar)\n",
                "0.50.0",
            ),
            (
                "confiture version 1.29.0\nparser: pglast 8.8 (PostgreSQL 18 grammar)\n\
                 native extension: yes\n",
                "1.29.0",
            ),
            ("a warning\r\nconfiture version 1.30.0rc1\r\n", "1.30.0rc1"),
        ] {
            assert_eq!(
                version_in(&printed(stdout.as_bytes())),
                Ok(ConfitureVersion::parse(version))
            );
        }
    }

    #[test]
    fn another_program_than_confiture_has_its_own_error() {
        let hung = Output {
            exit: Exit::Signal(9),
            interrupted: Some(crate::process::Interruption::Timeout(Duration::from_secs(
                3,
            ))),
            ..printed(b"")
        };
        let failed = Output {
            exit: Exit::Code(1),
            ..printed(b"confiture version 1.29.0\n")
        };
        for (output, says) in [
            (printed(b""), "printed nothing"),
            (printed(b" \n\n"), "printed nothing"),
            (printed(b"Python 3.11.7\n"), "no version of confiture"),
            (printed(b"\xff\x00\x1b[31m"), "no version of confiture"),
            (printed(b"confiture version \n"), "no version of confiture"),
            (
                printed(b"confiture version 1.0 beta\n"),
                "no version of confiture",
            ),
            (
                printed(b"my-confiture version 1.0.0\n"),
                "no version of confiture",
            ),
            (
                printed(b"confiture version 1.0.0\nconfiture version 0.1.0\n"),
                "more than one",
            ),
            (failed, "failed"),
            (hung, "did not respond in time"),
        ] {
            let error = version_in(&output).unwrap_err();
            assert!(error.message.contains(says), "{error}");
            assert_eq!(error.kind, Kind::InvalidConfig);
            assert!(
                !error.message.contains("0.20.0"),
                "a failed question is no old release: {error}"
            );
        }
    }

    #[test]
    fn a_release_below_the_minimum_is_refused_with_advice() {
        let usable = |version| {
            let version = ConfitureVersion::parse(version);
            require(&version, Need::Everything).map_err(Fault::worded)
        };
        let old = usable("0.19.3").unwrap_err();
        for part in ["0.19.3", "0.20.0", "pip install"] {
            assert!(old.message.contains(part), "{old}");
        }
        let pre = usable("1.30.0rc1").unwrap_err();
        assert!(pre.message.contains("not a release"), "{pre}");
        assert_eq!(usable("0.20.0"), Ok(()));
    }
}
