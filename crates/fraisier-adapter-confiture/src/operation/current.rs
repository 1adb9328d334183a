//! `current_revision`: which migration was applied last.

use fraisier_adapter_api::Revision;

use crate::failure::Reader;
use crate::operation::reading::{Outputs, Reading, Summary, Unread};
use crate::operation::{Operation, revision};
use crate::process::Invocation;
use crate::request::Request;

/// `migrate current`, which takes no migrations directory.
pub(crate) fn plan(request: &Request) -> Invocation {
    request.migrate("current", Vec::new())
}

/// Reads a `current_revision`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CurrentRevision;

impl Reading for CurrentRevision {
    type Answer = Option<Revision>;
    const OPERATION: Operation = Operation::CurrentRevision;

    fn summary(revision: &Self::Answer) -> Summary {
        Summary {
            to: revision.clone(),
            ..Summary::default()
        }
    }

    fn read(&self, reader: &Reader<'_>, _: &Outputs) -> Result<Self::Answer, Unread> {
        Ok(revision::read(reader)?)
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

    use super::*;
    use crate::process::Output;
    use crate::redact::Redactor;
    use crate::testing::{answer, argv, ctx, envelope, output, request};

    const HEAD: &str = r#"{"revision": "002", "name": "b",
        "applied_at": "2026-11-22T18:43:57.629802+00:00", "checksum": "a976", "ok": true,
        "command": "migrate current", "parser": {"pglast": "8.8", "pg_major": 18}}"#;

    fn revision_in(output: &Output) -> Result<Option<Revision>, AdapterError> {
        answer(&CurrentRevision, &Redactor::default(), output)
    }

    #[test]
    fn what_is_told_of_an_answer_is_the_revision() {
        let revision = revision_in(&output(0, Some(HEAD))).expect("a revision");
        assert_eq!(CurrentRevision::summary(&revision).to, revision);
        assert_eq!(revision, Some(Revision("002".into())));
    }

    #[test]
    fn the_command_takes_no_migrations_directory() {
        let invocation = plan(&request(&ctx("work".as_ref())));
        let expected = "migrate current --no-config --format json --output <report>";
        assert_eq!(argv(&invocation).join(" "), expected);
        assert_eq!(invocation.cwd, std::path::Path::new("work"));
    }

    #[test]
    fn a_head_an_empty_ledger_and_none() {
        assert_eq!(
            revision_in(&output(0, Some(HEAD))),
            Ok(Some(Revision::new("002")))
        );
        let empty = r#"{"revision": null, "name": null, "applied_at": null, "checksum": null}"#;
        assert_eq!(revision_in(&output(0, Some(empty))), Ok(None));
        let none = envelope("PRECON_1001", "Database not initialized", "Run it");
        assert_eq!(revision_in(&output(2, Some(&none))), Ok(None));
    }

    #[test]
    fn silence_contradiction_and_surprise_are_errors() {
        let none = envelope("PRECON_1001", "Database not initialized", "");
        for (status, report) in [
            (0, None),
            (2, None),
            (0, Some("{}")),
            (0, Some(none.as_str())),
            (1, Some(none.as_str())),
            (130, Some(none.as_str())),
            (3, Some(HEAD)),
            (2, Some(HEAD)),
            (0, Some(r#"{"revision": null, "name": "b"}"#)),
            (0, Some(r#"{"revision": "002", "name": null}"#)),
            (0, Some(r#"{"name": null}"#)),
        ] {
            let error = revision_in(&output(status, report)).expect_err("an error");
            assert_ne!(error.kind, AdapterErrorKind::LockContention, "{error}");
            assert!(
                error.message.contains("not changed by this call"),
                "{error}"
            );
        }
    }

    #[test]
    fn only_config_006_is_an_unreachable_database() {
        for (status, code, kind) in [
            (3, "CONFIG_006", AdapterErrorKind::DbUnreachable),
            (3, "MIGR_001", AdapterErrorKind::Execution),
            (3, "MIGR_100", AdapterErrorKind::PreconditionFailed),
            (5, "CONFIG_010", AdapterErrorKind::InvalidConfig),
        ] {
            let report = envelope(code, "it failed", "do this");
            let error = revision_in(&output(status, Some(&report))).expect_err("an error");
            assert_eq!(error.kind, kind, "{code}");
            for part in [code, "it failed", "do this"] {
                assert!(error.message.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn a_malformed_connection_string_is_not_repeated() {
        let dsn = "postgresql//u:s3cr3tpw@h/db";
        let said = format!("missing \"=\" after \"{dsn}\" in connection info string\n");
        let report = envelope("CONFIG_006", &said, "");
        for redactor in [Redactor::new([dsn], []), Redactor::default()] {
            let output = output(3, Some(&report));
            let error = answer(&CurrentRevision, &redactor, &output).expect_err("one");
            let told = format!("{error:?} {}", serde_json::to_string(&error).expect("JSON"));
            assert!(!told.contains("s3cr3tpw") && !told.contains("u:"), "{told}");
        }
    }
}
