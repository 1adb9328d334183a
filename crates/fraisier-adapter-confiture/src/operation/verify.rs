//! `verify`: do the `.verify.sql` files of what is applied answer true?

use fraisier_adapter_api::{AdapterError, VerifyCheck, VerifyReport};

use super::current::NO_LEDGER;
use super::judge::Judge;
use crate::failure::{Operation, State};
use crate::invocation::Invocation;
use crate::outcome::{Exit, Finished};
use crate::redact::Redactor;
use crate::report::{Payload, Status, Verify, read};
use crate::session::Session;

/// `migrate verify`.
pub(crate) fn plan(session: &Session) -> Invocation {
    session.migrate("verify", session.migrations_dir().to_vec())
}

pub(crate) fn decode(
    finished: &Finished,
    redactor: &Redactor,
) -> Result<VerifyReport, AdapterError> {
    let judge = Judge {
        operation: Operation::Verify,
        finished,
        redactor,
    };
    match read::<Verify>(finished.report.as_deref()) {
        Payload::Nothing => Err(judge.unreported()),
        Payload::Unreadable(why) => Err(judge.unreadable(&why)),
        Payload::Envelope(envelope)
            if envelope.code.as_deref() == Some(NO_LEDGER) && judge.exited_with(2) =>
        {
            Ok(nothing_to_examine("the database has no migration ledger"))
        }
        Payload::Envelope(envelope) => Err(judge.envelope(&envelope)),
        Payload::Report(report) => of_report(&judge, report),
    }
}

/// Whether a failure may be that of a release before 0.37.0 that found no ledger: those call it an
/// internal error, as they call everything else they did not expect.
pub(crate) fn may_lack_ledger(finished: &Finished) -> bool {
    finished.exit == Exit::Code(1)
        && matches!(
            read::<Verify>(finished.report.as_deref()),
            Payload::Envelope(envelope) if envelope.code.as_deref() == Some("INTERNAL_ERROR")
        )
}

/// The report on a database in which there is nothing to verify: not ok, and not failed either.
pub(crate) fn nothing_to_examine(why: &str) -> VerifyReport {
    let check = VerifyCheck {
        name: "ledger".into(),
        ok: false,
        detail: Some(format!("{why}, so nothing was verified")),
    };
    VerifyReport::new(false)
        .with_skipped(true)
        .with_checks(vec![check])
}

fn of_report(judge: &Judge<'_>, report: Verify) -> Result<VerifyReport, AdapterError> {
    // 1 is the status of "some failed"; any other has no place beside a report.
    if !judge.exited_with(0) && !judge.exited_with(1) {
        return Err(judge.contradiction("it reports on the checks, and fails", State::Untouched));
    }
    if report.ledger_present == Some(false) || report.was_skipped == Some(true) {
        return Ok(nothing_to_examine("the database has no migration ledger"));
    }
    let stated = report.ok.unwrap_or(true) && report.failed_count == 0 && judge.exited_with(0);
    let verified = report
        .results
        .iter()
        .filter(|result| result.status == Status::Verified);
    let counted = verified.count() as u64 == report.verified_count
        && report.results.len() as u64 == report.total_applied;
    let mut checks: Vec<VerifyCheck> = report
        .results
        .into_iter()
        .map(|result| {
            let (ok, detail) = match result.status {
                Status::Verified => (result.error.is_none(), None),
                Status::Failed => (false, Some("its query did not answer true".to_owned())),
                Status::NoFile => (result.error.is_none(), Some("it has no .verify.sql".into())),
                Status::Skipped => (
                    result.error.is_none(),
                    Some("its .verify.sql has no statement".into()),
                ),
                Status::Other(word) => (false, Some(format!("unknown verdict `{word}`"))),
            };
            let detail = result.error.or(detail);
            VerifyCheck {
                name: judge
                    .redactor
                    .identifier(&name(&result.version, &result.name))
                    .into_owned(),
                ok,
                detail: detail.map(|text| judge.redactor.string(text)),
            }
        })
        .collect();
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
                judge.exit()
            )),
        });
    }
    Ok(VerifyReport::new(ok).with_checks(checks))
}

/// `001_create_users`; the version alone when confiture does not know the name.
fn name(version: &str, name: &str) -> String {
    if name.is_empty() || name == version {
        version.to_owned()
    } else {
        format!("{version}_{name}")
    }
}
