//! `confiture --version`: which release answers.

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

use crate::failure::DatabaseState;
use crate::failure::Reader;
use crate::operation::Operation;
use crate::process::Output;
use crate::redact::Redactor;
use crate::release::ConfitureVersion;
use crate::release::capability::Need;

/// The version in what `confiture --version` left.
///
/// It stands on a line of its own after `confiture version `; from 0.50.0 on, lines about the
/// parser follow.
pub(crate) fn read(
    operation: Operation,
    output: &Output,
    redactor: &Redactor,
) -> Result<ConfitureVersion, AdapterError> {
    let reader = Reader {
        operation,
        output,
        redactor,
    };
    let refuse =
        |what: &str| {
            Err(reader.failure(
            AdapterErrorKind::InvalidConfig,
            &format!("`--version` of the configured program {what} ({})", reader.exit()),
            DatabaseState::Untouched,
            "let the adapter run confiture: put it on PATH, or name it in FRAISIER_CONFITURE_BIN",
        ))
        };
    if !reader.exited_with(0) {
        if output.interrupted.is_some() {
            return refuse("did not answer in time");
        }
        return refuse("failed");
    }
    let stdout = String::from_utf8_lossy(&output.stdout.head);
    let mut versions = stdout.lines().filter_map(|line| {
        let version = line.trim_end().strip_prefix("confiture version ")?;
        (!version.is_empty() && !version.contains(char::is_whitespace)).then_some(version)
    });
    match (versions.next(), versions.next()) {
        (Some(version), None) => Ok(ConfitureVersion::parse(version)),
        (Some(_), Some(_)) => refuse("names more than one version"),
        (None, _) if stdout.trim().is_empty() => refuse("printed nothing"),
        (None, _) => refuse("printed something, but no version of confiture"),
    }
}

/// Passes a version that can do anything at all.
pub(crate) fn usable(
    operation: Operation,
    version: &ConfitureVersion,
    redactor: &Redactor,
) -> Result<(), AdapterError> {
    match unmet(Need::Everything, version) {
        None => Ok(()),
        Some(what) => Err(crate::failure::Failure {
            operation,
            kind: AdapterErrorKind::InvalidConfig,
            what,
            state: DatabaseState::Untouched,
            next: upgrade(Need::Everything),
            evidence: None,
        }
        .worded(redactor)),
    }
}

/// Why the version does not meet the need, if it does not.
pub(crate) fn unmet(need: Need, version: &ConfitureVersion) -> Option<String> {
    if need.is_met_by(version) {
        return None;
    }
    let floor = need.floor().release();
    Some(if version.is_release() {
        format!(
            "confiture {version} is installed, and {floor} is the first release that can do this"
        )
    } else {
        format!(
            "confiture {version} is installed, which is no release and so satisfies no floor; \
             {floor} is the first release that can do this"
        )
    })
}

/// How to meet the need.
pub(crate) fn upgrade(need: Need) -> String {
    format!(
        "install a release: pip install 'fraiseql-confiture>={}'",
        need.floor().release()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::{Captured, Exit};

    fn printed(stdout: &[u8]) -> Output {
        Output {
            stdout: Captured::from(stdout.to_vec()),
            ..Output::new(Exit::Code(0), None)
        }
    }

    fn of(output: &Output) -> Result<ConfitureVersion, AdapterError> {
        read(Operation::Describe, output, &Redactor::default())
    }

    #[test]
    fn every_shape_there_has_been() {
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
                of(&printed(stdout.as_bytes())),
                Ok(ConfitureVersion::parse(version))
            );
        }
    }

    #[test]
    fn what_is_not_confiture_is_an_error_of_its_own() {
        let hung = Output {
            exit: Exit::Signal(9),
            interrupted: Some(crate::process::Interruption::Timeout(Duration::from_secs(
                3,
            ))),
            killed: true,
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
            (hung, "did not answer in time"),
        ] {
            let error = of(&output).unwrap_err();
            assert!(error.message.contains(says), "{error}");
            assert_eq!(error.kind, AdapterErrorKind::InvalidConfig);
            assert!(
                !error.message.contains("0.20.0"),
                "a failed probe is not an old one: {error}"
            );
        }
    }

    #[test]
    fn a_release_below_the_floor_is_told_how_to_pass_it() {
        let old = usable(
            Operation::Describe,
            &ConfitureVersion::parse("0.19.3"),
            &Redactor::default(),
        )
        .unwrap_err();
        for part in ["0.19.3", "0.20.0", "pip install"] {
            assert!(old.message.contains(part), "{old}");
        }
        let pre = usable(
            Operation::Up,
            &ConfitureVersion::parse("1.30.0rc1"),
            &Redactor::default(),
        )
        .unwrap_err();
        assert!(pre.message.contains("no release"), "{pre}");
        assert_eq!(
            usable(
                Operation::Up,
                &ConfitureVersion::parse("0.20.0"),
                &Redactor::default()
            ),
            Ok(())
        );
    }
}
