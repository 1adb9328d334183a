//! Which difference explains what is wrong in a case.

use contract_catalogue::expectation::{Fact, Violation};
use contract_catalogue::recording::State;

use crate::answer::GOES_ON;
use crate::change::Change;
use crate::facts::words;
use crate::result::{Class, Finding};

/// Something wrong, before its cause is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// What to report if nothing that confiture did explains it.
    pub finding: Finding,
    /// The field of a report in which it shows.
    pub field: Option<String>,
}

impl From<Finding> for Symptom {
    fn from(finding: Finding) -> Self {
        Self {
            finding,
            field: None,
        }
    }
}

/// Finds the differences that explain the symptoms. A difference that explains a symptom breaks fraisier.
/// A false safe, and a symptom that nothing explains, are findings of their own.
pub fn attribute(mut findings: Vec<Finding>, symptoms: &[Symptom]) -> Vec<Finding> {
    if symptoms.is_empty() {
        return findings;
    }
    let mut meanings = symptoms.iter().map(|symptom| &symptom.finding.consequence);
    let meaning = meanings.find_map(Clone::clone);
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
        field.is_some_and(|field| named.contains(&last(&field).as_str()))
    };
    let mut suspects: Vec<usize> = (0..findings.len())
        .filter(|place| findings[*place].change.explains())
        .collect();
    suspects.sort_by_cached_key(|place| {
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
    let severe = |symptom: &&Symptom| {
        matches!(
            symptom.finding.change,
            Change::FalseSafe { .. } | Change::Secret
        )
    };
    let mut reported: Vec<&Symptom> = symptoms.iter().filter(severe).collect();
    if reported.is_empty() && broke.is_empty() {
        reported.extend(symptoms.first());
    }
    for Symptom { finding, .. } in reported {
        if !findings.iter().any(|known| known.change == finding.change) {
            let consequence = finding.consequence.clone().or_else(|| meaning.clone());
            findings.push(Finding {
                consequence,
                ..finding.clone()
            });
        }
    }
    findings
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

/// How the database differs from what it was after the recorded calls. A difference that contradicts a
/// reported success is a false safe.
pub(crate) fn database(
    before: Option<&State>,
    now: Option<&State>,
    reports_success: bool,
) -> Vec<Symptom> {
    let (Some(before), Some(now)) = (before, now) else {
        return Vec::new();
    };
    let none = || "none".to_owned();
    let columns = |state: &State| {
        let other = state.ledger_columns.clone();
        other.unwrap_or_else(|| "those that the adapter reads".to_owned())
    };
    // What, whether it contradicts a success, before, now, and what it means.
    let parts = [
        (
            "revision",
            true,
            before.revision.clone().unwrap_or_else(none),
            now.revision.clone().unwrap_or_else(none),
            "the ledger is at another revision than before",
        ),
        (
            "tables",
            true,
            before.user_tables().join(", "),
            now.user_tables().join(", "),
            "the migrations have a different effect than before",
        ),
        (
            "advisory locks",
            true,
            before.advisory_locks.to_string(),
            now.advisory_locks.to_string(),
            "the next deploy waits for a lock that is never released",
        ),
        (
            "ledger columns",
            false,
            columns(before),
            columns(now),
            "the adapter cannot tell what was applied, or in which order",
        ),
        (
            "sessions",
            false,
            before.sessions.to_string(),
            now.sessions.to_string(),
            "each deploy leaves a session in the database, until no client can connect",
        ),
    ];
    let mut lies = reports_success;
    let differing = parts
        .into_iter()
        .filter(|(_, _, before, now, _)| before != now);
    let finding = differing.map(|(what, contradicts, before, now, consequence)| {
        let (finding, consequence) = if contradicts && std::mem::take(&mut lies) {
            let what = "the adapter reports success, and the database is not as after a success";
            (Finding::false_safe(what), GOES_ON)
        } else {
            let what = what.to_owned();
            (Finding::breaks(Change::Database { what }), consequence)
        };
        finding.with(before, now).meaning(consequence).into()
    });
    finding.collect()
}

pub(crate) fn violation(violation: &Violation) -> Symptom {
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
    let fact = words(&violation.fact);
    let meaning = format!("relies on a fact that no longer holds: {fact}");
    let finding = Finding::breaks(Change::Expectation { fact: fact.clone() });
    Symptom {
        finding: finding.with(fact, violation.found.clone()).meaning(meaning),
        field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symptom(field: Option<&str>) -> Symptom {
        let change = Change::Answer {
            from: "a".to_owned(),
            to: "b".to_owned(),
        };
        Symptom {
            finding: Finding::breaks(change).with("a", "b").meaning("refuses"),
            field: field.map(str::to_owned),
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
        assert_eq!(database(Some(&before), Some(&now), true), []);
        now.sessions = 1;
        now.ledger_columns = Some("version".to_owned());
        let found = database(Some(&before), Some(&now), true);
        let found: Vec<String> = found
            .iter()
            .map(|it| it.finding.change.to_string())
            .collect();
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
            finding: Finding::false_safe("it says yes"),
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
