//! `up`: apply pending migrations, all or as far as a target.

use fraisier_adapter_api::{AdapterError, AdapterErrorKind, MigrationOutcome, Revision};

use super::judge::{Judge, add_line};
use crate::failure::{Failure, Operation, State};
use crate::invocation::{Arg, Invocation};
use crate::outcome::{Exit, Finished};
use crate::project::{Migration, versions};
use crate::redact::Redactor;
use crate::report::{self, Payload, read};
use crate::session::{Session, option};
use crate::version::ConfitureVersion;

const OPERATION: Operation = Operation::Up;

/// The first release that writes a report when there is nothing to apply.
const REPORTS_NOTHING_TO_DO: (u64, u64, u64) = (0, 48, 0);

/// What `up` left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Up {
    /// It is done.
    Done(MigrationOutcome),
    /// It exited with 0 and wrote no report. A release before 0.48.0 says so that there was nothing
    /// to apply; [`up_without_report`](crate::decode::up_without_report) finishes the reading.
    NoReport,
}

/// `migrate up`, once it is sure that the target exists.
///
/// confiture takes a target for a bound in the sort order: one that does not exist is a silent
/// success.
///
/// # Errors
///
/// `PreconditionFailed` when the target is no migration of the directory.
pub(crate) fn plan(
    session: &Session,
    target: Option<&Revision>,
    migrations: &[Migration],
) -> Result<Invocation, AdapterError> {
    let mut args = session.migrations_dir().to_vec();
    if let Some(target) = target {
        if target.as_str().is_empty() || !versions(migrations).contains(target.as_str()) {
            return Err(unknown_target(session, target, migrations));
        }
        args.push(option("--target", target.as_str()));
    }
    if let Some(ms) = session.settings.lock_timeout_ms {
        args.push(option("--lock-timeout", ms.to_string()));
    }
    if session.settings.require_reversible {
        args.push(Arg::from("--require-reversible"));
    }
    if session.settings.allow_destructive {
        args.push(Arg::from("--allow-destructive"));
    }
    Ok(session.migrate("up", args))
}

fn unknown_target(session: &Session, target: &Revision, migrations: &[Migration]) -> AdapterError {
    let newest = migrations
        .last()
        .map_or("it holds none".to_owned(), |migration| {
            format!("the newest it holds is {}", migration.version)
        });
    Failure {
        operation: OPERATION,
        kind: AdapterErrorKind::PreconditionFailed,
        what: format!(
            "the target {} is no migration of the directory {}; {newest}",
            session.redactor.identifier(target.as_str()),
            session.project.migrations.display(),
        ),
        state: State::NotStarted,
        next: "name a version as it stands before the first `_` of a file name".into(),
        evidence: None,
    }
    .into()
}

pub(crate) fn decode(
    target: Option<&Revision>,
    finished: &Finished,
    redactor: &Redactor,
) -> Result<Up, AdapterError> {
    let judge = Judge {
        operation: OPERATION,
        finished,
        redactor,
    };
    match read::<report::Up>(finished.report.as_deref()) {
        Payload::Nothing if finished.exit == Exit::Code(0) => Ok(Up::NoReport),
        Payload::Nothing => Err(judge.unreported()),
        Payload::Unreadable(why) => Err(judge.unreadable(&why)),
        Payload::Envelope(envelope) => Err(judge.envelope(&envelope)),
        Payload::Report(report) => of_report(&judge, target, &report).map(Up::Done),
    }
}

fn of_report(
    judge: &Judge<'_>,
    target: Option<&Revision>,
    report: &report::Up,
) -> Result<MigrationOutcome, AdapterError> {
    let applied: Vec<String> = report
        .applied
        .iter()
        .map(|migration| migration.version.clone())
        .collect();
    let state = || State::Applied(applied.clone());
    if report.dry_run || report.dry_run_execute {
        return Err(judge.contradiction("it only rehearsed", State::Unknown));
    }
    if let Some(stopped) = report.skipped_superuser.first() {
        let what = format!(
            "confiture stopped before migration {}, which needs a superuser: {}; {} after it stay \
             pending",
            stopped.version,
            stopped.reason,
            report.pending.len()
        );
        let next = format!(
            "have a superuser apply it (`confiture migrate apply-as <role> {}`), then call `up` \
             again",
            stopped.version
        );
        return Err(judge.failure(AdapterErrorKind::Execution, &what, state(), &next));
    }
    if !report.errors.is_empty() {
        let kind = crate::classify::classify(judge.finished.exit, None, true);
        let what = format!(
            "a migration failed ({}): {}",
            judge.exit(),
            report.errors.join("; ")
        );
        let next = "correct the migration, then call `up` again: it goes on after what was applied";
        return Err(judge.failure(kind, &what, state(), next));
    }
    if !report.success || !judge.exited_with(0) {
        let what = format!("it lists no error, and `success` is {}", report.success);
        return Err(judge.contradiction(&what, State::Unknown));
    }
    if !report.pending.is_empty() {
        let what = format!(
            "it succeeded, and left {} pending",
            report.pending.join(", ")
        );
        return Err(judge.contradiction(&what, state()));
    }
    if let Some(target) = target {
        let reached = |version: &String| version == target.as_str();
        if !applied.iter().any(reached) && !report.skipped.iter().any(reached) {
            let what =
                format!("it succeeded, and the target {target} is not among what is applied");
            return Err(judge.contradiction(&what, state()));
        }
        if applied
            .iter()
            .position(reached)
            .is_some_and(|at| at + 1 < applied.len())
        {
            let what = format!("it went on after the target {target}");
            return Err(judge.contradiction(&what, state()));
        }
    }
    // What was applied before is sorted, and the last of it is where this call began.
    let from = report.skipped.iter().max();
    let to = applied.last().or(from);
    let mut log = judge.log();
    if applied.is_empty() {
        add_line(&mut log, "nothing to apply");
    }
    for warning in &report.warnings {
        add_line(&mut log, &judge.redactor.text(warning));
    }
    Ok(MigrationOutcome {
        from: from.map(|version| judge.revision(version)),
        to: to.map(|version| judge.revision(version)),
        applied: applied
            .iter()
            .map(|version| judge.revision(version))
            .collect(),
        log,
    })
}

/// Finishes the reading of an `up` that exited with 0 and left no report.
///
/// # Errors
///
/// `InternalError` when the release would have written one, and when the target cannot be among
/// what is applied.
pub(crate) fn without_report(
    target: Option<&Revision>,
    finished: &Finished,
    redactor: &Redactor,
    version: &ConfitureVersion,
    current: Option<Revision>,
) -> Result<MigrationOutcome, AdapterError> {
    let judge = Judge {
        operation: OPERATION,
        finished,
        redactor,
    };
    let (major, minor, patch) = REPORTS_NOTHING_TO_DO;
    if !version.is_release() || version.is_at_least(major, minor, patch) {
        return Err(judge.unreported());
    }
    let reached = match (target, &current) {
        (None, _) => true,
        (Some(target), Some(current)) => target.as_str() <= current.as_str(),
        (Some(_), None) => false,
    };
    if let (Some(target), false) = (target, reached) {
        let at = current.map_or("nothing".into(), |current| current.to_string());
        let what = format!(
            "confiture {version} found nothing to apply, and the target {target} comes after what \
             was applied last, which is {at}"
        );
        return Err(judge.contradiction(&what, State::Applied(Vec::new())));
    }
    let mut log = judge.log();
    add_line(&mut log, "nothing to apply");
    Ok(MigrationOutcome {
        from: current.clone(),
        to: current,
        applied: Vec::new(),
        log,
    })
}
