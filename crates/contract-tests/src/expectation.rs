//! What must be true of a recording, written so that it can be asked of a release nobody has
//! recorded yet.

use std::fmt;

use fraisier_adapter_api::AdapterErrorKind;
use fraisier_adapter_confiture::tools::ledger;
use serde_json::Value;

use crate::recording::{Recording, State};
use crate::release::Release;
use crate::surface::ExitCodes;

/// What the adapter must make of the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A result, which the snapshot beside the recording shows.
    Result,
    /// An error of this kind.
    Error(AdapterErrorKind),
    /// An error of this kind before the recorded command was started.
    Refused(AdapterErrorKind),
}

/// One thing that must be true.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The exit status of the call.
    Exit(i32),
    /// Every call exits with a status that confiture documents: 0 to 8.
    DocumentedExits,
    /// `--exit-codes-json` documents these classes, one for each status from 0 on.
    ExitClasses(&'static [&'static str]),
    /// `--exit-codes-json` lists this code under this status.
    ListedUnder(i32, &'static str),
    /// No report was written.
    NoReport,
    /// The report has this value at this JSON pointer.
    Report(&'static str, Value),
    /// The report has something at this JSON pointer.
    ReportHas(&'static str),
    /// The report has nothing at this JSON pointer.
    ReportLacks(&'static str),
    /// The error envelope carries this code.
    Code(&'static str),
    /// The preflight report has an issue with this code.
    Issue(&'static str),
    /// The preflight report has no issue with this code.
    NoIssue(&'static str),
    /// Every code of the preflight report begins with `PFLIGHT_`, and beside `window_safe: true` none
    /// begins with `PFLIGHT_REPLICA_`.
    IssueNamespace,
    /// The ledger as the adapter reads it has these versions, in the order of its rows.
    Ledger(&'static [&'static str]),
    /// Some line of standard output contains this.
    Prints(&'static str),
    /// No line of standard output contains this.
    DoesNotPrint(&'static str),
    /// The latest applied version afterwards.
    Revision(Option<&'static str>),
    /// The database has this table afterwards.
    Table(&'static str),
    /// The database lacks this table afterwards.
    NoTable(&'static str),
    /// Revision and tables are what they were, but for confiture's own tables.
    Untouched,
    /// What the adapter makes of it.
    Adapter(Expected),
}

/// A fact and the releases it holds for.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    from: Option<Release>,
    below: Option<Release>,
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

    /// True from `release` on.
    pub fn from(release: Release, fact: Fact) -> Self {
        Self {
            from: Some(release),
            below: None,
            fact,
        }
    }

    /// True below `release`.
    pub fn below(release: Release, fact: Fact) -> Self {
        Self {
            from: None,
            below: Some(release),
            fact,
        }
    }

    /// Whether it is claimed of `release`.
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

/// What of `expectations` the recording made on `release` contradicts. The adapter's answer is
/// not asked here: it takes a replay.
pub fn violations(
    expectations: &[Expectation],
    release: Release,
    recording: &Recording,
) -> Vec<Violation> {
    gather(expectations, release, |fact| contradiction(fact, recording))
}

/// `None` when the fact is true of the recording, otherwise what was found.
fn contradiction(fact: &Fact, recording: &Recording) -> Option<String> {
    let call = &recording.calls[0];
    let report = call.report_value();
    let at = |pointer: &str| report.as_ref().and_then(|report| report.pointer(pointer));
    match fact {
        Fact::Exit(code) => unless(call.exit == *code, format!("exit {}", call.exit)),
        Fact::DocumentedExits => {
            let exits: Vec<i32> = recording.calls.iter().map(|call| call.exit).collect();
            unless(
                exits.iter().all(|exit| (0..=8).contains(exit)),
                format!("exits {exits:?}"),
            )
        }
        Fact::ExitClasses(classes) => {
            let document = ExitCodes::read(call).ok().flatten();
            let documented = document.as_ref().is_some_and(|document| {
                let by_status = document.exit_codes.iter();
                let by_status = by_status.map(|(status, code)| (*status, code.class.as_str()));
                document.classes == *classes && by_status.eq((0..).zip(classes.iter().copied()))
            });
            unless(documented, format!("{document:?}"))
        }
        Fact::ListedUnder(status, code) => {
            let document = ExitCodes::read(call).ok().flatten();
            let codes = document.and_then(|mut document| document.exit_codes.remove(status));
            let listed = codes
                .as_ref()
                .is_some_and(|codes| codes.symbolic_codes.iter().any(|listed| listed == code));
            unless(listed, format!("{codes:?}"))
        }
        Fact::IssueNamespace => {
            let codes = issue_codes(report.as_ref());
            let safe = at("/window_safe") == Some(&Value::Bool(true));
            let allowed = |code: &String| {
                code.starts_with("PFLIGHT_") && !(safe && code.starts_with("PFLIGHT_REPLICA_"))
            };
            unless(codes.iter().all(allowed), format!("{codes:?}"))
        }
        Fact::NoReport => unless(!call.has_report(), "a report".to_owned()),
        Fact::Report(pointer, value) => {
            unless(at(pointer) == Some(value), format!("{:?}", at(pointer)))
        }
        Fact::ReportHas(pointer) => unless(at(pointer).is_some(), "nothing there".to_owned()),
        Fact::ReportLacks(pointer) => unless(at(pointer).is_none(), format!("{:?}", at(pointer))),
        Fact::Code(code) => {
            let found = at("/error/code");
            unless(
                found.and_then(Value::as_str) == Some(code),
                format!("{found:?}"),
            )
        }
        Fact::Issue(code) | Fact::NoIssue(code) => {
            let codes = issue_codes(report.as_ref());
            let wanted = matches!(fact, Fact::Issue(_));
            unless(
                codes.iter().any(|found| found == code) == wanted,
                format!("{codes:?}"),
            )
        }
        Fact::Ledger(versions) => {
            let report = recording.ledger.as_ref().map(ToString::to_string);
            let found = report.and_then(|report| ledger::versions(report.as_bytes()));
            unless(
                found.as_deref().is_some_and(|found| found == *versions),
                format!("{:?}", recording.ledger),
            )
        }
        Fact::Prints(text) | Fact::DoesNotPrint(text) => {
            let wanted = matches!(fact, Fact::Prints(_));
            let stdout = call.stdout.to_string();
            unless(stdout.contains(text) == wanted, format!("{stdout:?}"))
        }
        Fact::Revision(_)
        | Fact::Table(_)
        | Fact::NoTable(_)
        | Fact::Untouched
        | Fact::Adapter(_) => {
            state_contradiction(fact, recording.before.as_ref(), recording.after.as_ref())
        }
    }
}

/// What of `expectations` about the database is not true of it on `release`.
pub fn state_violations(
    expectations: &[Expectation],
    release: Release,
    before: Option<&State>,
    after: Option<&State>,
) -> Vec<Violation> {
    gather(expectations, release, |fact| {
        state_contradiction(fact, before, after)
    })
}

/// `None` when the fact is true of the database, or about something else; otherwise what was found.
fn state_contradiction(
    fact: &Fact,
    before: Option<&State>,
    after: Option<&State>,
) -> Option<String> {
    let state = || after.cloned().unwrap_or_default();
    match fact {
        Fact::Revision(revision) => {
            let found = state().revision;
            unless(found.as_deref() == *revision, format!("{found:?}"))
        }
        Fact::Table(table) | Fact::NoTable(table) => {
            let tables = state().tables;
            let wanted = matches!(fact, Fact::Table(_));
            unless(
                tables.iter().any(|found| found == table) == wanted,
                format!("{tables:?}"),
            )
        }
        Fact::Untouched => {
            let own = |state: Option<&State>| {
                state.map(|state| (state.revision.clone(), state.user_tables()))
            };
            let (before, after) = (own(before), own(after));
            let same = before.is_some() && before == after;
            unless(same, format!("{before:?} became {after:?}"))
        }
        _ => None,
    }
}

fn unless(holds: bool, found: String) -> Option<String> {
    (!holds).then_some(found)
}

/// A violation for every fact that is claimed of `release` and contradicted.
fn gather(
    expectations: &[Expectation],
    release: Release,
    contradiction: impl Fn(&Fact) -> Option<String>,
) -> Vec<Violation> {
    expectations
        .iter()
        .filter(|expectation| expectation.holds_for(release))
        .filter_map(|expectation| {
            contradiction(&expectation.fact).map(|found| Violation {
                fact: expectation.fact.clone(),
                found,
            })
        })
        .collect()
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
