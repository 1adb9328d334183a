//! `verify`: whether the `.verify.sql` files of the applied migrations return true.

use std::collections::BTreeSet;

use fraisier_adapter_api::{VerifyCheck, VerifyReport};

use super::Call;
use super::outcome::Outcome;
use crate::failure::Result;
use crate::process::Invocation;
use crate::report::{self, Envelope, Status};
use crate::request::Request;
use crate::request::project::Project;
use crate::request::sql_files::VerifyFiles;

const NO_LEDGER: &str = "the database has no migration ledger";

/// Checks the applied migrations.
pub(crate) async fn verify(call: &Call<'_>) -> Result<VerifyReport> {
    let files = call.request.where_present(Project::verify_files)?;
    check_files(call, files.as_ref()).await
}

/// Runs the command and interprets its output. The files are `None` where the migrations directory does
/// not exist.
pub(crate) async fn check_files(
    call: &Call<'_>,
    files: Option<&VerifyFiles>,
) -> Result<VerifyReport> {
    let outcome = call.run::<report::Verify>(command(call.request)).await?;
    if let Ok(Err(envelope)) = outcome.payload()
        && may_lack_ledger(&outcome, envelope)
        && let Ok(None) = call.current().await
    {
        return Ok(nothing_to_examine(NO_LEDGER));
    }
    interpret(&outcome, files)
}

/// `migrate verify`.
pub(crate) fn command(request: &Request) -> Invocation {
    request.migrate("verify", request.migrations_dir().to_vec())
}

/// Whether a failure may be that of a release before 0.37.0 that found no ledger: those call it an
/// internal error, as they call everything else they did not expect.
fn may_lack_ledger(outcome: &Outcome<report::Verify>, envelope: &Envelope) -> bool {
    outcome.exited_with(1) && envelope.code.as_deref() == Some("INTERNAL_ERROR")
}

/// The report on a database in which there is nothing to verify: not ok, and not failed either.
fn nothing_to_examine(why: &str) -> VerifyReport {
    let check = VerifyCheck::new("ledger", false);
    let check = check.with_detail(format!("{why}, so nothing was verified"));
    VerifyReport::new(false)
        .with_skipped(true)
        .with_checks(vec![check])
}

/// The verdict, when counts, results and exit status agree with it.
pub(crate) fn interpret(
    outcome: &Outcome<report::Verify>,
    files: Option<&VerifyFiles>,
) -> Result<VerifyReport> {
    let Some(report) = outcome.report_on_ledger()? else {
        return Ok(nothing_to_examine(NO_LEDGER));
    };
    // confiture exits with 1 when a check failed, and writes no report at other statuses.
    if !outcome.exited_with(0) && !outcome.exited_with(1) {
        return Err(outcome.contradiction("it reports on the checks, and fails"));
    }
    if report.ledger_present == Some(false) || report.was_skipped == Some(true) {
        return Ok(nothing_to_examine(NO_LEDGER));
    }
    let stated = report.ok.unwrap_or(true) && report.failed_count == 0 && outcome.exited_with(0);
    let counted = counts_agree(report);
    let results = report.results.iter();
    let mut checks: Vec<_> = results.map(|result| check(result, files)).collect();
    if checks.is_empty() && stated {
        return Ok(nothing_to_examine("no migration is applied"));
    }
    let all = checks.iter().all(|check| check.ok);
    let ok = stated && counted && all;
    if all && !ok {
        let exit = outcome.exit();
        let detail =
            format!("confiture's verdict, its counts, its results and its {exit} do not agree");
        checks.push(VerifyCheck::new("agreement", false).with_detail(detail));
    }
    Ok(VerifyReport::new(ok).with_checks(checks))
}

/// Whether the counts are those of the results, and no version occurs twice.
fn counts_agree(report: &report::Verify) -> bool {
    let results = &report.results;
    let count = |is_counted: fn(&Status) -> bool| {
        let counted = results.iter().filter(|it| is_counted(&it.status));
        counted.count() as u64
    };
    let versions: BTreeSet<&str> = results.iter().map(|it| it.version.as_str()).collect();
    report.verified_count == count(|status| *status == Status::Verified)
        && report.skipped_count == count(|it| matches!(it, Status::NoFile | Status::Skipped))
        && report.total_applied == results.len() as u64
        && versions.len() == results.len()
}

/// Whether a migration can have this version: it is the part of a file name before the first `_`.
/// confiture reports `b'002'` where the database returns bytes, and finds no file for it.
fn can_be_version(version: &str) -> bool {
    let is_part = |c: char| !c.is_control() && !c.is_whitespace() && !"/_'\"".contains(c);
    !version.is_empty() && version.chars().all(is_part)
}

/// The check of one migration. It passes if there is no error, and its query returned true or there was nothing
/// to run.
fn check(result: &report::Checked, files: Option<&VerifyFiles>) -> VerifyCheck {
    let version = &result.version;
    let passes = |detail: &str| (true, Some(detail.to_owned()));
    let fails = |detail: &str| (false, Some(detail.to_owned()));
    let has_statement = files.map(|it| it.has_statement(version));
    let (holds, detail) = match (&result.status, has_statement) {
        _ if !can_be_version(version) => {
            fails("no migration can have this version, so confiture found no file of it")
        }
        _ if files.is_some_and(|it| it.is_ambiguous(version)) => {
            fails("it has more than one .verify.sql, and confiture ran only one")
        }
        (Status::Verified, _) if result.actual_value == Some(false) => {
            fails("its query returned false")
        }
        (Status::Verified, _) => (true, None),
        (Status::Failed, _) => fails("its query did not answer true"),
        (Status::NoFile, None) => passes("no migration files were at hand, so nothing was run"),
        (Status::NoFile, Some(true)) => {
            fails("confiture found no .verify.sql, and there is one with a statement")
        }
        (Status::NoFile, Some(false)) => passes("it has no .verify.sql"),
        (Status::Skipped, Some(false)) => passes("its .verify.sql has no statement"),
        (Status::Skipped, _) => {
            fails("confiture did not run its .verify.sql, which has a statement")
        }
        (Status::Other(word), _) => fails(&format!("unknown verdict `{word}`")),
    };
    VerifyCheck {
        name: name(version, &result.name, files),
        ok: holds && result.error.is_none(),
        detail: result.error.clone().or(detail),
    }
}

/// `001_create_users`. confiture names only the migrations that have a `.verify.sql`; the names of the others
/// come from their files. Without a name, it is the version alone.
fn name(version: &str, stated: &str, files: Option<&VerifyFiles>) -> String {
    let of_file = files.map_or("", |files| files.name(version));
    let is_stated = !stated.is_empty() && stated != version;
    match if is_stated { stated } else { of_file } {
        "" => version.to_owned(),
        name => format!("{version}_{name}"),
    }
}

#[cfg(test)]
mod tests;
