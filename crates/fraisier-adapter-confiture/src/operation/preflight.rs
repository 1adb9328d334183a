//! `preflight`: what the migrations would do, and whether the old program can run beside the new.

use std::io;
use std::path::Path;

use fraisier_adapter_api::{AdapterErrorKind, PreflightIssue, PreflightReport, Severity};

use super::call::{Call, Confiture};
use super::outcome::Outcome;
use super::version;
use crate::failure::Fault;
use crate::guard;
use crate::process::{Arg, Exit, Invocation};
use crate::release::ConfitureVersion;
use crate::release::capability::Need;
use crate::report;
use crate::request::project::{self, Migration, Project};
use crate::request::{Request, option, sql_files};

/// How the codes of confiture's issues begin that deny window safety.
const REPLICA: &str = "PFLIGHT_REPLICA_";

/// The code of the issue that the migrations directory does not exist where `preflight` ran.
pub const NO_MIGRATIONS_AT_HAND: &str = "FRAISIER_NO_MIGRATIONS_AT_HAND";

/// The code of the issue that confiture looked at another number of migrations than there are.
pub const NOT_ALL_CHECKED: &str = "FRAISIER_NOT_ALL_CHECKED";

/// What a preflight is about.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// `None` when the migrations directory does not exist here.
    migrations: Option<Vec<Migration>>,
    /// Whether they are tried on another database.
    against: bool,
}

/// Judges the migrations.
pub(crate) async fn preflight<C: Confiture>(call: &Call<'_, C>) -> Result<PreflightReport, Fault> {
    let about = Preflight {
        migrations: call.request.where_present(Project::readable_migrations)?,
        against: call.request.against()?.is_some(),
    };
    judge(call, &about).await
}

/// Runs the command and interprets its output.
pub(crate) async fn judge<C: Confiture>(
    call: &Call<'_, C>,
    about: &Preflight,
) -> Result<PreflightReport, Fault> {
    let version = call.version().await?;
    let otherwise = AdapterErrorKind::MethodNotSupported;
    version::meets(&version, Need::Preflight, otherwise)?;
    let pending_only = Need::PendingScope.is_met_by(&version);
    let outcome = call.run(command(call.request, pending_only)?).await?;
    interpret(&outcome, about, &version)
}

impl Preflight {
    /// About the migrations of a directory, `against` another database or not.
    ///
    /// # Errors
    ///
    /// Those of reading the directory, such as `NotFound` when it does not exist, or `NotADirectory`
    /// when it is a file.
    pub fn of_directory(migrations: &Path, against: bool) -> io::Result<Self> {
        Ok(Self {
            migrations: Some(project::list(migrations)?),
            against,
        })
    }

    /// The issue that another number of migrations was checked than there are.
    fn not_all_checked(
        &self,
        migrations: &[Migration],
        version: &ConfitureVersion,
        checked: u64,
    ) -> Option<PreflightIssue> {
        let found = migrations.len() as u64;
        // Only pending migrations may have been checked, so that fewer, or none, may be right.
        let pending_only = self.against || Need::PendingScope.is_met_by(version);
        let agree = checked == found || (checked < found && pending_only);
        let message = format!(
            "confiture looked at {checked} migrations, and the directory holds {found}: that \
             it found nothing unsafe says nothing; is `migrations_path` the right directory?"
        );
        (!agree).then(|| warning(NOT_ALL_CHECKED, message))
    }
}

/// `migrate preflight`, by a release that can.
///
/// # Errors
///
/// `InvalidConfig` when the secret `AGAINST_DATABASE_URL` is not a URL whose password can be taken
/// out.
pub(crate) fn command(request: &Request, pending_only: bool) -> Result<Invocation, Fault> {
    let mut args = request.migrations_dir().to_vec();
    if pending_only {
        args.extend([Arg::from("--scope"), Arg::from("pending")]);
    }
    let mut password = None;
    if let Some((url, secret)) = request.against()? {
        args.push(option("--against", url));
        password = secret;
    }
    let mut invocation = request.migrate("preflight", args);
    if let Some(password) = password {
        invocation.env.set("PGPASSWORD", password);
    }
    Ok(invocation)
}

/// The report, with the verdicts that the exit status and the release support.
pub(crate) fn interpret(
    outcome: &Outcome<report::Preflight>,
    about: &Preflight,
    version: &ConfitureVersion,
) -> Result<PreflightReport, Fault> {
    let report = outcome.report()?;
    if matches!(outcome.output.exit, Exit::Signal(_)) {
        return Err(outcome.harmless_contradiction("it has a report, and was killed"));
    }
    let mut issues: Vec<PreflightIssue> = report.issues.iter().map(|it| it.0.clone()).collect();
    let found_errors = issues.iter().any(|issue| issue.severity == Severity::Error);
    let mut ok = report.ok && !found_errors && report.summary.errors == 0 && outcome.exited_with(0);
    let denied = issues.iter().any(|issue| issue.code.starts_with(REPLICA));
    let mut window_safe = match report.window_safe {
        Some(true) if denied => Some(false),
        Some(true) if !outcome.exited_with(0) && !outcome.exited_with(7) => None,
        stated => stated,
    };
    // No recording shows what the field would mean below the floor.
    if !Need::WindowSafe.is_met_by(version) {
        window_safe = None;
    }
    let mut change_set = report.change_set.as_ref().map(|it| it.0.clone());
    if let Some(migrations) = &about.migrations {
        let checked = report.summary.migrations_checked;
        if let Some(issue) = about.not_all_checked(migrations, version, checked) {
            issues.push(issue);
            (ok, change_set) = (false, None);
            window_safe = window_safe.filter(|safe| !safe);
        } else if window_safe == Some(true) && !Need::DeepClassification.is_met_by(version) {
            let doubts = guard::doubts(version, migrations);
            window_safe = doubts.is_empty().then_some(true);
            issues.extend(doubts);
        }
        let surprises = sql_files::surprises(migrations).into_iter();
        issues.extend(surprises.map(|(code, what)| warning(code, what)));
    } else {
        // confiture looked at nothing.
        (window_safe, change_set) = (None, None);
        let message = "the migrations directory does not exist where this was asked, so nothing \
                       was looked at and there is no verdict; ask where the migrations are";
        issues.push(warning(NO_MIGRATIONS_AT_HAND, message));
    }
    let mut result = PreflightReport::new(ok).with_issues(issues);
    result.window_safe = window_safe;
    result.change_set = change_set;
    Ok(result)
}

fn warning(code: &str, message: impl Into<String>) -> PreflightIssue {
    PreflightIssue {
        severity: Severity::Warning,
        code: code.into(),
        message: message.into(),
        migration: None,
    }
}

/// Why the adapter withheld the verdict on window safety, in one line; `None` when it did not.
///
/// ```
/// use fraisier_adapter_api::PreflightReport;
/// use fraisier_adapter_confiture::why_withheld;
///
/// // confiture gave no verdict either: the adapter withheld nothing.
/// assert_eq!(why_withheld(&PreflightReport::new(true)), None);
/// ```
#[must_use]
pub fn why_withheld(report: &PreflightReport) -> Option<String> {
    const OURS: [&str; 3] = [
        NO_MIGRATIONS_AT_HAND,
        NOT_ALL_CHECKED,
        guard::WINDOW_SAFE_UNPROVEN,
    ];
    let ours = |issue: &&PreflightIssue| OURS.contains(&issue.code.as_str());
    let mut reasons = report.issues.iter().filter(ours);
    let first = reasons.next().filter(|_| report.window_safe.is_none())?;
    let line = first
        .message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    Some(match reasons.count() {
        0 => line,
        more => format!("{line} (and {more} more)"),
    })
}

#[cfg(test)]
mod tests;
