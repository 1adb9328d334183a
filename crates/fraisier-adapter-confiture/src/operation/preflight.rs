//! `preflight`: what would the migrations do, and may the old version run beside the new?

use std::borrow::Cow;

use fraisier_adapter_api::{
    AdapterError, AdapterErrorKind, PreflightIssue, PreflightReport, Severity,
};

use super::judge::Judge;
use super::version::{unmet, upgrade};
use crate::capability::Need;
use crate::failure::{Failure, Operation, State};
use crate::guard::{self, Source};
use crate::invocation::{Arg, Invocation};
use crate::outcome::{Exit, Finished};
use crate::redact::Redactor;
use crate::report::{Payload, Preflight, read};
use crate::session::{Session, option};
use crate::version::ConfitureVersion;

const OPERATION: Operation = Operation::Preflight;

/// Issues of confiture's that deny window-safety.
const REPLICA: &str = "PFLIGHT_REPLICA_";

/// The issue that no migration was looked at.
pub const NOTHING_CHECKED: &str = "FRAISIER_NOTHING_CHECKED";

/// What a `preflight` was asked, as far as its outcome depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreflightRequest {
    /// The release that answers.
    pub version: ConfitureVersion,
    /// Whether only pending migrations were looked at, so that none may be right.
    pub pending_only: bool,
    /// The migrations, for a release whose `window_safe` has to be checked; empty otherwise.
    pub sources: Vec<Source>,
}

impl PreflightRequest {
    /// A look at these migrations by this release.
    #[must_use]
    pub fn new(version: ConfitureVersion, sources: Vec<Source>) -> Self {
        Self {
            pending_only: Need::PendingScope.is_met_by(&version),
            version,
            sources,
        }
    }
}

/// `migrate preflight`, by a release that can.
///
/// # Errors
///
/// `MethodNotSupported` below the floor, and `InvalidConfig` when the secret
/// `AGAINST_DATABASE_URL` is not a URL whose password can be taken out.
pub(crate) fn plan(
    session: &Session,
    version: &ConfitureVersion,
) -> Result<Invocation, AdapterError> {
    if let Some(what) = unmet(Need::Preflight, version) {
        return Err(Failure {
            operation: OPERATION,
            kind: AdapterErrorKind::MethodNotSupported,
            what,
            state: State::Untouched,
            next: upgrade(Need::Preflight),
            evidence: None,
        }
        .into());
    }
    let mut args = session.migrations_dir().to_vec();
    if Need::PendingScope.is_met_by(version) {
        args.extend([Arg::from("--scope"), Arg::from("pending")]);
    }
    let mut password = None;
    if let Some(against) = &session.against {
        let Some((url, secret)) = against.split_password() else {
            return Err(Failure {
                operation: OPERATION,
                kind: AdapterErrorKind::InvalidConfig,
                what: "the secret `AGAINST_DATABASE_URL` goes to confiture as an argument, so its \
                       password has to be taken out, and here it cannot be"
                    .into(),
                state: State::NotStarted,
                next: "make it a URL, not keywords, with `@`, `/` and `?` percent-encoded in the \
                       password, and without `sslpassword`"
                    .into(),
                evidence: None,
            }
            .into());
        };
        args.push(option("--against", url));
        password = secret;
    }
    let mut invocation = session.migrate("preflight", args);
    if let Some(password) = password {
        invocation
            .env
            .set
            .insert("PGPASSWORD".into(), password.into());
    }
    Ok(invocation)
}

pub(crate) fn decode(
    request: &PreflightRequest,
    finished: &Finished,
    redactor: &Redactor,
) -> Result<PreflightReport, AdapterError> {
    let judge = Judge {
        operation: OPERATION,
        finished,
        redactor,
    };
    match read::<Preflight>(finished.report.as_deref()) {
        Payload::Nothing => Err(judge.unreported()),
        Payload::Unreadable(why) => Err(judge.unreadable(&why)),
        Payload::Envelope(envelope) => Err(judge.envelope(&envelope)),
        Payload::Report(_) if matches!(finished.exit, Exit::Signal(_)) => {
            Err(judge.contradiction("it reports, and did not end by itself", State::Untouched))
        }
        Payload::Report(report) => Ok(of_report(&judge, request, report)),
    }
}

fn of_report(judge: &Judge<'_>, request: &PreflightRequest, report: Preflight) -> PreflightReport {
    let mut issues = report.issues;
    let found_errors = issues.iter().any(|issue| issue.severity == Severity::Error);
    let ok = report.ok && !found_errors && report.summary.errors == 0 && judge.exited_with(0);
    let denied = issues.iter().any(|issue| issue.code.starts_with(REPLICA));
    let mut window_safe = match report.window_safe {
        Some(true) if denied => Some(false),
        Some(true) if !judge.exited_with(0) && !judge.exited_with(7) => None,
        stated => stated,
    };
    // Below the floor nothing vouches for the field, should it be there.
    if !Need::WindowSafe.is_met_by(&request.version) {
        window_safe = None;
    }
    if window_safe == Some(true) {
        let doubts = doubts(request, report.summary.migrations_checked);
        if !doubts.is_empty() {
            window_safe = None;
            issues.extend(doubts);
        }
    }
    for issue in &mut issues {
        clean(&mut issue.message, judge.redactor);
        clean(&mut issue.code, judge.redactor);
        clean_name(&mut issue.migration, judge.redactor);
    }
    let mut change_set = report.change_set;
    for change in change_set.iter_mut().flat_map(|set| &mut set.changes) {
        clean(&mut change.kind, judge.redactor);
        clean(&mut change.object, judge.redactor);
        clean_name(&mut change.migration, judge.redactor);
        if let Some(detail) = &mut change.detail {
            clean(detail, judge.redactor);
        }
    }
    let mut result = PreflightReport::new(ok).with_issues(issues);
    result.window_safe = window_safe;
    result.change_set = change_set;
    result
}

/// Why a stated `window_safe: true` is not passed on.
fn doubts(request: &PreflightRequest, checked: u64) -> Vec<PreflightIssue> {
    if checked == 0 && !request.pending_only {
        return vec![PreflightIssue {
            severity: Severity::Warning,
            code: NOTHING_CHECKED.into(),
            message: "confiture looked at no migration, so that it found nothing unsafe says \
                      nothing; is `migrations_path` the right directory?"
                .into(),
            migration: None,
        }];
    }
    if Need::DeepClassification.is_met_by(&request.version) {
        return Vec::new();
    }
    guard::doubts(&request.version, &request.sources, checked)
}

fn clean(text: &mut String, redactor: &Redactor) {
    if let Cow::Owned(masked) = redactor.text(text) {
        *text = masked;
    }
}

fn clean_name(name: &mut Option<String>, redactor: &Redactor) {
    if let Some(Cow::Owned(masked)) = name.as_deref().map(|name| redactor.identifier(name)) {
        *name = Some(masked);
    }
}
