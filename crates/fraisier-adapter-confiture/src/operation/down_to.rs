//! The two rollbacks: `down_to`, which rolls back what came after a revision, and the undo of an `up` that failed
//! halfway, if the evidence says exactly what it applied.

use std::fs;
use std::path::Path;

use fraisier_adapter_api::{AdapterErrorKind as Kind, MigrationOutcome, Revision};

use super::Call;
use super::outcome::Outcome;
use super::server_error::is_exact;
use crate::failure::{
    Advice, Cause, Change, DatabaseState, Fault, Result, add_line, classify, listed,
};
use crate::ledger::{self, Ledger, OrderedBy, Rollback};
use crate::observe::Event;
use crate::process::{Arg, Invocation, Links};
use crate::release::capability::Need;
use crate::report::{self, Envelope};
use crate::request::Request;
use crate::request::project::{Migration, name_of};

/// Rolls back what was applied after a revision, in the order of the rows of the ledger.
pub(crate) async fn down_to(call: &Call<'_>, target: &Revision) -> Result<MigrationOutcome> {
    // confiture treats a directory that does not exist like an empty one.
    let migrations = call.request.project.migrations()?;
    check(target)?;
    let ledger = ledger::read(call).await?;
    let rollback = ledger::after(&ledger, target)?;
    roll_back(call, &migrations, &ledger, &rollback).await
}

/// Runs a rollback that was planned with this ledger.
///
/// A release that plans before it has the lock does not see what another deploy applies until then: so
/// no other deploy may hold the lock, and the ledger is compared afterwards.
pub(crate) async fn roll_back(
    call: &Call<'_>,
    migrations: &[Migration],
    ledger: &Ledger,
    rollback: &Rollback,
) -> Result<MigrationOutcome> {
    let is_by_row = rollback.ordered_by == OrderedBy::Row;
    let plans_under_lock =
        is_by_row && (call.version().await).is_ok_and(|it| Need::LockedRollback.is_met_by(&it));
    if ledger.is_locked && !plans_under_lock {
        let what = "another deploy holds the migration lock, and this release of confiture would plan \
                    the rollback before it has ended";
        let (state, next) = (DatabaseState::Unchanged, Advice::wait_for_lock());
        return Err(Fault::new(Kind::LockContention, what, state, next));
    }
    check_files(migrations, ledger, rollback)?;
    let links = call.request.project.links(&rollback.versions)?;
    let invocation = command(call.request, &rollback.target, links);
    let outcome = call.run::<report::DownTo>(invocation).await?;
    if let Ok(report) = outcome.report() {
        for revision in report.rolled_back.iter().map(Revision::new) {
            call.emit(Event::MigrationRolledBack { revision });
        }
    }
    let done = interpret(&outcome, rollback)?;
    if !plans_under_lock {
        let after = match rollback.ordered_by {
            OrderedBy::Row => ledger::read(call).await,
            OrderedBy::Version => ledger::list(call).await,
        };
        compare(after, rollback).map_err(|fault| fault.with_evidence(&outcome.evidence()))?;
    }
    Ok(done)
}

/// Compares the ledger after a rollback with what the rollback was to keep.
fn compare(after: Result<Ledger>, rollback: &Rollback) -> Result<()> {
    let what = match after {
        Ok(ledger) => {
            let found: Vec<String> = ledger.rows.into_iter().map(|row| row.version).collect();
            if found == rollback.kept {
                return Ok(());
            }
            let is_new = |version: &&String| !rollback.kept.contains(version);
            let new: Vec<String> = found.iter().filter(is_new).cloned().collect();
            let are = if found.len() == 1 { "is" } else { "are" };
            let (new, found) = (joined(&new), joined(&found));
            format!(
                "another deploy changed the ledger during the rollback: it applied {new}, and {found} \
                 {are} applied now"
            )
        }
        Err(why) => {
            let why = why.summary();
            format!("the ledger could not be read after the rollback ({why})")
        }
    };
    let state = DatabaseState::exactly(Change::RolledBack, &rollback.versions);
    let next = Advice::plan_again();
    Err(Fault::new(Kind::Execution, what, state, next))
}

/// Refuses an empty revision, which names no migration.
///
/// # Errors
///
/// `PreconditionFailed`.
fn check(target: &Revision) -> Result<()> {
    if target.as_str().trim().is_empty() {
        let what = "the revision to go back to is empty";
        let next = Advice::name_version();
        return Err(Fault::not_started(Kind::PreconditionFailed, what, next));
    }
    Ok(())
}

/// Refuses a planned version if the directory contains several migrations of it, any of which confiture might
/// run, or a migration with another name than the one in the ledger.
///
/// # Errors
///
/// `PreconditionFailed`.
fn check_files(migrations: &[Migration], ledger: &Ledger, rollback: &Rollback) -> Result<()> {
    let shown = |file: &Path| file.file_name().unwrap_or_default().display().to_string();
    for version in &rollback.versions {
        let files = migrations.iter().filter(|it| it.version == *version);
        let files: Vec<&Path> = files.map(|it| it.path.as_path()).collect();
        let applied = ledger.row(version).and_then(|row| row.name.as_deref());
        let (what, next) = match (files.as_slice(), applied) {
            ([_, _, ..], _) => {
                let files: Vec<String> = files.into_iter().map(shown).collect();
                let files = files.join(", ");
                let what = format!(
                    "version {version} has more than one migration ({files}), and confiture would roll \
                     back with either"
                );
                (what, Advice::renumber_migration())
            }
            (&[file], Some(applied)) if name_in(file).is_some_and(|name| name != applied) => {
                let file = shown(file);
                let what = format!(
                    "version {version} was applied as `{applied}`, and the directory contains another \
                     migration of that version, {file}"
                );
                let migration = format!("{version}_{applied}");
                (what, Advice::restore_migration(&migration))
            }
            _ => continue,
        };
        return Err(Fault::refused(what, next));
    }
    Ok(())
}

/// The name that confiture records for the migration in this file: that of an SQL file, and the
/// attribute `name` of the class in a `.py` file. `None` where only running it would show it.
fn name_in(file: &Path) -> Option<String> {
    if file.extension() != Some("py".as_ref()) {
        return name_of(file.file_name()?.to_str()?).map(str::to_owned);
    }
    let text = fs::read_to_string(file).ok()?;
    let mut names = text.lines().filter_map(|line| {
        let value = line.trim_start().strip_prefix("name")?.trim_start();
        let value = value.strip_prefix(": str").unwrap_or(value).trim_start();
        value.strip_prefix('=').map(str::trim)
    });
    let (Some(value), None) = (names.next(), names.next()) else {
        return None;
    };
    let quote = value.chars().next().filter(|it| ['"', '\''].contains(it))?;
    let literal = value.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_plain = !literal.contains(['\\', quote]);
    is_plain.then(|| literal.to_owned())
}

/// `migrate down-to … -- <revision>`: after the `--`, nothing is an option.
///
/// confiture finds the files of the planned migrations and of no other. So it refuses to roll back
/// anything else, even if the ledger has changed.
pub(crate) fn command(request: &Request, target: &Revision, links: Links) -> Invocation {
    let args = vec![
        Arg::from("--migrations-dir"),
        Arg::Links(links),
        Arg::from("--"),
        Arg::from(target.as_str()),
    ];
    request.migrate("down-to", args)
}

/// The failure when confiture refused because of a migration that was not planned.
fn changed(
    outcome: &Outcome<report::DownTo>,
    envelope: &Envelope,
    rollback: &Rollback,
) -> Option<Fault> {
    if envelope.code.as_deref() != Some("ROLLBACK_600") || !outcome.exited_with(8) {
        return None;
    }
    // The versions whose files confiture did not find.
    let (_, after) = envelope.message.split_once("missing .down.sql for ")?;
    let (versions, _) = after.split_once(". Aborting without applying anything")?;
    let versions = versions.split(", ").map(str::to_owned);
    let others: Vec<String> = versions
        .filter(|it| !rollback.versions.contains(it))
        .collect();
    if others.is_empty() {
        return None;
    }
    let kept = others.iter().filter(|it| rollback.kept.contains(it));
    let kept: Vec<&str> = kept.map(String::as_str).collect();
    let (target, others) = (&rollback.target, others.join(", "));
    let (what, next) = if !kept.is_empty() {
        let kept = kept.join(", ");
        let what = format!(
            "confiture, which goes by `applied_at`, refused to begin: it would also roll back {kept}, \
             which was applied before {target}"
        );
        (what, Advice::order_times())
    } else if rollback.ordered_by == OrderedBy::Version {
        let what = format!(
            "confiture refused to begin: {others} was applied after {target}, and the migrations \
             directory contains no file of it, unless another deploy has applied it since"
        );
        (what, Advice::plan_again())
    } else {
        let what = format!(
            "the ledger has changed since the rollback was planned: {others} is there, and confiture \
             refused to begin"
        );
        (what, Advice::plan_again())
    };
    let state = DatabaseState::Unchanged;
    Some(outcome.fault(Kind::PreconditionFailed, &what, state, next))
}

/// The failure that confiture reported. Where the server refused a statement, every migration planned
/// before the one that it is about was rolled back, each in a transaction of its own.
fn stopped(outcome: &Outcome<report::DownTo>, envelope: &Envelope, rollback: &Rollback) -> Fault {
    let fault = outcome.envelope(envelope);
    let migration = envelope.migration.as_ref();
    let migration = migration.filter(|_| is_exact(&envelope.message));
    let at = migration.and_then(|it| rollback.versions.iter().position(|version| version == it));
    let Some(at) = at else { return fault };
    fault.in_state(DatabaseState::exactly(
        Change::RolledBack,
        &rollback.versions[..at],
    ))
}

fn joined(versions: &[String]) -> String {
    match versions {
        [] => "nothing".into(),
        versions => versions.join(", "),
    }
}

/// The result, when report, exit status and request agree.
pub(crate) fn interpret(
    outcome: &Outcome<report::DownTo>,
    rollback: &Rollback,
) -> Result<MigrationOutcome> {
    let report = match outcome.payload()? {
        Ok(report) => report,
        Err(envelope) => {
            let changed = changed(outcome, envelope, rollback);
            return Err(changed.unwrap_or_else(|| stopped(outcome, envelope, rollback)));
        }
    };
    let rolled_back = &report.rolled_back;
    let at_least = DatabaseState::at_least(Change::RolledBack, rolled_back);
    if !report.errors.is_empty() {
        let kind = classify(outcome.output.exit, None, true);
        let state = if report.errors.iter().all(|error| is_exact(error)) {
            DatabaseState::exactly(Change::RolledBack, rolled_back)
        } else {
            at_least
        };
        return Err(outcome.errors(kind, &report.errors, state, Advice::diagnose()));
    }
    if !report.skipped.is_empty() {
        let what = format!("it left out {}", report.skipped.join(", "));
        let kind = Kind::IrreversibleRollback;
        return Err(outcome.fault(kind, &what, at_least, Advice::none()));
    }
    if !outcome.exited_with(0) {
        return Err(outcome.contradiction("it lists no error, and fails"));
    }
    let target = rollback.target.as_str();
    let began = rolled_back.first().map_or(target, String::as_str);
    let agrees = (report.from.as_deref(), report.to.as_str()) == (Some(began), target);
    if !agrees || *rolled_back != rollback.versions {
        let what = format!(
            "it went from {} to {} and rolled back {}, and {} was planned, to {target}",
            report.from.as_deref().unwrap_or("nowhere"),
            report.to,
            joined(rolled_back),
            joined(&rollback.versions)
        );
        let fault = outcome.contradiction(&what);
        return Err(if agrees {
            fault.in_state(at_least)
        } else {
            fault
        });
    }
    let mut log = outcome.log();
    let line = match rolled_back.as_slice() {
        [] => "nothing to roll back".to_owned(),
        versions => format!("rolled back {}", versions.join(", ")),
    };
    add_line(&mut log, &line);
    let from = report.from.as_deref().map(Revision::new);
    let outcome = MigrationOutcome::new(from, Some(Revision::new(&report.to)));
    Ok(outcome.with_applied(rolled_back.clone()).with_log(log))
}

/// The failure of an `up`, after its undo where that is wanted and certain.
pub(super) async fn undo(call: &Call<'_>, fault: Fault, migrations: &[Migration]) -> Fault {
    let Some(applied) = applied_by(&fault).filter(|_| call.request.config.undo_failed_up) else {
        return fault;
    };
    let ledger = match ledger::read(call).await {
        Ok(ledger) => ledger,
        Err(why) => {
            let why = why.summary();
            let what = format!("the ledger could not be read to undo that ({why})");
            return not_undone(fault, &what);
        }
    };
    let versions: Vec<String> = applied.iter().map(ToString::to_string).collect();
    let rollback = match ledger::of_applied(&ledger, &versions) {
        Ok(rollback) => rollback,
        Err(why) => return not_undone(fault, &why),
    };
    let down = roll_back(call, migrations, &ledger, &rollback).await;
    undone(fault, &applied, &rollback.target, down)
}

/// What a failed `up` applied, when that is certain. If its report lists no error, it stopped before a
/// migration that needs a superuser, and the next `up` continues after that.
fn applied_by(fault: &Fault) -> Option<Vec<Revision>> {
    let failed = fault.lists_errors() && !matches!(fault.cause(), Cause::Stopped(_));
    match fault.state() {
        DatabaseState::Exactly { change, versions }
            if failed && *change == Change::Applied && !versions.is_empty() =>
        {
            Some(versions.clone())
        }
        _ => None,
    }
}

/// The failure of the `up`, after a rollback to this revision.
fn undone(
    fault: Fault,
    applied: &[Revision],
    to: &Revision,
    down: Result<MigrationOutcome>,
) -> Fault {
    let Err(why) = down else {
        let (applied, revision) = (applied.to_vec(), to.clone());
        return fault.in_state(DatabaseState::UndoneTo { applied, revision });
    };
    let state = remaining(applied, why.state());
    let (_, evidence) = why.in_words();
    let (versions, why) = (listed(applied), why.summary());
    if state == DatabaseState::exactly(Change::Applied, &[]) {
        let what = format!("{versions} rolled back again; {why}");
        return fault.and(&what).in_state(state);
    }
    let what = format!("rolling {versions} back to {to} failed ({why})");
    let fault = not_undone(fault, &what).in_state(state);
    if evidence.is_empty() {
        return fault;
    }
    fault.with_evidence(&format!("[rolling back]\n{evidence}"))
}

/// What of the applied migrations remains, after a rollback that failed in this state.
fn remaining(applied: &[Revision], state: &DatabaseState) -> DatabaseState {
    let rolled_back = match state {
        DatabaseState::Exactly { versions, .. } => versions.as_slice(),
        state if state.is_unchanged() => &[],
        _ => return DatabaseState::Unknown,
    };
    let remains = |version: &&Revision| !rolled_back.contains(version);
    DatabaseState::Exactly {
        change: Change::Applied,
        versions: applied.iter().filter(remains).cloned().collect(),
    }
}

/// The failure of an `up` that could not be undone; its state remains.
fn not_undone(fault: Fault, why: &str) -> Fault {
    fault
        .of_kind(Kind::IrreversibleRollback)
        .and(why)
        .advising(Advice::continue_or_remove())
}

#[cfg(test)]
mod tests;
