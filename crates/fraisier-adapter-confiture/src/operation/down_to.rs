//! `down_to`: roll back what came after a revision.

use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};

use super::call::{Call, Confiture};
use super::outcome::Outcome;
use super::server_error::refusal;
use crate::failure::{Advice, Change, DatabaseState, Fault, add_line, classify};
use crate::process::{Arg, Invocation};
use crate::report;
use crate::request::Request;

/// Rolls back what was applied after a revision.
pub(crate) async fn down_to<C: Confiture>(
    call: &Call<'_, C>,
    target: &Revision,
) -> Result<MigrationOutcome, Fault> {
    // confiture takes a directory that does not exist for an empty one.
    call.request.project.migrations()?;
    let invocation = command(call.request, target)?;
    roll_back(call, target, invocation).await
}

/// Runs the command and interprets its output.
pub(crate) async fn roll_back<C: Confiture>(
    call: &Call<'_, C>,
    target: &Revision,
    invocation: Invocation,
) -> Result<MigrationOutcome, Fault> {
    let outcome = call.run(invocation).await?;
    interpret(&outcome, target)
}

/// `migrate down-to … -- <revision>`: after the `--`, nothing is an option.
///
/// # Errors
///
/// `PreconditionFailed` for an empty revision, which names no migration.
pub(crate) fn command(request: &Request, target: &Revision) -> Result<Invocation, Fault> {
    if target.as_str().trim().is_empty() {
        return Err(Fault::new(
            AdapterErrorKind::PreconditionFailed,
            "the revision to go back to is empty",
            DatabaseState::NotStarted,
            Advice::name_version(),
        ));
    }
    let mut args = request.migrations_dir().to_vec();
    args.extend([Arg::from("--"), Arg::from(target.as_str())]);
    Ok(request.migrate("down-to", args))
}

/// The result, when report, exit status and request agree.
pub(crate) fn interpret(
    outcome: &Outcome<report::DownTo>,
    target: &Revision,
) -> Result<MigrationOutcome, Fault> {
    let report = outcome.report()?;
    let at_least = DatabaseState::at_least(Change::RolledBack, &report.rolled_back);
    if !report.errors.is_empty() {
        let kind = classify(outcome.output.exit, None, true);
        let state = if report.errors.iter().all(|error| refusal(error).is_some()) {
            DatabaseState::exactly(Change::RolledBack, &report.rolled_back)
        } else {
            at_least
        };
        let what = "a rollback failed";
        return Err(outcome.errors(kind, what, &report.errors, state, Advice::diagnose()));
    }
    if !report.skipped.is_empty() {
        let what = format!("it left out {}", report.skipped.join(", "));
        let kind = AdapterErrorKind::IrreversibleRollback;
        return Err(outcome.fault(kind, &what, at_least, Advice::none()));
    }
    if let Some(what) = contradiction(outcome, target, report) {
        return Err(outcome.contradiction(&what, DatabaseState::Unknown));
    }
    let mut log = outcome.log();
    let line = if report.rolled_back.is_empty() {
        "nothing to roll back".to_owned()
    } else {
        format!("rolled back {}", report.rolled_back.join(", "))
    };
    add_line(&mut log, &line);
    Ok(MigrationOutcome {
        from: report.from.as_deref().map(Revision::new),
        to: Some(Revision::new(&report.to)),
        applied: report.rolled_back.iter().map(Revision::new).collect(),
        log,
    })
}

/// How a report without errors contradicts the exit status, the request or itself.
fn contradiction(
    outcome: &Outcome<report::DownTo>,
    target: &Revision,
    report: &report::DownTo,
) -> Option<String> {
    let to = &report.to;
    if !outcome.exited_with(0) {
        return Some("it lists no error, and fails".into());
    }
    if to != target.as_str() {
        return Some(format!("{target} was asked for, and it went to {to}"));
    }
    let Some(from) = &report.from else {
        return Some("it does not say where it began".into());
    };
    if report.rolled_back.contains(to) {
        return Some(format!("it rolled back the target {target} itself"));
    }
    let went_nowhere = from == to;
    if went_nowhere != report.rolled_back.is_empty() {
        let rolled_back = match report.rolled_back.as_slice() {
            [] => "nothing".into(),
            versions => versions.join(", "),
        };
        return Some(format!(
            "it went from {from} to {to} and rolled {rolled_back} back"
        ));
    }
    let kept_the_first = !went_nowhere && !report.rolled_back.contains(from);
    kept_the_first.then(|| format!("it began at {from}, and did not roll that back"))
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterError;
    use serde_json::{Value, json};

    use super::*;
    use crate::process::Output;
    use crate::redact::Redactor;
    use crate::testing::{argv, ctx, envelope, interrupted, only, output, request};
    use crate::tools::replay;

    fn report(change: impl FnOnce(&mut Value)) -> String {
        let mut report = json!({"from": "003", "to": "001", "rolled_back": ["003", "002"],
            "skipped": [], "errors": [], "ok": true, "command": "migrate down-to"});
        change(&mut report);
        report.to_string()
    }

    fn down_to(output: &Output) -> Result<MigrationOutcome, AdapterError> {
        let target = Revision::new("001");
        Ok(replay::down_to(
            &target,
            &Redactor::default(),
            only(output),
        )?)
    }

    #[test]
    fn the_revision_is_never_an_option() {
        let request = request(&ctx(".".as_ref()));
        for revision in ["001", "-x", "--no-lock", "--force"] {
            let invocation = command(&request, &Revision::new(revision)).expect("planned");
            let expected = format!(
                "migrate down-to --no-config --format json --output <report> \
                 --migrations-dir db/migrations -- {revision}"
            );
            assert_eq!(argv(&invocation).join(" "), expected);
        }
        let error = command(&request, &Revision::new(" ")).expect_err("refused");
        assert_eq!(error.kind(), AdapterErrorKind::PreconditionFailed);
    }

    #[test]
    fn what_was_rolled_back_is_told() {
        let outcome = down_to(&output(0, Some(&report(|_| ())))).expect("a success");
        assert_eq!(outcome.from, Some(Revision::new("003")));
        assert_eq!(outcome.to, Some(Revision::new("001")));
        assert_eq!(outcome.applied, ["003", "002"].map(Revision::new));
        let nothing = report(|report| {
            report["from"] = json!("001");
            report["rolled_back"] = json!([]);
        });
        let outcome = down_to(&output(0, Some(&nothing))).expect("a success");
        assert!(outcome.applied.is_empty() && outcome.log.contains("nothing to roll back"));
        assert!(
            down_to(&interrupted(0, Some(&nothing)))
                .expect("a success")
                .log
                .contains("stopped")
        );
    }

    #[test]
    fn every_failure_has_its_kind_and_its_state() {
        for (status, code, kind, state) in [
            (
                3,
                "MIGR_100",
                AdapterErrorKind::PreconditionFailed,
                "was not changed",
            ),
            (
                8,
                "ROLLBACK_600",
                AdapterErrorKind::IrreversibleRollback,
                "was not changed",
            ),
            (3, "MIGR_001", AdapterErrorKind::Execution, "-ipc current`"),
            (
                6,
                "LOCK_1300",
                AdapterErrorKind::LockContention,
                "was not changed",
            ),
            (0, "MIGR_100", AdapterErrorKind::Execution, "-ipc current`"),
        ] {
            let error = down_to(&output(status, Some(&envelope(code, "m", "a")))).expect_err("one");
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(state), "{error}");
        }
    }

    #[test]
    fn report_exit_and_request_must_agree() {
        for (status, report) in [
            (0, report(|report| report["errors"] = json!(["003 failed"]))),
            (0, report(|report| report["skipped"] = json!(["002"]))),
            (0, report(|report| report["to"] = json!("002"))),
            (0, report(|report| report["from"] = Value::Null)),
            (0, report(|report| report["rolled_back"] = json!([]))),
            (
                0,
                report(|report| report["rolled_back"] = json!(["003", "001"])),
            ),
            (0, report(|report| report["rolled_back"] = json!(["002"]))),
            (0, report(|report| report["from"] = json!("001"))),
            (0, report(|report| report["error"] = json!({}))),
            (1, report(|_| ())),
            (3, report(|_| ())),
            (130, report(|_| ())),
            (0, "{}".into()),
        ] {
            assert!(
                down_to(&output(status, Some(&report))).is_err(),
                "{status} {report}"
            );
        }
        for field in ["to", "rolled_back", "skipped", "errors"] {
            let broken = report(|report| {
                report.as_object_mut().expect("an object").remove(field);
            });
            assert!(down_to(&output(0, Some(&broken))).is_err(), "{field}");
        }
        assert!(down_to(&output(0, None)).is_err());
        let error = down_to(&output(
            3,
            Some(&report(|report| {
                report["errors"] = json!(["002 failed"]);
                report["rolled_back"] = json!(["003"]);
            })),
        ))
        .expect_err("an error");
        assert_eq!(error.kind, AdapterErrorKind::Execution);
        assert!(
            error.message.contains("at least 003 was rolled back"),
            "{error}"
        );
    }
}
