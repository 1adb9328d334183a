//! `down_to`: roll back what came after a revision.

use fraisier_adapter_api::{AdapterError, AdapterErrorKind, MigrationOutcome, Revision};

use super::judge::{Judge, add_line};
use crate::failure::{Failure, Operation, State};
use crate::invocation::{Arg, Invocation};
use crate::outcome::Finished;
use crate::redact::Redactor;
use crate::report::{self, Payload, read};
use crate::session::Session;

const OPERATION: Operation = Operation::DownTo;

/// `migrate down-to … -- <revision>`: after the `--`, nothing is an option.
///
/// # Errors
///
/// `PreconditionFailed` for an empty revision, which names no migration.
pub(crate) fn plan(session: &Session, target: &Revision) -> Result<Invocation, AdapterError> {
    if target.as_str().trim().is_empty() {
        return Err(Failure {
            operation: OPERATION,
            kind: AdapterErrorKind::PreconditionFailed,
            what: "the revision to go back to is empty".into(),
            state: State::NotStarted,
            next: "name a version as it stands before the first `_` of a file name".into(),
            evidence: None,
        }
        .into());
    }
    let mut args = session.migrations_dir().to_vec();
    args.extend([Arg::from("--"), Arg::from(target.as_str())]);
    Ok(session.migrate("down-to", args))
}

pub(crate) fn decode(
    target: &Revision,
    finished: &Finished,
    redactor: &Redactor,
) -> Result<MigrationOutcome, AdapterError> {
    let judge = Judge {
        operation: OPERATION,
        finished,
        redactor,
    };
    match read::<report::DownTo>(finished.report.as_deref()) {
        Payload::Nothing => Err(judge.unreported()),
        Payload::Unreadable(why) => Err(judge.unreadable(&why)),
        Payload::Envelope(envelope) => Err(judge.envelope(&envelope)),
        Payload::Report(report) => of_report(&judge, target, &report),
    }
}

fn of_report(
    judge: &Judge<'_>,
    target: &Revision,
    report: &report::DownTo,
) -> Result<MigrationOutcome, AdapterError> {
    let state = || State::RolledBack(report.rolled_back.clone());
    if !report.errors.is_empty() {
        let kind = crate::classify::classify(judge.finished.exit, None, true);
        let what = format!(
            "a rollback failed ({}): {}",
            judge.exit(),
            report.errors.join("; ")
        );
        let next = "correct the `.down.sql`, then call `down_to` again: it goes on from there";
        return Err(judge.failure(kind, &what, state(), next));
    }
    if !report.skipped.is_empty() {
        let what = format!("it left out {}", report.skipped.join(", "));
        let next = "ask `current_revision` where the database is now";
        return Err(judge.failure(AdapterErrorKind::IrreversibleRollback, &what, state(), next));
    }
    if !judge.exited_with(0) {
        return Err(judge.contradiction("it lists no error, and fails", State::Unknown));
    }
    if report.to != target.as_str() {
        let what = format!("{target} was asked for, and it went to {}", report.to);
        return Err(judge.contradiction(&what, State::Unknown));
    }
    let Some(from) = &report.from else {
        let what = "it does not say where it began";
        return Err(judge.contradiction(what, State::Unknown));
    };
    if report.rolled_back.contains(&report.to) {
        let what = format!("it rolled back {target}, which was to stay");
        return Err(judge.contradiction(&what, State::Unknown));
    }
    if report.rolled_back.is_empty() && *from != report.to {
        let what = format!(
            "it went from {from} to {} and rolled nothing back",
            report.to
        );
        return Err(judge.contradiction(&what, State::Unknown));
    }
    let mut log = judge.log();
    let line = if report.rolled_back.is_empty() {
        "nothing to roll back".to_owned()
    } else {
        format!("rolled back {}", report.rolled_back.join(", "))
    };
    add_line(&mut log, &judge.redactor.text(&line));
    Ok(MigrationOutcome {
        from: Some(judge.revision(from)),
        to: Some(judge.revision(&report.to)),
        applied: report
            .rolled_back
            .iter()
            .map(|version| judge.revision(version))
            .collect(),
        log,
    })
}
