//! `up`: apply pending migrations, all or as far as a target.

mod without_report;

use fraisier_adapter_api::{AdapterErrorKind, MigrationOutcome, Revision};

use crate::failure::refusal::{self, refusal};
use crate::failure::{Advice, Change, DatabaseState, Failure, Reader, add_line, classify};
use crate::observe::Event;
use crate::operation::Operation;
use crate::operation::reading::{Outputs, Reading, Summary, Unread};
use crate::process::{Arg, Invocation};
use crate::redact::Redactor;
use crate::report::{self, Payload, decode};
use crate::request::project::Migration;
use crate::request::{Request, option};

const OPERATION: Operation = Operation::Up;

/// How many bytes of a target that does not exist are repeated.
const NAME_LIMIT: usize = 200;

/// `migrate up`, once it is sure that the target exists.
///
/// confiture takes a target for a bound in the sort order: one that does not exist is a silent
/// success.
///
/// # Errors
///
/// `PreconditionFailed` when the target is no migration of the directory.
pub(crate) fn plan(
    request: &Request,
    target: Option<&Revision>,
    migrations: &[Migration],
) -> Result<Invocation, Failure> {
    let mut args = request.migrations_dir().to_vec();
    if let Some(target) = target {
        let is_target = |it: &Migration| it.version == target.as_str();
        if target.as_str().is_empty() || !migrations.iter().any(is_target) {
            return Err(unknown_target(request, target, migrations));
        }
        args.push(option("--target", target.as_str()));
    }
    if let Some(ms) = request.settings.lock_timeout_ms {
        args.push(option("--lock-timeout", ms.to_string()));
    }
    if request.settings.require_reversible {
        args.push(Arg::from("--require-reversible"));
    }
    if request.settings.allow_destructive {
        args.push(Arg::from("--allow-destructive"));
    }
    Ok(request.migrate("up", args))
}

fn unknown_target(request: &Request, target: &Revision, migrations: &[Migration]) -> Failure {
    let (newest, next) = match migrations.last() {
        Some(newest) => (
            format!("the newest it holds is {}", newest.version),
            Advice::NameVersion,
        ),
        None => ("it holds none".into(), Advice::CorrectMigrationsPath),
    };
    // The name may be empty, blank, very long, or full of control characters.
    let target = request.redactor.identifier(target.as_str());
    let what = format!(
        "the target {:?} is no migration of the directory {}; {newest}",
        Redactor::bounded(&target, NAME_LIMIT),
        request.project.migrations.display(),
    );
    let kind = AdapterErrorKind::PreconditionFailed;
    Failure::new(kind, what, DatabaseState::NotStarted, next)
}

/// Reads an `up` to this target.
#[derive(Debug, Clone, Default)]
pub struct Up {
    /// The target, if one was asked for.
    pub target: Option<Revision>,
}

impl Reading for Up {
    type Answer = MigrationOutcome;
    const OPERATION: Operation = OPERATION;

    fn target(&self) -> Option<&Revision> {
        self.target.as_ref()
    }

    fn summary(outcome: &Self::Answer) -> Summary {
        outcome.into()
    }

    fn migrations(&self, reader: &Reader<'_>) -> Vec<Event> {
        let Ok(report) = reader.report::<report::Up>() else {
            return Vec::new();
        };
        let applied = report
            .applied
            .into_iter()
            .map(|it| Event::MigrationApplied {
                revision: Revision(it.version),
                name: it.name.unwrap_or_default(),
            });
        let failed = report.errors.iter().filter_map(|error| {
            let (revision, name) = refusal::migration(error)?;
            Some(Event::MigrationFailed {
                revision: Revision::new(revision),
                name: name.to_owned(),
            })
        });
        applied.chain(failed).collect()
    }

    fn read(&self, reader: &Reader<'_>, outputs: &Outputs) -> Result<Self::Answer, Unread> {
        let report = reader.output.report.as_ref();
        if report.is_none() && reader.exited_with(0) {
            return without_report::read(reader, self.target.as_ref(), outputs);
        }
        if let Payload::Report(refusal) = decode::<report::Irreversible>(report) {
            return Err(irreversible(reader, refusal.irreversible_versions).into());
        }
        Ok(agreed(reader, self.target.as_ref(), &reader.report()?)?)
    }
}

fn irreversible(reader: &Reader<'_>, versions: Vec<String>) -> Failure {
    let what = format!(
        "confiture refused to begin ({}): without its `.down.sql` there is no way back from {}",
        reader.exit(),
        versions.join(", ")
    );
    let next = Advice::WriteDownFiles(versions);
    let kind = classify(reader.output.exit, None, true);
    reader.failure(kind, &what, DatabaseState::none_applied(), next)
}

/// The failure of an `up` that says in its report why it stopped.
fn stopped(reader: &Reader<'_>, report: &report::Up) -> Option<Failure> {
    let applied = versions_of(report);
    let errors = &report.errors;
    if let Some(stop) = report.skipped_superuser.first() {
        let what = format!(
            "confiture stopped before migration {}, which needs a superuser: {}; {} after it stay \
             pending",
            stop.version,
            stop.reason,
            report.pending.len()
        );
        let next = Advice::ApplyAsSuperuser(stop.version.clone());
        let state = exactly(reader, report, applied);
        return Some(reader.failure(AdapterErrorKind::Execution, &what, state, next));
    }
    if errors.is_empty() {
        return None;
    }
    if applied.is_empty()
        && let Some(versions) = refusal::irreversible(errors)
    {
        return Some(irreversible(reader, versions));
    }
    let (kind, state, next) = if applied.is_empty() && refusal::was_applied_by_another(errors) {
        let kind = AdapterErrorKind::LockContention;
        (
            kind,
            DatabaseState::none_applied(),
            Advice::WaitForOtherDeploy,
        )
    } else {
        let kind = classify(reader.output.exit, None, true);
        if errors.iter().all(|error| refusal(error).is_some()) {
            (
                kind,
                exactly(reader, report, applied),
                Advice::CorrectMigration,
            )
        } else {
            (kind, at_least(applied), Advice::CorrectCause)
        }
    };
    Some(reader.errors(kind, "confiture stopped with an error", errors, state, next))
}

fn versions_of(report: &report::Up) -> Vec<String> {
    report.applied.iter().map(|it| it.version.clone()).collect()
}

/// The state when nothing but `applied` can have been applied.
fn exactly(reader: &Reader<'_>, report: &report::Up, applied: Vec<String>) -> DatabaseState {
    if applied.is_empty() || reader.output.interrupted.is_some() {
        return DatabaseState::Changed {
            how: Change::Applied,
            versions: applied,
            is_exact: true,
        };
    }
    let found = report.skipped.iter().max().cloned();
    DatabaseState::Halfway { applied, found }
}

fn at_least(applied: Vec<String>) -> DatabaseState {
    DatabaseState::Changed {
        how: Change::Applied,
        versions: applied,
        is_exact: false,
    }
}

/// What the report says, when request and exit status agree with it.
fn agreed(
    reader: &Reader<'_>,
    target: Option<&Revision>,
    report: &report::Up,
) -> Result<MigrationOutcome, Failure> {
    if report.dry_run || report.dry_run_execute {
        return Err(reader.contradiction("it only rehearsed", DatabaseState::Unknown));
    }
    if let Some(failure) = stopped(reader, report) {
        return Err(failure);
    }
    if !report.success || !reader.exited_with(0) {
        let what = format!("it lists no error, and `success` is {}", report.success);
        return Err(reader.contradiction(&what, DatabaseState::Unknown));
    }
    let applied = versions_of(report);
    if let Some(what) = unreached(target, report, &applied) {
        return Err(reader.contradiction(&what, at_least(applied)));
    }
    // What was applied before is sorted, and the last of it is where this call began.
    let from = report.skipped.iter().max();
    let to = applied.last().or(from);
    let mut log = reader.log();
    if applied.is_empty() {
        add_line(&mut log, "nothing to apply");
    }
    for warning in &report.warnings {
        add_line(&mut log, warning);
    }
    Ok(MigrationOutcome {
        from: from.map(Revision::new),
        to: to.map(Revision::new),
        applied: applied.iter().map(Revision::new).collect(),
        log,
    })
}

/// Why a success is not the one that was asked for.
fn unreached(target: Option<&Revision>, report: &report::Up, applied: &[String]) -> Option<String> {
    if !report.pending.is_empty() {
        let pending = report.pending.join(", ");
        return Some(format!("it succeeded, and left {pending} pending"));
    }
    let target = target?;
    let reached = |version: &String| version == target.as_str();
    match applied.iter().position(reached) {
        None if report.skipped.iter().any(reached) => None,
        None => Some(format!(
            "it succeeded, and the target {target} is not among what is applied"
        )),
        Some(at) if at + 1 < applied.len() => Some(format!("it went on after the target {target}")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
