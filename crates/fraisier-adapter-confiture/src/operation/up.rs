//! `up`: apply pending migrations, all or as far as a target.

use std::time::{Duration, Instant};

use fraisier_adapter_api::{AdapterErrorKind as Kind, MigrationOutcome, Revision};
use tokio::time::sleep;

use super::outcome::Outcome;
use super::server_error::{self, is_exact};
use super::{Call, current, down_to};
use crate::failure::{Advice, Change, DatabaseState, Fault, Result, add_line, classify};
use crate::ledger::{self, BRIEF, Ledger, PATIENT, Row};
use crate::observe::Event;
use crate::process::{Arg, Invocation};
use crate::redact::Redactor;
use crate::release::capability::Need;
use crate::report;
use crate::request::project::Migration;
use crate::request::{Request, option};
use crate::thread::race;

/// How many bytes of a target that does not exist are quoted.
const NAME_LIMIT: usize = 200;

/// How long one try waits for the migration lock. `CREATE INDEX CONCURRENTLY` waits for every
/// transaction, that of a waiting deploy included, and after `deadlock_timeout` (1 s) PostgreSQL ends one
/// of the two.
const LOCK_SLICE: Duration = Duration::from_millis(400);

/// How long an `up` waits for the migration lock, as confiture itself does.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// What every release that writes no report prints when there is nothing to apply.
const NOTHING_TO_DO: &str = "✅ No pending migrations. Database is up to date.";

/// Applies pending migrations.
pub(crate) async fn up(call: &Call<'_>, target: Option<&Revision>) -> Result<MigrationOutcome> {
    let migrations = call.request.project.migrations()?;
    let invocation = command(call.request, target, &migrations)?;
    let apply = apply(call, target, &migrations, invocation);
    match with_progress(call, target, &migrations, apply).await {
        Ok(mut outcome) => {
            if outcome.applied.is_empty() {
                match ledger::rows(call, BRIEF).await {
                    Ok(ledger) => show_last_row(&mut outcome, &ledger.rows, &migrations),
                    Err(why) => ledger::log_unread(call, &why),
                }
            }
            Ok(outcome)
        }
        Err(fault) => {
            let fault = call.request.project.naming_undecodable(fault);
            Err(down_to::undo(call, fault, &migrations).await)
        }
    }
}

/// Shows the last row of the ledger as the revision of an `up` that applied nothing. Its report names only
/// what the directory has: from a wrong directory, or from an older build, that is another revision.
fn show_last_row(outcome: &mut MigrationOutcome, rows: &[Row], migrations: &[Migration]) {
    let Some(last) = rows.last() else { return };
    let last = Revision::new(&last.version);
    outcome.from = Some(last.clone());
    outcome.to = Some(last);
    if migrations.is_empty() {
        let warning = no_migrations(rows.len());
        tracing::warn!("nothing was applied: {warning}");
        add_line(&mut outcome.log, &warning);
    }
}

/// The warning that a directory contains no migration although this many are applied.
pub(crate) fn no_migrations(applied: usize) -> String {
    format!(
        "the directory contains no migration, and {applied} are applied; is `migrations_path` the right \
         directory?"
    )
}

/// Runs the command, again while another deploy holds the migration lock, and interprets its output.
pub(crate) async fn apply(
    call: &Call<'_>,
    target: Option<&Revision>,
    migrations: &[Migration],
    invocation: Invocation,
) -> Result<MigrationOutcome> {
    let (limit, slice) = lock_limits(call.request);
    let began = Instant::now();
    let outcome = loop {
        let outcome = call.run::<report::Up>(invocation.clone()).await?;
        if !lacked_lock(&outcome, slice) || began.elapsed() >= limit {
            break outcome;
        }
    };
    if let Ok(report) = outcome.report() {
        events(report).for_each(|event| call.emit(event));
    }
    if outcome.lacks_report() && outcome.exited_with(0) {
        return without_report(call, &outcome, target).await;
    }
    // confiture names the limit of the last try.
    interpret(&outcome, target, migrations)
        .map_err(|fault| fault.replacing(&lock_wait(slice), &lock_wait(limit)))
}

/// How long an `up` waits for the migration lock, and how long one try of it waits.
fn lock_limits(request: &Request) -> (Duration, Duration) {
    let limit = request.config.settings.lock_timeout_ms;
    let limit = limit.map_or(LOCK_LIMIT, Duration::from_millis);
    (limit, limit.min(LOCK_SLICE))
}

/// How confiture names the time that it waited for the migration lock.
fn lock_wait(limit: Duration) -> String {
    format!("migration lock within {:?}s.", limit.as_secs_f64())
}

/// Whether the command only waited for the migration lock, for as long as one try may.
fn lacked_lock(outcome: &Outcome<report::Up>, slice: Duration) -> bool {
    matches!(outcome.payload(), Ok(Err(envelope))
        if envelope.code.as_deref() == Some("LOCK_1300")
            && envelope.message.contains(&lock_wait(slice)))
        && outcome.exited_with(6)
        && outcome.output.interrupted.is_none()
        && !outcome.began()
}

/// `migrate up`, once it is sure that the target exists.
///
/// confiture treats a target as a bound in the sort order: one that does not exist is a silent
/// success.
///
/// # Errors
///
/// `PreconditionFailed` when the target is not a migration of the directory.
pub(crate) fn command(
    request: &Request,
    target: Option<&Revision>,
    migrations: &[Migration],
) -> Result<Invocation> {
    let mut args = request.migrations_dir().to_vec();
    if let Some(target) = target {
        let is_target = |it: &Migration| it.version == target.as_str();
        if target.as_str().is_empty() || !migrations.iter().any(is_target) {
            return Err(unknown_target(request, target, migrations));
        }
        args.push(option("--target", target.as_str()));
    }
    let (_, slice) = lock_limits(request);
    args.push(option("--lock-timeout", slice.as_millis().to_string()));
    if request.config.settings.require_reversible {
        args.push(Arg::from("--require-reversible"));
    }
    if request.config.settings.allow_destructive {
        args.push(Arg::from("--allow-destructive"));
    }
    Ok(request.migrate("up", args))
}

fn unknown_target(request: &Request, target: &Revision, migrations: &[Migration]) -> Fault {
    let newest = migrations.last().map(|it| &it.version);
    let (newest, next) = match newest {
        Some(version) => (format!("its newest is {version}"), Advice::name_version()),
        None => ("it has none".into(), Advice::correct_migrations_path()),
    };
    // The name may be empty, blank, very long, or full of control characters.
    let target = request.redactor.identifier(target.as_str());
    let what = format!(
        "the target {:?} is not a migration of the directory {}; {newest}",
        Redactor::bounded(&target, NAME_LIMIT),
        request.project.migrations.display(),
    );
    Fault::not_started(Kind::PreconditionFailed, what, next)
}

/// An event for each migration that the report names.
pub(crate) fn events(report: &report::Up) -> impl Iterator<Item = Event> {
    let applied = report.applied.iter().map(|it| Event::MigrationApplied {
        revision: Revision::new(&it.version),
        name: it.name.clone().unwrap_or_default(),
    });
    let failed = report.errors.iter().filter_map(|error| {
        let (revision, name) = server_error::migration(error)?;
        Some(Event::MigrationFailed {
            revision: Revision::new(revision),
            name: name.to_owned(),
        })
    });
    applied.chain(failed)
}

/// The result, when report, exit status and request agree.
pub(crate) fn interpret(
    outcome: &Outcome<report::Up>,
    target: Option<&Revision>,
    migrations: &[Migration],
) -> Result<MigrationOutcome> {
    let report = outcome.report()?;
    let applied = report.applied.iter().map(|it| it.version.clone());
    let applied: Vec<String> = applied.collect();
    if report.dry_run || report.dry_run_execute {
        return Err(outcome.contradiction("it was a rehearsal"));
    }
    if let Some(fault) = stopped(outcome, report, &applied, migrations) {
        return Err(fault);
    }
    if !report.success || !outcome.exited_with(0) {
        let what = format!("it lists no error, and `success` is {}", report.success);
        return Err(outcome.contradiction(&what));
    }
    if let Some(what) = unreached(target, migrations, report, &applied) {
        let state = DatabaseState::at_least(Change::Applied, &applied);
        return Err(outcome.contradiction(&what).in_state(state));
    }
    // What was applied before is sorted, and the last of it is where this call began.
    let from = report.skipped.iter().max();
    let to = applied.last().or(from);
    let mut log = outcome.log();
    if applied.is_empty() {
        add_line(&mut log, "nothing to apply");
    }
    for warning in &report.warnings {
        add_line(&mut log, warning);
    }
    let outcome = MigrationOutcome::new(from.map(Revision::new), to.map(Revision::new));
    Ok(outcome.with_applied(applied.clone()).with_log(log))
}

/// The failure of an `up` that says in its report why it stopped.
fn stopped(
    outcome: &Outcome<report::Up>,
    report: &report::Up,
    applied: &[String],
    migrations: &[Migration],
) -> Option<Fault> {
    let exactly = DatabaseState::exactly(Change::Applied, applied);
    if let Some(stop) = report.skipped_superuser.first() {
        let what = format!(
            "{} was not started, because it needs a superuser: {}; {} after it remain pending",
            stop.version,
            stop.reason,
            report.pending.len()
        );
        let next = Advice::apply_as_superuser(&stop.version);
        return Some(outcome.fault(Kind::Execution, &what, exactly, next));
    }
    let errors = report.errors.as_slice();
    if errors.is_empty() {
        return None;
    }
    let kind = classify(outcome.output.exit, None, true);
    if applied.is_empty()
        && let Some(versions) = server_error::irreversible(errors)
    {
        let exit = outcome.exit();
        let what = format!(
            "confiture refused to begin ({exit}): without a `.down.sql`, these cannot be rolled back: \
             {versions}"
        );
        let next = Advice::write_down_files(versions);
        return Some(outcome.fault(kind, &what, exactly, next));
    }
    // What the class of a `.py` migration claims to be may have been applied before.
    let was_pending = |version: &str| {
        let is_known = migrations.iter().any(|it| it.version == version);
        is_known && !report.skipped.iter().any(|it| it == version)
    };
    let by_another = server_error::found_applied(errors).is_some_and(was_pending);
    let on_server = server_error::advice_on_server(errors);
    let (kind, state, next) = if applied.is_empty() && by_another {
        let next = Advice::wait_for_other_deploy();
        (Kind::LockContention, exactly, next)
    } else if errors.iter().all(|error| is_exact(error)) {
        let next = on_server.unwrap_or_else(Advice::correct_migration);
        (kind, exactly, next)
    } else {
        let index =
            |error: &String| server_error::index_that_may_remain(error).map(Advice::drop_index);
        let next = errors.iter().find_map(index).or(on_server);
        let at_least = DatabaseState::at_least(Change::Applied, applied);
        (kind, at_least, next.unwrap_or_else(Advice::correct_cause))
    };
    Some(outcome.errors(kind, errors, state, next))
}

/// Why a success is not the requested one.
fn unreached(
    target: Option<&Revision>,
    migrations: &[Migration],
    report: &report::Up,
    applied: &[String],
) -> Option<String> {
    if !report.pending.is_empty() {
        let pending = report.pending.join(", ");
        return Some(format!("it succeeded, and {pending} remain pending"));
    }
    let is_applied = |version| applied.contains(version) || report.skipped.contains(version);
    let missing = match target {
        Some(target) if !is_applied(&target.0) => Some(format!("the target {target}")),
        Some(_) => None,
        None => {
            let missing = migrations.iter().find(|it| !is_applied(&it.version));
            missing.map(|it| format!("{} of the directory", it.version))
        }
    };
    if let Some(missing) = missing {
        return Some(format!(
            "it succeeded, and {missing} is not among what is applied"
        ));
    }
    let target = target?;
    let mut before_last = applied.iter().rev().skip(1);
    let goes_on = before_last.any(|version| *version == target.0);
    goes_on.then(|| format!("it went on after the target {target}"))
}

/// The result of an `up` that exited with 0 and wrote no report.
///
/// Before 0.48.0, that is how `up` ends when there is nothing to apply; it prints [`NOTHING_TO_DO`]. A `.py`
/// migration can also end the process with 0 halfway. confiture has then printed that it began with it.
async fn without_report(
    call: &Call<'_>,
    outcome: &Outcome<report::Up>,
    target: Option<&Revision>,
) -> Result<MigrationOutcome> {
    if !outcome.printed(NOTHING_TO_DO) && outcome.printed_anything() {
        return Err(outcome.no_report());
    }
    // Only the words of a follow-up's failure are evidence; its state is not about the `up`.
    let unexplained = |why: Fault| {
        let line = format!("[asking what that means] [{}] {why}", why.kind());
        outcome.no_report().with_evidence(&line)
    };
    let version = call.version().await.map_err(unexplained)?;
    // A `.py` migration can print the line and end the process, too.
    if !version.is_release() || Need::NoOpReport.is_met_by(&version) {
        return Err(outcome.no_report());
    }
    let current = call.current().await.map_err(unexplained)?;
    // The target is a migration of the directory, and none of these is pending. Its position in the
    // sort order says nothing: `current` is what was applied last in time.
    if let (Some(target), None) = (target, &current) {
        return Err(outcome.contradiction(&format!(
            "confiture found nothing to apply, and the target {target} is not applied: nothing is"
        )));
    }
    let mut log = outcome.log();
    add_line(&mut log, "nothing to apply");
    Ok(MigrationOutcome::new(current.clone(), current).with_log(log))
}

/// The result of an `up`. If a progress interval is configured, an event is emitted at each interval until then.
async fn with_progress<T>(
    call: &Call<'_>,
    target: Option<&Revision>,
    migrations: &[Migration],
    up: impl Future<Output = T>,
) -> T {
    let Some(interval) = call.request.config.progress_interval else {
        return up.await;
    };
    let mut versions: Vec<&str> = migrations.iter().map(|it| it.version.as_str()).collect();
    versions.dedup();
    let position = target.and_then(|it| versions.iter().position(|version| *version == it.0));
    let of = position.map_or(versions.len(), |at| at + 1);
    let report = async {
        loop {
            sleep(interval).await;
            let Some((revision, ledger)) = progress(call).await else {
                continue;
            };
            let is_applied = |version: &&&str| ledger.row(version).is_some();
            let applied = versions[..of].iter().filter(is_applied).count();
            call.emit(Event::Progress {
                revision,
                applied,
                of,
            });
        }
    };
    race(up, report).await
}

/// The revision that was applied last, and what is applied, while the `up` runs.
async fn progress(call: &Call<'_>) -> Option<(Option<Revision>, Ledger)> {
    if let Ok(ledger) = ledger::rows(call, PATIENT).await {
        return Some((ledger.last(), ledger));
    }
    let current = call.run_beside(current::command(call.request), None);
    let last = current::interpret(&Outcome::of(current.await.ok()?)).ok()?;
    if last.is_none() {
        return Some((None, Ledger::default()));
    }
    let status = call.run_beside(ledger::status(call.request), None);
    let ledger = ledger::listed(&Outcome::of(status.await.ok()?)).ok()?;
    Some((last, ledger))
}

#[cfg(test)]
mod tests;
