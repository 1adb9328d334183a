//! Results made by hand, for the tests of this crate.

use std::collections::BTreeMap;

use contract_catalogue::recording::{RecordedCall, Recording, Text};

use crate::causes::causes;
use crate::change::Change;
use crate::result::{Capability, CaseResult, Finding, Judgement, Provenance, Report};

/// A preflight call that ended like this.
pub(crate) fn call_of(exit: i32, report: Option<&str>, stdout: &str) -> RecordedCall {
    let (report, report_not_json) = RecordedCall::report_fields(report);
    RecordedCall {
        argv: ["migrate", "preflight", "--no-config"]
            .map(str::to_owned)
            .to_vec(),
        env: BTreeMap::new(),
        links: None,
        exit,
        report,
        report_not_json,
        stdout: Text::from(stdout),
        stderr: Text::default(),
    }
}

/// A recording of one call.
pub(crate) fn recording(call: &RecordedCall) -> Recording {
    Recording {
        definition: "0".to_owned(),
        before: None,
        ledger: None,
        calls: vec![call.clone()],
        after: None,
    }
}

/// The report of these candidates.
pub(crate) fn report(candidates: Vec<Judgement>) -> Report {
    let provenance = Provenance {
        date: "2026-11-28 12:00 UTC".to_owned(),
        gate: "0.1.0 (0123456789ab)".to_owned(),
        postgresql: Some("18.0".to_owned()),
    };
    Report::new(candidates, false, Vec::new(), provenance)
}

/// One of each kind, and a difference that no longer occurs.
pub(crate) fn several() -> Report {
    let mut report = report(vec![false_safe(), drifted(), unchanged(), halted()]);
    report.stale.push("exit:1:2 in up/all of 1.29.0".to_owned());
    report
}

fn seen(name: &str, about: &str, findings: Vec<Finding>) -> CaseResult {
    CaseResult {
        milliseconds: 1200,
        sql: "-- db/migrations/001_a.up.sql\nCREATE TABLE a ();\n".to_owned(),
        ..CaseResult::judged(name, about, findings)
    }
}

fn judgement(candidate: &str, version: &str, cases: Vec<CaseResult>) -> Judgement {
    let mut judged = Judgement {
        version: version.to_owned(),
        judged_as: version.to_owned(),
        against: version.to_owned(),
        causes: causes(&cases, candidate),
        catalogue: cases.len(),
        python: Some("3.12.1".to_owned()),
        cases,
        capabilities: vec![
            Capability {
                name: "up".to_owned(),
                advertised: true,
                delivered: Some(true),
                evidence: "up/all leaves the database at 003".to_owned(),
            },
            Capability {
                name: "pending_scope".to_owned(),
                advertised: false,
                delivered: None,
                evidence: "not before 1.35.0".to_owned(),
            },
        ],
        milliseconds: 64_000,
        ..Judgement::unknown(candidate)
    };
    judged.settle();
    judged
}

/// A release that is as it was recorded.
pub(crate) fn unchanged() -> Judgement {
    let cases = [
        (
            "current/fresh",
            "A database that confiture has never touched.",
        ),
        ("preflight/add-column", "A nullable column is added."),
        ("up/all", "Three migrations on a fresh database."),
    ];
    let cases = cases.map(|(name, about)| seen(name, about, Vec::new()));
    judgement("1.29.0", "1.29.0", cases.into())
}

/// A pre-release with two breaks and a difference.
pub(crate) fn drifted() -> Judgement {
    let gone = || {
        Finding::breaks(Change::FieldGone {
            field: "window_safe".to_owned(),
        })
        .with("\"window_safe\": true", "(absent)")
        .meaning("refuses every deploy as not window-safe")
    };
    let new = Finding::differs(Change::FieldNew {
        field: "parser".to_owned(),
    });
    let new = new.with("(absent)", "\"parser\": {\"name\": \"pglast\"}");
    let exit = Finding::breaks(Change::Exit { from: 6, to: 1 })
        .with("6", "1")
        .meaning("fails as error `internal_error` and not as error `lock_contention`");
    let mut cases = vec![
        seen(
            "current/fresh",
            "A database that confiture has never touched.",
            vec![],
        ),
        seen(
            "up/lock-held",
            "Another deploy holds the migration lock.",
            vec![exit],
        ),
    ];
    for (name, about) in [
        ("preflight/add-column", "A nullable column is added."),
        ("preflight/create-table", "A table is created."),
        ("preflight/drop-table", "A table is dropped."),
    ] {
        let mut case = seen(name, about, vec![gone(), new.clone()]);
        case.answer_before = Some("ok true, window_safe true".to_owned());
        case.answer_now = Some("ok true, window_safe none".to_owned());
        case.recorded = Some(RECORDED.to_owned());
        case.seen = Some(RECORDED.replace("        \"window_safe\": true,\n", ""));
        cases.push(case);
    }
    let mut judged = judgement("dist/fraiseql_confiture-1.30.0rc1.whl", "1.30.0rc1", cases);
    judged.judged_as = "1.30.0".to_owned();
    judged.against = "1.29.0".to_owned();
    judged.sha256 = Some("3f2a".repeat(16));
    judged.pending = true;
    judged.refused_in_production = true;
    judged
}

/// A release that calls a dropped table window-safe.
pub(crate) fn false_safe() -> Judgement {
    let safe = Finding::false_safe("preflight calls a migration window-safe that is not")
        .with("window_safe false", "window_safe true")
        .meaning("a deploy would have run it while the old release still serves requests");
    let value = Finding::breaks(Change::FieldValue {
        field: "window_safe".to_owned(),
    });
    let value = value.with("\"window_safe\": false", "\"window_safe\": true");
    let mut case = seen(
        "preflight/drop-table",
        "A table is dropped.",
        vec![value, safe],
    );
    case.recorded = Some(RECORDED.replace("true,\n        \"iss", "false,\n        \"iss"));
    case.seen = Some(RECORDED.to_owned());
    let mut judged = judgement("dist/c-1.30.0.whl", "1.30.0", vec![case]);
    judged.capabilities.push(Capability {
        name: "window_safe".to_owned(),
        advertised: true,
        delivered: Some(false),
        evidence: "false safe in preflight/drop-table".to_owned(),
    });
    judged
}

const RECORDED: &str = r#"{
  "calls": [
    {
      "exit": 0,
      "report": {
        "ok": true,
        "window_safe": true,
        "issues": ["<b>&amp;"]
      }
    }
  ]
}
"#;

/// Two cases of a release that could not be judged to the end.
pub(crate) fn halted() -> Judgement {
    let cases = vec![
        seen(
            "current/fresh",
            "A database that confiture has never touched.",
            vec![],
        ),
        CaseResult::not_judged(
            "up/all",
            "Three migrations on a fresh database.",
            "the database server died",
        ),
    ];
    let mut judged = judgement("0.23.0", "0.23.0", cases);
    judged
        .notes
        .push("the database server died (1 cases); it was started again, once".to_owned());
    judged
}
