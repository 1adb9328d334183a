//! The differences in a report.

use std::collections::BTreeSet;

use contract_catalogue::recording::RecordedCall;
use contract_catalogue::tree::Tree;
use serde_json::Value;

use super::document::compare;
use super::wording::{beside, short, text_of};
use crate::change::Change;
use crate::result::Finding;

/// The differences in the report.
pub(super) fn report(before: &RecordedCall, now: &RecordedCall) -> Vec<Finding> {
    let one = |change| vec![Finding::differs(change)];
    match (before.has_report(), now.has_report()) {
        (false, false) => return Vec::new(),
        (true, false) => {
            let shown = before.report_value().map(|report| short(&report));
            let finding = Finding::differs(Change::NoReport);
            return vec![finding.with(shown.unwrap_or_default(), "(no file)")];
        }
        (false, true) => {
            let shown = now.report_text().unwrap_or_default();
            return vec![Finding::differs(Change::NewReport).with("(no file)", beside(&shown))];
        }
        (true, true) => {}
    }
    let (Some(before_report), now_report) = (before.report_value(), now.report_value()) else {
        return Vec::new();
    };
    let Some(now_report) = now_report else {
        let text = now.report_text().unwrap_or_default();
        let finding = Finding::differs(Change::BrokenReport);
        return vec![finding.with(short(&before_report), beside(&text))];
    };
    let code = |report: &Value| report.pointer("/error/code").cloned();
    let (from, to) = (code(&before_report), code(&now_report));
    let mut findings = Vec::new();
    if from != to {
        let text = |code: &Option<Value>| code.as_ref().map(text_of);
        let change = Change::Code {
            from: text(&from),
            to: text(&to),
        };
        findings.push(Finding::differs(change).with(short(&before_report), short(&now_report)));
        if from.is_none() || to.is_none() {
            // One is a report and the other an error: no field has a counterpart.
            return findings;
        }
    }
    findings.extend(issues(&before_report, &now_report));
    // These differences have kinds of their own.
    let shown = |finding: &Finding| {
        matches!(&finding.change, Change::FieldValue { field } if field == "issues[].code")
            || finding.change.field().as_deref() == Some("error.code")
    };
    let fields = compare(&before_report, &now_report);
    findings.extend(fields.into_iter().filter(|finding| !shown(finding)));
    let tree = now
        .report
        .as_ref()
        .map(|raw| serde_json::from_str::<Tree>(raw.get()));
    let doubled = tree.and_then(Result::ok).map(|tree| tree.doubled());
    for field in doubled.unwrap_or_default() {
        findings.extend(one(Change::FieldDoubled { field }));
    }
    findings
}

/// The codes that preflight reports or no longer reports.
fn issues(before: &Value, now: &Value) -> Vec<Finding> {
    let codes = |report: &Value| -> BTreeSet<String> {
        contract_catalogue::expectation::issue_codes(Some(report))
            .into_iter()
            .collect()
    };
    let (before, now) = (codes(before), codes(now));
    let list = |codes: &BTreeSet<String>| {
        let listed: Vec<&str> = codes.iter().map(String::as_str).collect();
        listed.join(", ")
    };
    let gone = before
        .difference(&now)
        .map(|code| Change::IssueGone { code: code.clone() });
    let new = now
        .difference(&before)
        .map(|code| Change::IssueNew { code: code.clone() });
    gone.chain(new)
        .map(|change| Finding::differs(change).with(list(&before), list(&now)))
        .collect()
}
