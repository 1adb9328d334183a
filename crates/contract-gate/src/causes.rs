//! Causes, not cases: what was found in many cases and is one thing is said once.

use std::collections::BTreeMap;

use crate::change::Change;
use crate::result::{CaseResult, Cause, Class, Finding};

/// Groups the findings of `cases`. `named` is the candidate as the command line names it.
#[must_use]
pub fn causes(cases: &[CaseResult], named: &str) -> Vec<Cause> {
    let mut grouped: BTreeMap<&Change, Vec<(&CaseResult, &Finding)>> = BTreeMap::new();
    for case in cases {
        for finding in &case.findings {
            grouped
                .entry(&finding.change)
                .or_default()
                .push((case, finding));
        }
    }
    let mut found: Vec<Cause> = grouped
        .into_iter()
        .filter_map(|(change, found)| {
            // What breaks one case and only differs in another is told as what breaks.
            let class = found.iter().map(|(_, finding)| finding.class).max();
            class.map(|class| cause(change, class, &found, named))
        })
        .collect();
    found.sort_by_key(|cause| {
        let cases = cause.cases.len();
        (
            std::cmp::Reverse(cause.class),
            std::cmp::Reverse(cases),
            cause.change.rank(),
        )
    });
    found
}

fn cause(change: &Change, class: Class, found: &[(&CaseResult, &Finding)], named: &str) -> Cause {
    let of_class = |(_, finding): &&(&CaseResult, &Finding)| finding.class == class;
    let (case, example) = found
        .iter()
        .filter(of_class)
        .min_by_key(|(_, finding)| (finding.consequence.is_none(), finding.before.is_none()))
        .expect("the class of one of them");
    let breaks = class == Class::Breaks;
    Cause {
        id: change.id(),
        class,
        title: change.to_string(),
        change: change.clone(),
        cases: found.iter().map(|(case, _)| case.name.clone()).collect(),
        consequence: most_common(
            found
                .iter()
                .filter_map(|(_, finding)| finding.consequence.as_deref()),
        ),
        before: example.before.clone(),
        now: example.now.clone(),
        advice: breaks.then(|| change.advice().to_owned()),
        again: format!("cargo xtask gate {named} --only {}", case.name),
        accepted: None,
    }
}

fn most_common<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for text in texts {
        match counts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => counts.push((text, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    let (text, _) = counts.into_iter().find(|(_, count)| *count == most)?;
    Some(text.to_owned())
}

/// The operations of a cause's cases, and how many cases they are: `preflight, 17 cases`.
#[must_use]
pub fn extent(cases: &[String]) -> String {
    let mut operations: Vec<&str> = Vec::new();
    for case in cases {
        let operation = case.split('/').next().unwrap_or_default();
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    let count = cases.len();
    let s = if count == 1 { "" } else { "s" };
    match operations.len() {
        0..=3 => format!("{}, {count} case{s}", operations.join(", ")),
        several => format!("{several} operations, {count} case{s}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(field: &str) -> Change {
        Change::FieldGone {
            field: field.to_owned(),
        }
    }

    #[test]
    fn seventeen_cases_without_a_field_are_one_line() {
        let cases: Vec<CaseResult> = (0..17)
            .map(|number| {
                let mut findings = vec![Finding::breaks(gone("window_safe"))];
                if number == 3 {
                    findings.push(Finding::differs(Change::Wording {
                        stream: "stdout".to_owned(),
                    }));
                }
                CaseResult::judged(&format!("preflight/{number}"), "", findings)
            })
            .collect();
        let found = causes(&cases, "newest");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].title, "report field `window_safe` is gone");
        assert_eq!(extent(&found[0].cases), "preflight, 17 cases");
        assert_eq!(found[1].class, Class::Differs);
    }

    #[test]
    fn what_breaks_anywhere_is_told_as_what_breaks() {
        let cases = [
            CaseResult::judged("up/a", "", vec![Finding::differs(gone("x"))]),
            CaseResult::judged(
                "up/b",
                "",
                vec![Finding::breaks(gone("x")).meaning("fails")],
            ),
        ];
        let found = causes(&cases, "newest");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].class, Class::Breaks);
        assert_eq!(found[0].again, "cargo xtask gate newest --only up/b");
        assert_eq!(found[0].consequence.as_deref(), Some("fails"));
    }
}
