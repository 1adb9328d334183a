//! What must be true of a recording. It can also be checked on a release that is not recorded yet.

use std::fmt;

use fraisier_adapter_api::AdapterErrorKind;
use fraisier_adapter_confiture::tools::ledger;
use serde::Deserialize;
use serde_json::Value;

use crate::recording::{Recording, State};
use crate::release::Release;
use crate::surface::ExitCodes;

/// What the adapter must return in the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A result, which the snapshot beside the recording shows.
    Result,
    /// An error of this kind.
    Error(AdapterErrorKind),
    /// An error of this kind before the recorded command was started.
    Refused(AdapterErrorKind),
}

/// One thing that must be true.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The exit status of the call.
    Exit(i32),
    /// Every call exits with a status that confiture documents: 0 to 8.
    DocumentedExits,
    /// `--exit-codes-json` documents these classes, one for each status from 0 on.
    ExitClasses(Vec<String>),
    /// `--exit-codes-json` lists this code under this status.
    ListedUnder(i32, String),
    /// No report was written.
    NoReport,
    /// The report has this value at this JSON pointer.
    Report(String, Value),
    /// The report has `null` at this JSON pointer.
    ReportNull(String),
    /// The report has something at this JSON pointer.
    ReportHas(String),
    /// The report has nothing at this JSON pointer.
    ReportLacks(String),
    /// The error in the report has this code.
    Code(String),
    /// The preflight report has an issue with this code.
    Issue(String),
    /// The preflight report has no issue with this code.
    NoIssue(String),
    /// Every code of the preflight report begins with `PFLIGHT_`, and beside `window_safe: true` none
    /// begins with `PFLIGHT_REPLICA_`.
    IssueNamespace,
    /// The ledger as the adapter reads it has these versions, in the order of its rows.
    Ledger(Vec<String>),
    /// A line of standard output contains this.
    Prints(String),
    /// No line of standard output contains this.
    DoesNotPrint(String),
    /// The latest applied version afterwards.
    Revision(String),
    /// No version is applied afterwards.
    NoRevision,
    /// The database has this table afterwards.
    Table(String),
    /// The database lacks this table afterwards.
    NoTable(String),
    /// Revision and tables are unchanged, except for confiture's own tables.
    Untouched,
    /// What the adapter returns.
    #[serde(untagged)]
    Adapter(Expected),
}

/// A fact and the releases it holds for.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The first release it holds for.
    pub from: Option<Release>,
    /// The first release it no longer holds for.
    pub below: Option<Release>,
    /// What must be true.
    pub fact: Fact,
}

impl Expectation {
    /// True on every release.
    pub fn always(fact: Fact) -> Self {
        Self {
            from: None,
            below: None,
            fact,
        }
    }

    /// Whether the expectation applies to `release`.
    pub fn holds_for(&self, release: Release) -> bool {
        self.from.is_none_or(|from| release >= from)
            && self.below.is_none_or(|below| release < below)
    }
}

/// A fact that a recording contradicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// What should have been true.
    pub fact: Fact,
    /// What was found instead.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {:?}, found {}", self.fact, self.found)
    }
}

/// The `expectations` that the recording of `release` contradicts. The adapter's answer is not checked
/// here, because that takes a replay.
pub fn violations(
    expectations: &[Expectation],
    release: Release,
    recording: &Recording,
) -> Vec<Violation> {
    let claimed = expectations.iter().filter(|it| it.holds_for(release));
    let violation = |expectation: &Expectation| {
        let (holds, found) = holds(&expectation.fact, recording);
        let fact = expectation.fact.clone();
        (!holds).then_some(Violation { fact, found })
    };
    claimed.filter_map(violation).collect()
}

/// Whether the fact is true of the recording, and what was found.
pub fn holds(fact: &Fact, recording: &Recording) -> (bool, String) {
    let call = &recording.calls[0];
    let report = call.report_value();
    let at = |pointer: &str| report.as_ref().and_then(|report| report.pointer(pointer));
    let after = recording.after.clone().unwrap_or_default();
    match fact {
        Fact::Exit(code) => (call.exit == *code, format!("exit {}", call.exit)),
        Fact::DocumentedExits => {
            let exits: Vec<i32> = recording.calls.iter().map(|call| call.exit).collect();
            let documented = exits.iter().all(|exit| (0..=8).contains(exit));
            (documented, format!("exits {exits:?}"))
        }
        Fact::ExitClasses(classes) => {
            let document = ExitCodes::read(call).ok().flatten();
            let documented = document.as_ref().is_some_and(|document| {
                let by_status = document.exit_codes.iter();
                let by_status = by_status.map(|(status, code)| (*status, code.class.as_str()));
                document.classes == *classes
                    && by_status.eq((0..).zip(classes.iter().map(String::as_str)))
            });
            (documented, format!("{document:?}"))
        }
        Fact::ListedUnder(status, code) => {
            let document = ExitCodes::read(call).ok().flatten();
            let codes = document.and_then(|mut document| document.exit_codes.remove(status));
            let listed = codes
                .as_ref()
                .is_some_and(|codes| codes.symbolic_codes.iter().any(|listed| listed == code));
            (listed, format!("{codes:?}"))
        }
        Fact::IssueNamespace => {
            let codes = issue_codes(report.as_ref());
            let safe = at("/window_safe") == Some(&Value::Bool(true));
            let allowed = |code: &String| {
                code.starts_with("PFLIGHT_") && !(safe && code.starts_with("PFLIGHT_REPLICA_"))
            };
            (codes.iter().all(allowed), format!("{codes:?}"))
        }
        Fact::NoReport => (!call.has_report(), "a report".to_owned()),
        Fact::Report(pointer, value) => {
            let found = at(pointer);
            (found == Some(value), format!("{found:?}"))
        }
        Fact::ReportNull(pointer) => {
            let found = at(pointer);
            (found == Some(&Value::Null), format!("{found:?}"))
        }
        Fact::ReportHas(pointer) => (at(pointer).is_some(), "nothing there".to_owned()),
        Fact::ReportLacks(pointer) => (at(pointer).is_none(), format!("{:?}", at(pointer))),
        Fact::Code(code) => {
            let found = at("/error/code");
            (
                found.and_then(Value::as_str) == Some(code.as_str()),
                format!("{found:?}"),
            )
        }
        Fact::Issue(code) | Fact::NoIssue(code) => {
            let codes = issue_codes(report.as_ref());
            let there = codes.iter().any(|found| found == code);
            (
                there == matches!(fact, Fact::Issue(_)),
                format!("{codes:?}"),
            )
        }
        Fact::Ledger(versions) => {
            let report = recording.ledger.as_ref().map(ToString::to_string);
            let found = report.and_then(|report| ledger::versions(report.as_bytes()));
            let same = found.as_deref().is_some_and(|found| found == *versions);
            (same, format!("{:?}", recording.ledger))
        }
        Fact::Prints(text) | Fact::DoesNotPrint(text) => {
            let stdout = call.stdout.to_string();
            let printed = stdout.contains(text.as_str());
            (
                printed == matches!(fact, Fact::Prints(_)),
                format!("{stdout:?}"),
            )
        }
        Fact::Revision(revision) => {
            let found = after.revision;
            (found.as_ref() == Some(revision), format!("{found:?}"))
        }
        Fact::NoRevision => (after.revision.is_none(), format!("{:?}", after.revision)),
        Fact::Table(table) | Fact::NoTable(table) => {
            let there = after.tables.iter().any(|found| found == table);
            (
                there == matches!(fact, Fact::Table(_)),
                format!("{:?}", after.tables),
            )
        }
        Fact::Untouched => {
            let own = |state: &State| (state.revision.clone(), state.user_tables());
            let [before, after] =
                [&recording.before, &recording.after].map(|it| it.as_ref().map(own));
            let same = before.is_some() && before == after;
            (same, format!("{before:?} became {after:?}"))
        }
        // A replay shows it.
        Fact::Adapter(_) => (true, String::new()),
    }
}

/// The codes of a preflight report's issues.
pub fn issue_codes(report: Option<&Value>) -> Vec<String> {
    report
        .and_then(|report| report.pointer("/issues")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|issue| Some(issue.get("code")?.as_str()?.to_owned()))
        .collect()
}
