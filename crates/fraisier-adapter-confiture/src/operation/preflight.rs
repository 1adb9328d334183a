//! `preflight`: what the migrations would do, and whether the old program can run beside the new.

use std::io;
use std::path::Path;

use fraisier_adapter_api::{PreflightIssue, PreflightReport, Severity};

use super::outcome::Outcome;
use super::up::no_migrations;
use super::{Call, describe};
use crate::failure::Result;
use crate::guard;
use crate::ledger::{self, Overview};
use crate::process::{Arg, Exit, Invocation};
use crate::release::ConfitureVersion;
use crate::release::capability::Need;
use crate::report;
use crate::request::project::{self, Migration, Project};
use crate::request::{Request, option, sql_files};

/// The prefix of the codes of confiture's issues that deny window safety.
const REPLICA: &str = "PFLIGHT_REPLICA_";

/// The code of the issue that the migrations directory does not exist where `preflight` ran.
pub const NO_MIGRATIONS_AT_HAND: &str = "FRAISIER_NO_MIGRATIONS_AT_HAND";

/// The code of the issue that confiture did not look at as many migrations as there are.
pub const NOT_ALL_CHECKED: &str = "FRAISIER_NOT_ALL_CHECKED";

/// The code of the issue that applied migrations were judged too, because the ledger was not read.
pub const APPLIED_ALSO_JUDGED: &str = "FRAISIER_APPLIED_ALSO_JUDGED";

/// The code of the issue that an applied migration was judged too, because its file has changed.
pub const APPLIED_FILE_CHANGED: &str = "FRAISIER_APPLIED_FILE_CHANGED";

/// The code of the issue that the `search_path` shows no applied migration, and that another schema of the
/// database has a ledger. A wrong `search_path` looks like this, and so does the first deploy to one of
/// several schemas.
pub const LEDGER_ELSEWHERE: &str = "FRAISIER_LEDGER_ELSEWHERE";

/// What a preflight is about.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// `None` when the migrations directory does not exist here.
    migrations: Option<Vec<Migration>>,
    /// Whether they are tried on another database.
    against: bool,
    /// Which of them are judged, or why that is not known; `None` when the ledger was not read.
    selection: Option<Result<Selection, String>>,
}

/// Judges the pending migrations, or all of them where the ledger is not known.
pub(crate) async fn preflight(call: &Call<'_>) -> Result<PreflightReport> {
    let mut about = Preflight {
        migrations: call.request.where_present(Project::readable_migrations)?,
        against: call.request.against()?.is_some(),
        selection: None,
    };
    if let Some(migrations) = &about.migrations
        && call.request.config.pending_only
    {
        supported(call).await?;
        let directory = call.request.project.migrations_arg();
        let found = ledger::overview(call, &directory).await;
        let selection = found.map(|found| select(migrations, found));
        about.selection = Some(selection.map_err(|why| why.to_string()));
    }
    judge(call, &about).await
}

/// The release, which has to have the command.
async fn supported(call: &Call<'_>) -> Result<ConfitureVersion> {
    let version = call.version().await?;
    describe::require(&version, Need::Preflight)?;
    Ok(version)
}

/// The migrations of a directory that are judged, and what the ledger says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Selection {
    judged: Vec<Migration>,
    /// How many of them are in the ledger.
    in_ledger: usize,
    /// How many rows the ledger has.
    rows: usize,
    /// The schemas with a ledger that the `search_path` does not show.
    other_ledgers: Vec<String>,
    /// The versions of the judged migrations whose files differ from what was applied, as far as is known.
    changed: Vec<String>,
}

/// Selects every migration, except those that are applied, are the only ones of their version, and whose file
/// has the checksum of the ledger.
fn select(migrations: &[Migration], found: Overview) -> Selection {
    let mut selection = Selection {
        rows: found.ledger.rows.len(),
        other_ledgers: found.others,
        ..Selection::default()
    };
    for migration in migrations {
        let version = &migration.version;
        if let Some(row) = found.ledger.row(version) {
            let name = migration.path.file_name().and_then(|name| name.to_str());
            let digest = name.and_then(|name| found.digests.get(name));
            let is_unchanged = digest.is_some() && digest == row.checksum.as_ref();
            // confiture refuses two migrations of one version, so it has to see both.
            let of_version = migrations.iter().filter(|it| it.version == *version);
            let is_alone = of_version.count() == 1;
            if is_alone && is_unchanged {
                continue;
            }
            if is_alone {
                selection.changed.push(version.clone());
            }
            selection.in_ledger += 1;
        }
        selection.judged.push(migration.clone());
    }
    selection
}

/// Runs the command and interprets its output.
pub(crate) async fn judge(call: &Call<'_>, about: &Preflight) -> Result<PreflightReport> {
    let version = supported(call).await?;
    let (invocation, scoped) = about.command(call.request, &version)?;
    let outcome = call.run(invocation).await?;
    interpret(&outcome, about, &version, scoped)
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
            selection: None,
        })
    }

    fn selected(&self) -> Option<&Selection> {
        self.selection.as_ref()?.as_ref().ok()
    }

    /// `migrate preflight`, by a release that can, and whether it finds out by itself what is pending.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` when the secret `AGAINST_DATABASE_URL` is not a URL whose password can be taken
    /// out.
    fn command(&self, request: &Request, version: &ConfitureVersion) -> Result<(Invocation, bool)> {
        let selection = self.selected();
        let scoped = request.config.pending_only
            && Need::PendingScope.is_met_by(version)
            && selection.is_none_or(|it| it.in_ledger == 0);
        let count = self.migrations.as_ref().map_or(0, Vec::len);
        let mut args = match selection {
            Some(selection) if !scoped && selection.judged.len() < count => {
                let judged = selection.judged.iter();
                let versions: Vec<_> = judged.map(|it| it.version.clone()).collect();
                let links = Arg::Links(request.project.links(&versions)?);
                vec![Arg::from("--migrations-dir"), links]
            }
            _ => request.migrations_dir().to_vec(),
        };
        if scoped {
            args.extend([Arg::from("--scope"), Arg::from("pending")]);
        }
        let against = request.against()?;
        args.extend(against.iter().map(|(url, _)| option("--against", url)));
        let mut invocation = request.migrate("preflight", args);
        if let Some((_, Some(password))) = against {
            invocation.env.set("PGPASSWORD", password);
        }
        Ok((invocation, scoped))
    }

    /// The issue that confiture did not check as many migrations as there are, or that the directory contains
    /// none although some are applied.
    fn not_all_checked(
        &self,
        migrations: &[Migration],
        scoped: bool,
        checked: u64,
    ) -> Option<PreflightIssue> {
        let rows = self.selected().map_or(0, |it| it.rows);
        if migrations.is_empty() && rows > 0 {
            return Some(warning(NOT_ALL_CHECKED, no_migrations(rows)));
        }
        let (found, may_be_fewer) = match self.selected() {
            // On the other database confiture tries only what the ledger does not have.
            Some(selection) if self.against => {
                (selection.judged.len() - selection.in_ledger, false)
            }
            Some(selection) => (selection.judged.len(), false),
            // Only pending migrations may have been checked, so that fewer, or none, may be right.
            None => (migrations.len(), self.against || scoped),
        };
        let found = found as u64;
        let message = format!(
            "confiture looked at {checked} migrations, and there are {found} to look at: that it found \
             nothing unsafe says nothing; is `migrations_path` the right directory?"
        );
        let agree = checked == found || checked < found && may_be_fewer;
        (!agree).then(|| warning(NOT_ALL_CHECKED, message))
    }

    /// The warnings that follow from the ledger: applied migrations are judged too, or another schema has a
    /// ledger.
    fn ledger_warnings(&self, scoped: bool) -> Vec<PreflightIssue> {
        const CHANGED: &str = "it is applied, and its file does not have the checksum that the ledger has \
                               of it, so it is judged like a pending one; from confiture 0.48.0 on, `up` \
                               refuses to run until the file is as it was applied";
        let selection = match &self.selection {
            Some(Ok(selection)) => selection,
            Some(Err(why)) if !scoped => {
                let message = format!(
                    "the ledger was not read, so applied migrations are judged like pending ones: {why}"
                );
                return vec![warning(APPLIED_ALSO_JUDGED, message)];
            }
            _ => return Vec::new(),
        };
        let changed = |version| warning(APPLIED_FILE_CHANGED, CHANGED).with_migration(version);
        let mut issues: Vec<_> = selection.changed.iter().map(changed).collect();
        let schemas = selection.other_ledgers.join(", ");
        if selection.rows == 0 && !schemas.is_empty() {
            let message = format!(
                "no migration is applied in the ledger that the search_path shows, and these schemas have \
                 a ledger, too: {schemas}; if it is the ledger of this project, `up` applies everything \
                 again: correct the search_path of the role"
            );
            issues.push(warning(LEDGER_ELSEWHERE, message));
        }
        issues
    }
}

/// The report, with the verdicts that the exit status and the release support.
pub(crate) fn interpret(
    outcome: &Outcome<report::Preflight>,
    about: &Preflight,
    version: &ConfitureVersion,
    scoped: bool,
) -> Result<PreflightReport> {
    let report = outcome.report()?;
    if matches!(outcome.output.exit, Exit::Signal(_)) {
        return Err(outcome.contradiction("it has a report, and was killed"));
    }
    let mut issues: Vec<PreflightIssue> = report.issues.iter().map(|it| it.0.clone()).collect();
    let found_errors = issues.iter().any(|issue| issue.severity == Severity::Error);
    let mut ok = report.ok && !found_errors && report.summary.errors == 0 && outcome.exited_with(0);
    let denied = issues.iter().any(|issue| issue.code.starts_with(REPLICA));
    // No recording shows what the field would mean below the minimum version.
    let has_field = Need::WindowSafe.is_met_by(version);
    let mut window_safe = match report.window_safe.filter(|_| has_field) {
        Some(true) if denied => Some(false),
        Some(true) if !outcome.exited_with(0) && !outcome.exited_with(7) => None,
        stated => stated,
    };
    let mut change_set = report.change_set.as_ref().map(|it| it.0.clone());
    if let Some(migrations) = &about.migrations {
        let checked = report.summary.migrations_checked;
        if let Some(issue) = about.not_all_checked(migrations, scoped, checked) {
            issues.push(issue);
            (ok, change_set) = (false, None);
            window_safe = window_safe.filter(|safe| !safe);
        } else if window_safe == Some(true) && !Need::DeepClassification.is_met_by(version) {
            let judged = about.selected().map_or(migrations, |it| &it.judged);
            let doubts = guard::doubts(version, judged);
            window_safe = doubts.is_empty().then_some(true);
            issues.extend(doubts);
        }
        let surprises = sql_files::surprises(migrations).into_iter();
        issues.extend(surprises.map(|(code, what)| warning(code, what)));
        issues.extend(about.ledger_warnings(scoped));
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
    PreflightIssue::new(Severity::Warning, code, message)
}

/// Why the adapter withheld the verdict on window safety, in one line; `None` when it did not.
///
/// ```
/// use fraisier_adapter_api::{PreflightIssue, PreflightReport, Severity};
/// use fraisier_adapter_confiture::{NOT_ALL_CHECKED, why_withheld};
///
/// // confiture gave no verdict either: the adapter withheld nothing.
/// let report = PreflightReport::new(true);
/// assert_eq!(why_withheld(&report), None);
///
/// let issue = PreflightIssue::new(Severity::Error, NOT_ALL_CHECKED, "003 was not checked");
/// assert_eq!(why_withheld(&report.with_issues(vec![issue])).unwrap(), "003 was not checked");
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
    let words: Vec<&str> = first.message.split_whitespace().collect();
    let line = words.join(" ");
    Some(match reasons.count() {
        0 => line,
        more => format!("{line} (and {more} more)"),
    })
}

#[cfg(test)]
mod tests;
