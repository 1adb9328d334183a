//! `verify`: whether the `.verify.sql` files of the applied migrations return true.

use std::collections::BTreeSet;

use fraisier_adapter_api::{VerifyCheck, VerifyReport};

use super::Call;
use super::outcome::Outcome;
use crate::failure::Fault;
use crate::process::Invocation;
use crate::report::{self, Envelope, Status};
use crate::request::Request;
use crate::request::project::Project;
use crate::request::sql_files::VerifyFiles;

const NO_LEDGER: &str = "the database has no migration ledger";

/// Checks the applied migrations.
pub(crate) async fn verify(call: &Call<'_>) -> Result<VerifyReport, Fault> {
    let files = call.request.where_present(Project::verify_files)?;
    check_files(call, files.as_ref()).await
}

/// Runs the command and interprets its output. The files are `None` where the migrations directory does
/// not exist.
pub(crate) async fn check_files(
    call: &Call<'_>,
    files: Option<&VerifyFiles>,
) -> Result<VerifyReport, Fault> {
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
    let check = VerifyCheck {
        name: "ledger".into(),
        ok: false,
        detail: Some(format!("{why}, so nothing was verified")),
    };
    VerifyReport::new(false)
        .with_skipped(true)
        .with_checks(vec![check])
}

/// The verdict, when counts, results and exit status agree with it.
pub(crate) fn interpret(
    outcome: &Outcome<report::Verify>,
    files: Option<&VerifyFiles>,
) -> Result<VerifyReport, Fault> {
    let report = match outcome.payload()? {
        Ok(report) => report,
        Err(envelope) if outcome.lacks_ledger(envelope) => {
            return Ok(nothing_to_examine(NO_LEDGER));
        }
        Err(envelope) => return Err(outcome.envelope(envelope)),
    };
    // confiture exits with 1 when a check failed, and writes no report at other statuses.
    if !outcome.exited_with(0) && !outcome.exited_with(1) {
        return Err(outcome.harmless_contradiction("it reports on the checks, and fails"));
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
        checks.push(VerifyCheck {
            name: "agreement".into(),
            ok: false,
            detail: Some(format!(
                "confiture's verdict, its counts, its results and its {} do not agree",
                outcome.exit()
            )),
        });
    }
    Ok(VerifyReport::new(ok).with_checks(checks))
}

/// Whether every count is that of the results, and each version is there once.
fn counts_agree(report: &report::Verify) -> bool {
    let count = |is_counted: fn(&Status) -> bool| {
        let statuses = report.results.iter().map(|result| &result.status);
        statuses.filter(|status| is_counted(status)).count() as u64
    };
    let versions: BTreeSet<&str> = report
        .results
        .iter()
        .map(|it| it.version.as_str())
        .collect();
    report.verified_count == count(|status| *status == Status::Verified)
        && report.skipped_count
            == count(|status| matches!(status, Status::NoFile | Status::Skipped))
        && report.total_applied == report.results.len() as u64
        && versions.len() == report.results.len()
}

/// Whether a migration can have this version: it is the part of a file name before the first `_`.
/// confiture reports `b'002'` where the database returns bytes, and finds no file for it.
fn can_be_version(version: &str) -> bool {
    let is_part = |c: char| !c.is_control() && !c.is_whitespace() && !"/_'\"".contains(c);
    !version.is_empty() && version.chars().all(is_part)
}

/// The check of one migration: ok without an error, where there was nothing to run or it answered
/// true.
fn check(result: &report::Checked, files: Option<&VerifyFiles>) -> VerifyCheck {
    let version = &result.version;
    let (holds, detail) = match &result.status {
        _ if !can_be_version(version) => {
            let detail = "no migration can have this version, so confiture found no file of it";
            (false, Some(detail.into()))
        }
        _ if files.is_some_and(|it| it.is_ambiguous(version)) => {
            let detail = "it has more than one .verify.sql, and confiture ran only one";
            (false, Some(detail.into()))
        }
        Status::Verified if result.actual_value == Some(false) => {
            (false, Some("its query returned false".into()))
        }
        Status::Verified => (true, None),
        Status::Failed => (false, Some("its query did not answer true".into())),
        Status::NoFile if files.is_none() => {
            let detail = "no migration files were at hand, so nothing was run";
            (true, Some(detail.into()))
        }
        Status::NoFile if files.is_some_and(|it| it.has_statement(version)) => {
            let detail = "confiture found no .verify.sql, and there is one with a statement";
            (false, Some(detail.into()))
        }
        Status::NoFile => (true, Some("it has no .verify.sql".into())),
        Status::Skipped if files.is_none_or(|it| it.has_statement(version)) => {
            let detail = "confiture did not run its .verify.sql, which has a statement";
            (false, Some(detail.into()))
        }
        Status::Skipped => (true, Some("its .verify.sql has no statement".into())),
        Status::Other(word) => (false, Some(format!("unknown verdict `{word}`"))),
    };
    VerifyCheck {
        name: name(&result.version, &result.name, files),
        ok: holds && result.error.is_none(),
        detail: result.error.clone().or(detail),
    }
}

/// `001_create_users`: confiture names only what has a `.verify.sql`, the files name the others. The
/// version alone when neither does.
fn name(version: &str, name: &str, files: Option<&VerifyFiles>) -> String {
    let name = if name.is_empty() || name == version {
        files.map_or("", |files| files.name(version))
    } else {
        name
    };
    if name.is_empty() {
        version.to_owned()
    } else {
        format!("{version}_{name}")
    }
}

#[cfg(test)]
mod tests;
