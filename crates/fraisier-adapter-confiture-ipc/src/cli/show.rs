//! Answers of the adapter, readable.

use fraisier_adapter_api::{
    AdapterDescription, MigrationOutcome, PreflightReport, Revision, Severity, VerifyReport,
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

fn description(page: &mut Page, description: &AdapterDescription) -> Status {
    page.row(GOOD, &description.name, description.version.as_str());
    page.under(2, format!("can {}", description.capabilities.join(", ")));
    // Not all of this has a name that `describe` advertises.
    let version = ConfitureVersion::parse(&description.version);
    for floor in FLOORS.iter().filter(|it| !it.need.is_met_by(&version)) {
        let need = floor.need.as_str();
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
            "nothing was ever applied here, or the role does not see the ledger; `doctor` tells \
             which",
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
    let issues = report.issues.iter();
    let errors = issues.filter(|issue| issue.severity == Severity::Error);
    let status = match errors.count() {
        _ if report.ok => verdict(page, true, "no errors".to_owned()),
        1 => verdict(page, false, "1 error".to_owned()),
        count => verdict(page, false, format!("{count} errors")),
    };
    match report.window_safe {
        Some(true) => page.row(GOOD, "window", "old code may run on while it applies"),
        Some(false) => page.row(BAD, "window", "old code must not run while it applies"),
        None => page.row(
            DOUBT,
            "window",
            "no verdict, so a gate that asks for one refuses",
        ),
    }
    match &report.change_set {
        Some(set) if set.changes.is_empty() => page.row(GOOD, "changes", "none"),
        Some(set) => {
            let worst = set
                .worst_tier()
                .map_or("unclassified".into(), |tier| tier.to_string());
            page.row(
                FAINT,
                "changes",
                format!("{}, at worst {worst}", set.changes.len()),
            );
            for change in &set.changes {
                let tier = change
                    .tier
                    .map_or("unclassified".into(), |tier| tier.to_string());
                let migration = change.migration.as_deref().unwrap_or("-");
                page.under(
                    2,
                    format!("{migration} {tier}: {} {}", change.kind, change.object),
                );
            }
        }
        None => page.row(
            DOUBT,
            "changes",
            "not stated, so a policy that reads them refuses",
        ),
    }
    for issue in &report.issues {
        let (style, label) = match issue.severity {
            Severity::Error => (BAD, "error"),
            Severity::Warning => (DOUBT, "warning"),
            Severity::Info => (FAINT, "info"),
        };
        let migration = issue
            .migration
            .as_deref()
            .map_or_else(String::new, |it| format!("{it}: "));
        page.row(
            style,
            label,
            format!("{migration}{} [{}]", issue.message, issue.code),
        );
    }
    status
}

fn verify(page: &mut Page, report: &VerifyReport) -> Status {
    let skipped = if report.was_skipped {
        ", nothing was examined"
    } else {
        ""
    };
    let failed = report.checks.iter().filter(|check| !check.ok).count();
    let all = report.checks.len();
    let found = match (report.ok, all) {
        (true, 1) => format!("1 check holds{skipped}"),
        (true, _) => format!("{all} checks hold{skipped}"),
        (false, _) => format!("{failed} of {all} checks failed{skipped}"),
    };
    let status = verdict(page, report.ok, found);
    for check in &report.checks {
        let (style, label) = if check.ok {
            (GOOD, "holds")
        } else {
            (BAD, "fails")
        };
        let detail = check.detail.as_deref().map(|it| format!(": {it}"));
        let detail = detail.unwrap_or_default();
        page.row(style, label, format!("{}{detail}", check.name));
    }
    status
}

/// The line with the verdict of a call, and how the program ends with it.
fn verdict(page: &mut Page, ok: bool, found: String) -> Status {
    if ok {
        page.row(GOOD, "ok", found);
        Status::Done
    } else {
        page.row(BAD, "not ok", found);
        Status::Refused
    }
}

fn outcome(page: &mut Page, outcome: &MigrationOutcome) -> Status {
    let revision = |of: &Option<Revision>| of.as_ref().map_or("none".into(), ToString::to_string);
    let (from, to) = (revision(&outcome.from), revision(&outcome.to));
    if outcome.applied.is_empty() {
        page.row(GOOD, "done", format!("{from} -> {to}"));
    } else {
        let applied: Vec<_> = outcome.applied.iter().map(Revision::as_str).collect();
        page.row(
            GOOD,
            "done",
            format!("{from} -> {to}: {}", applied.join(", ")),
        );
    }
    Status::Done
}
