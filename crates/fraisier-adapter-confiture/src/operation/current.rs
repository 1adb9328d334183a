//! `current_revision`: which migration was applied last.

use fraisier_adapter_api::{AdapterError, Revision};

use crate::failure::DatabaseState;
use crate::failure::Reader;
use crate::operation::Operation;
use crate::process::Invocation;
use crate::process::Output;
use crate::redact::Redactor;
use crate::report::{Current, Payload, decode};
use crate::request::Request;

/// The code for a database that has no ledger.
pub(crate) const NO_LEDGER: &str = "PRECON_1001";

/// `migrate current`, which takes no migrations directory.
pub(crate) fn plan(request: &Request) -> Invocation {
    request.migrate("current", Vec::new())
}

pub(crate) fn read(
    operation: Operation,
    output: &Output,
    redactor: &Redactor,
) -> Result<Option<Revision>, AdapterError> {
    let reader = Reader {
        operation,
        output,
        redactor,
    };
    match decode::<Current>(output.report.as_ref()) {
        Payload::Nothing => Err(reader.no_report()),
        Payload::Unreadable(why) => Err(reader.unreadable(&why)),
        Payload::Envelope(envelope)
            if envelope.code.as_deref() == Some(NO_LEDGER) && reader.exited_with(2) =>
        {
            Ok(None)
        }
        Payload::Envelope(envelope) => Err(reader.envelope(&envelope)),
        Payload::Report(_) if !reader.exited_with(0) => {
            Err(reader.contradiction("it names a revision and fails", DatabaseState::Untouched))
        }
        Payload::Report(report) if report.revision.is_some() != report.name.is_some() => {
            Err(reader.contradiction(
                "a revision and its name go together",
                DatabaseState::Untouched,
            ))
        }
        Payload::Report(report) => Ok(report.revision.map(|revision| reader.revision(&revision))),
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterErrorKind;

    use super::*;
    use crate::testing::{argv, ctx, envelope, output, request};

    const HEAD: &str = r#"{"revision": "002", "name": "b",
        "applied_at": "2026-11-22T18:43:57.629802+00:00", "checksum": "a976", "ok": true,
        "command": "migrate current", "parser": {"pglast": "8.8", "pg_major": 18}}"#;

    fn of(output: &Output) -> Result<Option<Revision>, AdapterError> {
        read(Operation::CurrentRevision, output, &Redactor::default())
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
        assert_eq!(of(&output(0, Some(HEAD))), Ok(Some(Revision::new("002"))));
        let empty = r#"{"revision": null, "name": null, "applied_at": null, "checksum": null}"#;
        assert_eq!(of(&output(0, Some(empty))), Ok(None));
        let none = envelope("PRECON_1001", "Database not initialized", "Run it");
        assert_eq!(of(&output(2, Some(&none))), Ok(None));
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
            let error = of(&output(status, report)).expect_err("an error");
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
            let error = of(&output(status, Some(&report))).expect_err("an error");
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
            let error = read(Operation::CurrentRevision, &output, &redactor).expect_err("one");
            let told = format!("{error:?} {}", serde_json::to_string(&error).expect("JSON"));
            assert!(!told.contains("s3cr3tpw") && !told.contains("u:"), "{told}");
        }
    }
}
