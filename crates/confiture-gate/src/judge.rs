//! Judges one case: turns the behaviour of confiture and the adapter's answer into findings.

use contract_catalogue::call::Call;
use contract_catalogue::case::Case;
use contract_catalogue::expectation::{Fact, Violation};
use contract_catalogue::recording::{Recording, State};

use crate::answer::{AdapterAnswer, GOES_ON, changed_answers};
use crate::change::Change;
use crate::drift::drift;
use crate::facts::words;
use crate::result::{CaseResult, Class, Finding};

/// Something wrong, before its cause is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// The change to report if nothing that confiture did explains it.
    pub change: Change,
    /// The field of a report in which it shows.
    pub field: Option<String>,
    /// What it should be.
    pub before: String,
    /// What it is.
    pub now: String,
    /// What it means for fraisier.
    pub consequence: Option<String>,
}

/// The evidence about one case.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The case.
    pub case: &'a Case,
    /// The baseline's recording.
    pub recorded: &'a Recording,
    /// The adapter's answer in the baseline.
    pub answer_before: &'a AdapterAnswer,
    /// What confiture did now.
    pub seen: &'a Recording,
    /// The adapter's answer now.
    pub answer_now: &'a AdapterAnswer,
    /// The expectations that do not hold.
    pub violations: &'a [Violation],
    /// What else confiture did that a recording does not contain.
    pub observed: Vec<Finding>,
    /// What else is wrong.
    pub symptoms: Vec<Symptom>,
}

/// Judges the case.
pub fn judge(evidence: Evidence<'_>) -> CaseResult {
    let call = &evidence.case.definition.call;
    let hangs = |finding: &Finding| finding.change == Change::Hangs;
    // A call that did not end has no output to compare.
    let mut observed = if evidence.observed.iter().any(hangs) {
        Vec::new()
    } else {
        drift(evidence.recorded, evidence.seen)
    };
    observed.extend(evidence.observed);

    let mut symptoms = changed_answers(call, evidence.answer_before, evidence.answer_now);
    let mut database = database(
        evidence.recorded.after.as_ref(),
        evidence.seen.after.as_ref(),
    );
    // A remaining session, or another ledger, does not contradict what the adapter reported.
    let no_lies = [SESSIONS, COLUMNS].map(|what| Change::Database {
        what: what.to_owned(),
    });
    let mut lies = database
        .iter_mut()
        .filter(|it| !no_lies.contains(&it.change));
    if let (true, AdapterAnswer::Result(_), Some(first)) =
        (writes(call), evidence.answer_now, lies.next())
    {
        first.consequence = Some(GOES_ON.to_owned());
        first.change = Change::FalseSafe {
            what: "the adapter reports success, and the database is not as after a success"
                .to_owned(),
        };
    }
    symptoms.extend(database);
    symptoms.extend(evidence.violations.iter().map(violation));
    symptoms.extend(evidence.symptoms);

    let findings = attribute(observed, &symptoms);
    CaseResult {
        answer_before: Some(evidence.answer_before.words(call)),
        answer_now: Some(evidence.answer_now.words(call)),
        ..CaseResult::judged(evidence.case.name, evidence.case.about, findings)
    }
}

/// Finds the differences that explain the symptoms. A difference that explains a symptom breaks fraisier.
/// A false safe, and a symptom that nothing explains, are findings of their own.
pub fn attribute(mut findings: Vec<Finding>, symptoms: &[Symptom]) -> Vec<Finding> {
    let Some(first) = symptoms.first() else {
        return findings;
    };
    let meaning = symptoms
        .iter()
        .find_map(|symptom| symptom.consequence.clone());
    let named: Vec<&str> = symptoms
        .iter()
        .filter_map(|symptom| symptom.field.as_deref())
        .collect();
    let last = |path: &str| {
        let part = path.rsplit('.').next().unwrap_or(path);
        part.trim_end_matches("[]").to_owned()
    };
    // A change that stops a call altogether explains everything after it.
    let certain = |finding: &Finding| finding.change <= Change::BrokenReport;
    let is_named = |finding: &Finding| {
        let field = finding.change.field();
        field.is_some_and(|field| named.contains(&last(field).as_str()))
    };
    let mut suspects: Vec<usize> = (0..findings.len())
        .filter(|place| findings[*place].change.explains())
        .collect();
    suspects.sort_by_key(|place| {
        let finding = &findings[*place];
        (!certain(finding), !is_named(finding), &finding.change)
    });
    let mut broke = Vec::new();
    if let Some(culprit) = suspects.first() {
        broke.push(*culprit);
        // A second change counts if a symptom names it and the first did not stop the call.
        let more = suspects[1..].iter().copied();
        if !certain(&findings[*culprit]) {
            broke.extend(
                more.filter(|place| is_named(&findings[*place]) && reshaped(&findings[*place])),
            );
        }
    }
    for place in &broke {
        let finding = &mut findings[*place];
        finding.class = Class::Breaks;
        finding.consequence.clone_from(&meaning);
    }
    // A false safe and a secret are always reported, whatever explains them.
    let severe =
        |symptom: &&Symptom| matches!(symptom.change, Change::FalseSafe { .. } | Change::Secret);
    let mut reported: Vec<&Symptom> = symptoms.iter().filter(severe).collect();
    if reported.is_empty() && broke.is_empty() {
        reported.push(first);
    }
    for symptom in reported {
        if findings.iter().any(|known| known.change == symptom.change) {
            continue;
        }
        let finding = match &symptom.change {
            Change::FalseSafe { what } => Finding::false_safe(what),
            change => Finding::breaks(change.clone()),
        };
        let mut finding = finding.with(symptom.before.clone(), symptom.now.clone());
        finding.consequence = symptom.consequence.clone().or_else(|| meaning.clone());
        findings.push(finding);
    }
    findings
}

/// Whether the call changes the database.
fn writes(call: &Call) -> bool {
    matches!(call, Call::Up(_) | Call::DownTo(_))
}

/// Whether the shape of a field changed, and not only its value.
fn reshaped(finding: &Finding) -> bool {
    matches!(
        finding.change,
        Change::FieldDoubled { .. }
            | Change::FieldRenamed { .. }
            | Change::FieldGone { .. }
            | Change::FieldRetyped { .. }
    )
}

/// The parts of a database about which a successful result says nothing.
const SESSIONS: &str = "sessions";
const COLUMNS: &str = "ledger columns";

/// How the database differs from what it was after the recorded calls.
fn database(before: Option<&State>, now: Option<&State>) -> Vec<Symptom> {
    let (Some(before), Some(now)) = (before, now) else {
        return Vec::new();
    };
    let none = || "none".to_owned();
    let columns = |state: &State| {
        let other = state.ledger_columns.clone();
        other.unwrap_or_else(|| "those that the adapter reads".to_owned())
    };
    let parts = [
        (
            "revision",
            before.revision.clone().unwrap_or_else(none),
            now.revision.clone().unwrap_or_else(none),
            "the ledger is at another revision than before",
        ),
        (
            "tables",
            before.user_tables().join(", "),
            now.user_tables().join(", "),
            "the migrations have a different effect than before",
        ),
        (
            "advisory locks",
            before.advisory_locks.to_string(),
            now.advisory_locks.to_string(),
            "the next deploy waits for a lock that is never released",
        ),
        (
            COLUMNS,
            columns(before),
            columns(now),
            "the adapter cannot tell what was applied, or in which order",
        ),
        (
            SESSIONS,
            before.sessions.to_string(),
            now.sessions.to_string(),
            "each deploy leaves a session in the database, until no client can connect",
        ),
    ];
    let other = parts
        .into_iter()
        .filter(|(_, before, now, _)| before != now);
    other
        .map(|(what, before, now, consequence)| Symptom {
            change: Change::Database {
                what: what.to_owned(),
            },
            field: None,
            before,
            now,
            consequence: Some(consequence.to_owned()),
        })
        .collect()
}

fn violation(violation: &Violation) -> Symptom {
    let field = match &violation.fact {
        Fact::Report(pointer, _)
        | Fact::ReportNull(pointer)
        | Fact::ReportHas(pointer)
        | Fact::ReportLacks(pointer) => {
            let name = pointer
                .rsplit('/')
                .find(|part| part.parse::<usize>().is_err());
            name.map(str::to_owned)
        }
        _ => None,
    };
    Symptom {
        change: Change::Expectation {
            fact: words(&violation.fact),
        },
        field,
        before: words(&violation.fact),
        now: violation.found.clone(),
        consequence: Some(format!(
            "relies on a fact that no longer holds: {}",
            words(&violation.fact)
        )),
    }
}

/// Whether the adapter never makes this call itself: it is made directly.
pub fn is_direct(call: &Call) -> bool {
    matches!(call, Call::ExitCodes | Call::Help(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symptom(field: Option<&str>) -> Symptom {
        Symptom {
            change: Change::Answer {
                from: "a".to_owned(),
                to: "b".to_owned(),
            },
            field: field.map(str::to_owned),
            before: "a".to_owned(),
            now: "b".to_owned(),
            consequence: Some("refuses".to_owned()),
        }
    }

    fn gone(field: &str) -> Finding {
        Finding::differs(Change::FieldGone {
            field: field.to_owned(),
        })
    }

    fn broken(findings: &[Finding]) -> Vec<String> {
        let breaks = findings
            .iter()
            .filter(|finding| finding.class == Class::Breaks);
        breaks.map(|finding| finding.change.id()).collect()
    }

    #[test]
    fn a_remaining_session_and_a_changed_ledger_are_symptoms() {
        let (before, mut now) = (State::default(), State::default());
        assert_eq!(database(Some(&before), Some(&now)), []);
        now.sessions = 1;
        now.ledger_columns = Some("version".to_owned());
        let found = database(Some(&before), Some(&now));
        let found: Vec<String> = found.iter().map(|it| it.change.to_string()).collect();
        let ends_with = ["other ledger columns", "other sessions"];
        assert_eq!(
            found,
            ends_with.map(|it| format!("the database ends with {it}"))
        );
    }

    #[test]
    fn the_field_that_a_symptom_names_is_the_cause() {
        let observed = vec![gone("summary.info"), gone("window_safe")];
        let findings = attribute(observed, &[symptom(Some("window_safe"))]);
        assert_eq!(broken(&findings), ["field-gone:window_safe"]);
        assert_eq!(findings[1].consequence.as_deref(), Some("refuses"));
    }

    #[test]
    fn a_false_safe_is_reported_beside_what_explains_it() {
        let safe = Symptom {
            change: Change::FalseSafe {
                what: "it says yes".to_owned(),
            },
            ..symptom(Some("window_safe"))
        };
        let findings = attribute(vec![gone("window_safe")], &[safe]);
        assert_eq!(broken(&findings), ["field-gone:window_safe"]);
        assert_eq!(findings[1].class, Class::FalseSafe);
    }

    #[test]
    fn a_refused_call_is_the_cause_of_everything_after_it() {
        let refused = Finding::differs(Change::Refused {
            what: "--no-config".to_owned(),
        });
        let observed = vec![gone("ok"), refused];
        let findings = attribute(observed, &[symptom(Some("ok"))]);
        assert_eq!(broken(&findings), ["refused:--no-config"]);
    }

    #[test]
    fn a_symptom_without_a_cause_is_reported() {
        let new = Finding::differs(Change::FieldNew {
            field: "parser".to_owned(),
        });
        let findings = attribute(vec![new.clone()], &[symptom(None)]);
        assert_eq!(broken(&findings), ["verdict:a:b"]);
        assert_eq!(attribute(vec![new.clone()], &[]), [new]);
    }
}
