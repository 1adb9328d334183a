//! `current_revision`: which migration was applied last.

use std::future::pending;
use std::pin::pin;

use fraisier_adapter_api::Revision;

use super::Call;
use super::outcome::Outcome;
use crate::failure::Result;
use crate::ledger::{self, PATIENT};
use crate::observe::Event;
use crate::process::Invocation;
use crate::report;
use crate::request::Request;
use crate::thread::race;

/// The revision of the database, by the rows of its ledger; `None` without a ledger, and when it is
/// empty. confiture and the ledger are queried at the same time.
pub(crate) async fn current_revision(call: &Call<'_>) -> Result<Option<Revision>> {
    let mut reading = pin!(ledger::rows(call, PATIENT));
    let mut read = None;
    let until_read = async {
        read = Some(reading.as_mut().await);
        pending().await
    };
    // If confiture fails, nobody waits for the ledger.
    let by_time = race(call.current(), until_read).await?;
    let mut read = match read {
        Some(read) => read,
        None => reading.await,
    };
    if read.as_ref().is_ok_and(|ledger| ledger.last() != by_time) {
        // Another deploy may have changed it in between.
        read = ledger::rows(call, PATIENT).await;
    }
    let ledger = match read {
        Ok(ledger) => ledger,
        Err(why) => {
            let why = why.to_string();
            call.emit(Event::LedgerNotRead { why });
            return Ok(by_time);
        }
    };
    let by_row = ledger.last();
    // Where the times agree with the rows, confiture read the ledger before another deploy ended.
    let is_known = |it: &Revision| ledger.row(it.as_str()).is_some();
    let is_earlier = ledger.last_is_newest() && by_time.as_ref().is_none_or(is_known);
    if by_row != by_time && !is_earlier {
        let (by_row, by_time) = (by_row.clone(), by_time.clone());
        call.emit(Event::RevisionsDiffer { by_row, by_time });
    }
    Ok(by_row.or(by_time))
}

/// `migrate current`, which accepts no migrations directory.
pub(crate) fn command(request: &Request) -> Invocation {
    request.migrate("current", Vec::new())
}

/// The revision in the report, when the exit status agrees with it.
pub(crate) fn interpret(outcome: &Outcome<report::Current>) -> Result<Option<Revision>> {
    let Some(report) = outcome.report_on_ledger()? else {
        return Ok(None);
    };
    if !outcome.exited_with(0) {
        return Err(outcome.contradiction("it names a revision and fails"));
    }
    if report.revision.is_some() != report.name.is_some() {
        return Err(outcome.contradiction("it has only one of revision and name"));
    }
    Ok(report.revision.as_ref().map(Revision::new))
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::{AdapterError, AdapterErrorKind};

    use super::*;
    use crate::process::Output;
    use crate::redact::Redactor;
    use crate::testing::{argv, ctx, envelope, only, output, request};
    use crate::tools::replay;

    const HEAD: &str = r#"{"revision": "002", "name": "b",
        "applied_at": "2026-11-22T18:43:57.629802+00:00", "checksum": "a976", "ok": true,
        "command": "migrate current", "parser": {"pglast": "8.8", "pg_major": 18}}"#;

    fn revision_in(output: &Output) -> Result<Option<Revision>, AdapterError> {
        Ok(replay::current_revision(
            &Redactor::default(),
            only(output),
        )?)
    }

    #[test]
    fn the_command_takes_no_migrations_directory() {
        let invocation = command(&request(&ctx("work".as_ref())));
        let expected = "migrate current --no-config --format json --output <report>";
        assert_eq!(argv(&invocation).join(" "), expected);
        assert_eq!(invocation.cwd, std::path::Path::new("work"));
    }

    #[test]
    fn current_reads_a_revision_an_empty_ledger_and_no_ledger() {
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
    fn missing_contradictory_and_unknown_output_is_an_error() {
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
            let error = replay::current_revision(&redactor, only(&output)).expect_err("one");
            let error = AdapterError::from(error);
            let shown = format!("{error:?} {}", serde_json::to_string(&error).expect("JSON"));
            assert!(
                !shown.contains("s3cr3tpw") && !shown.contains("u:"),
                "{shown}"
            );
        }
    }
}
