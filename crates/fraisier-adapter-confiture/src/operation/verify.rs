//! `verify`: whether the `.verify.sql` files of the applied migrations answer true.

use fraisier_adapter_api::{VerifyCheck, VerifyReport};

use crate::failure::{DatabaseState, Failure, Reader};
use crate::operation::Operation;
use crate::operation::reading::{Outputs, Reading, Unread};
use crate::process::Invocation;
use crate::report::{self, Envelope, Status};
use crate::request::Request;
use crate::request::verify_files::VerifyFiles;

/// `migrate verify`.
pub(crate) fn plan(request: &Request) -> Invocation {
    request.migrate("verify", request.migrations_dir().to_vec())
}

/// Reads a `verify` of the migrations that these files belong to.
#[derive(Debug, Clone, Default)]
pub struct Verify {
    /// The `.verify.sql` files; `None` when the migrations directory does not exist here.
    pub files: Option<VerifyFiles>,
}

impl Reading for Verify {
    type Answer = VerifyReport;
    const OPERATION: Operation = Operation::Verify;

    fn read(&self, reader: &Reader<'_>, outputs: &Outputs) -> Result<Self::Answer, Unread> {
        let envelope = match reader.payload::<report::Verify>()? {
            Ok(report) => return Ok(agreed(reader, self.files.as_ref(), report)?),
            Err(envelope) => envelope,
        };
        if reader.tells_of_no_ledger(&envelope) {
            return Ok(nothing_to_examine(NO_LEDGER));
        }
        if may_lack_ledger(reader, &envelope) {
            match outputs.current(Self::OPERATION) {
                Err(Unread::Needs(command)) => return Err(Unread::Needs(command)),
                Ok(None) => return Ok(nothing_to_examine(NO_LEDGER)),
                Ok(Some(_)) | Err(Unread::Failed(_)) => {}
            }
        }
        Err(reader.envelope(&envelope).into())
    }
}

const NO_LEDGER: &str = "the database has no migration ledger";

/// Whether a failure may be that of a release before 0.37.0 that found no ledger: those call it an
/// internal error, as they call everything else they did not expect.
fn may_lack_ledger(reader: &Reader<'_>, envelope: &Envelope) -> bool {
    reader.exited_with(1) && envelope.code.as_deref() == Some("INTERNAL_ERROR")
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
fn agreed(
    reader: &Reader<'_>,
    files: Option<&VerifyFiles>,
    report: report::Verify,
) -> Result<VerifyReport, Failure> {
    // confiture exits with 1 when a check failed, and writes no report at other statuses.
    if !reader.exited_with(0) && !reader.exited_with(1) {
        let what = "it reports on the checks, and fails";
        return Err(reader.contradiction(what, DatabaseState::Untouched));
    }
    if report.ledger_present == Some(false) || report.was_skipped == Some(true) {
        return Ok(nothing_to_examine(NO_LEDGER));
    }
    let stated = report.ok.unwrap_or(true) && report.failed_count == 0 && reader.exited_with(0);
    let verified = report.results.iter();
    let verified = verified.filter(|result| result.status == Status::Verified);
    let counted = verified.count() as u64 == report.verified_count
        && report.results.len() as u64 == report.total_applied;
    let results = report.results.into_iter();
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
                reader.exit()
            )),
        });
    }
    Ok(VerifyReport::new(ok).with_checks(checks))
}

/// The check of one migration: ok without an error, where there was nothing to run or it answered
/// true.
fn check(result: report::Checked, files: Option<&VerifyFiles>) -> VerifyCheck {
    let (holds, detail) = match result.status {
        Status::Verified => (true, None),
        Status::Failed => (false, Some("its query did not answer true".into())),
        Status::NoFile if files.is_none() => {
            let detail = "no migration files were at hand, so nothing was run";
            (true, Some(detail.into()))
        }
        Status::NoFile => (true, Some("it has no .verify.sql".into())),
        Status::Skipped if files.is_none_or(|it| it.has_statement(&result.version)) => {
            let detail = "confiture did not run its .verify.sql, which has a statement";
            (false, Some(detail.into()))
        }
        Status::Skipped => (true, Some("its .verify.sql has no statement".into())),
        Status::Other(word) => (false, Some(format!("unknown verdict `{word}`"))),
    };
    VerifyCheck {
        name: name(&result.version, &result.name, files),
        ok: holds && result.error.is_none(),
        detail: result.error.or(detail),
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
