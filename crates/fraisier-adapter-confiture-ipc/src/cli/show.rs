//! Answers of the adapter, readable.

use fraisier_adapter_api::{
    AdapterDescription, ChangeSet, MigrationOutcome, PreflightIssue, PreflightReport, Revision,
    RiskTier, Severity, VerifyReport,
};
use fraisier_adapter_confiture::ConfitureVersion;
use fraisier_adapter_confiture::capability::FLOORS;

use crate::exit::Status;
use crate::page::{BAD, DOUBT, FAINT, GOOD, Page};

/// The answer to a method, from the JSON that the engine would get.
pub(super) fn result(method: &str, json: &str) -> serde_json::Result<(Status, Page)> {
    let mut page = Page::default();
    let status = match method {
        "describe" => description(&mut page, &serde_json::from_str(json)?),
        "current_revision" => current(&mut page, serde_json::from_str(json)?),
        "applied_revisions" => applied(&mut page, serde_json::from_str(json)?),
        "preflight" => preflight(&mut page, &serde_json::from_str(json)?),
        "verify" => verify(&mut page, &serde_json::from_str(json)?),
        _ => outcome(&mut page, &serde_json::from_str(json)?),
    };
    Ok((status, page))
}

/// What each capability is.
pub(super) const IN_WORDS: &[(&str, &str)] = &[
    ("current_revision", "name the current revision"),
    ("up", "apply migrations"),
    ("down_to", "roll back to a revision"),
    ("verify", "run the checks of applied migrations"),
    ("preflight", "check migrations before they are applied"),
    ("window_safe", "say whether old code may run meanwhile"),
    ("risk_tier", "grade the risk of each change"),
    ("deep_classification", "recognise every class of statement"),
    ("no_op_report", "report that there was nothing to apply"),
    (
        "locked_rollback",
        "plan a rollback under the migration lock",
    ),
    ("allow_destructive", "refuse a migration that destroys data"),
    ("pending_scope", "find out by itself what is pending"),
];

fn description(page: &mut Page, description: &AdapterDescription) -> Status {
    let in_words = |name: &str| match IN_WORDS.iter().find(|it| it.0 == name) {
        Some((_, words)) => format!("{words} ({name})"),
        None => name.to_owned(),
    };
    page.row(GOOD, &description.name, description.version.as_str());
    for name in &description.capabilities {
        page.under(2, format!("can {}", in_words(name)));
    }
    // Not all of this has a name that `describe` advertises.
    let version = ConfitureVersion::parse(&description.version);
    for floor in FLOORS.iter().filter(|it| !it.need.is_met_by(&version)) {
        let need = in_words(floor.need.as_str());
        page.under(2, format!("cannot {need}: needs {}", floor.release()));
    }
    Status::Done
}

fn current(page: &mut Page, revision: Option<Revision>) -> Status {
    match revision {
        Some(revision) => page.row(GOOD, "at", revision.0),
        None => page.row(
            DOUBT,
            "no revision:",
            "nothing was ever applied here, or the role does not see the ledger; `doctor` tells which",
        ),
    }
    Status::Done
}

fn applied(page: &mut Page, revisions: Vec<Revision>) -> Status {
    let mut revisions = revisions.into_iter();
    let status = current(page, revisions.next());
    revisions.for_each(|revision| page.under(3, revision.0));
    status
}

fn preflight(page: &mut Page, report: &PreflightReport) -> Status {
    let is_error = |issue: &&PreflightIssue| issue.severity == Severity::Error;
    let found = match report.issues.iter().filter(is_error).count() {
        _ if report.ok => "no errors".to_owned(),
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    let status = verdict(page, report.ok, found);
    let (style, window) = match report.window_safe {
        Some(true) => (GOOD, "old code may run on while it applies"),
        Some(false) => (BAD, "old code must not run while it applies"),
        None => (DOUBT, "no verdict, so a gate that asks for one refuses"),
    };
    page.row(style, "window", window);
    changes(page, report.change_set.as_ref());
    for issue in &report.issues {
        let (style, label) = match issue.severity {
            Severity::Error => (BAD, "error"),
            Severity::Warning => (DOUBT, "warning"),
            Severity::Info => (FAINT, "info"),
        };
        let migration = issue.migration.as_ref().map(|it| format!("{it}: "));
        let migration = migration.unwrap_or_default();
        let text = format!("{migration}{} [{}]", issue.message, issue.code);
        page.row(style, label, text);
    }
    status
}

fn changes(page: &mut Page, set: Option<&ChangeSet>) {
    let tier = |tier: Option<RiskTier>| tier.map_or("unclassified", RiskTier::as_str);
    let Some(set) = set else {
        let text = "not stated, so a policy that reads them refuses";
        return page.row(DOUBT, "changes", text);
    };
    if set.changes.is_empty() {
        return page.row(GOOD, "changes", "none");
    }
    let worst = tier(set.worst_tier());
    let text = format!("{}, at worst {worst}", set.changes.len());
    page.row(FAINT, "changes", text);
    for change in &set.changes {
        let migration = change.migration.as_deref().unwrap_or("-");
        let (tier, kind, object) = (tier(change.tier), &change.kind, &change.object);
        page.under(2, format!("{migration} {tier}: {kind} {object}"));
    }
}

fn verify(page: &mut Page, report: &VerifyReport) -> Status {
    let skipped = if report.was_skipped {
        ", nothing was examined"
    } else {
        ""
    };
    let failed = report.checks.iter().filter(|check| !check.ok).count();
    let found = match (report.ok, report.checks.len()) {
        (true, 1) => format!("1 check holds{skipped}"),
        (true, all) => format!("{all} checks hold{skipped}"),
        (false, all) => format!("{failed} of {all} checks failed{skipped}"),
    };
    let status = verdict(page, report.ok, found);
    for check in &report.checks {
        let (style, label) = if check.ok {
            (GOOD, "holds")
        } else {
            (BAD, "fails")
        };
        let detail = check.detail.as_ref().map(|it| format!(": {it}"));
        let detail = detail.unwrap_or_default();
        page.row(style, label, format!("{}{detail}", check.name));
    }
    status
}

/// The line with the verdict of a call, and how the program ends with it.
fn verdict(page: &mut Page, ok: bool, found: String) -> Status {
    let (style, label, status) = if ok {
        (GOOD, "ok", Status::Done)
    } else {
        (BAD, "not ok", Status::Refused)
    };
    page.row(style, label, found);
    status
}

fn outcome(page: &mut Page, outcome: &MigrationOutcome) -> Status {
    let name =
        |revision: &Option<Revision>| revision.as_ref().map_or("none".into(), ToString::to_string);
    let applied: Vec<_> = outcome.applied.iter().map(Revision::as_str).collect();
    let colon = if applied.is_empty() { "" } else { ": " };
    let (from, to, applied) = (name(&outcome.from), name(&outcome.to), applied.join(", "));
    page.row(GOOD, "done", format!("{from} -> {to}{colon}{applied}"));
    Status::Done
}
