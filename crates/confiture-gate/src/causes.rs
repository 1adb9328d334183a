//! Groups findings by cause: a change that shows in many cases is reported once.

use std::collections::BTreeMap;

use crate::change::Change;
use crate::result::{CaseResult, Cause, Class, Finding};
use crate::text::distinct;

/// Groups the findings of `cases`, the most severe first. `named` is the candidate as the command
/// line names it.
pub fn causes(cases: &[CaseResult], named: &str) -> Vec<Cause> {
    let mut grouped: BTreeMap<Key<'_>, Vec<(&CaseResult, &Finding)>> = BTreeMap::new();
    for case in cases {
        for finding in &case.findings {
            let key = (finding.class, &finding.change, finding.accepted.as_deref());
            grouped.entry(key).or_default().push((case, finding));
        }
    }
    let mut found: Vec<Cause> = grouped
        .into_iter()
        .map(|(key, found)| cause(key, &found, named))
        .collect();
    found.sort_by_key(|cause| {
        let cases = cause.cases.len();
        (
            cause.accepted.is_some(),
            std::cmp::Reverse(cause.class),
            std::cmp::Reverse(cases),
            cause.change.clone(),
        )
    });
    found
}

type Key<'a> = (Class, &'a Change, Option<&'a str>);

fn cause(key: Key<'_>, found: &[(&CaseResult, &Finding)], named: &str) -> Cause {
    let (class, change, accepted) = key;
    let (case, example) = found
        .iter()
        .min_by_key(|(_, finding)| (finding.consequence.is_none(), finding.before.is_none()))
        .expect("a group has a member");
    let breaks = class >= Class::Breaks;
    Cause {
        id: change.id(),
        rule: change.rule(),
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
        again: format!("confiture-gate {named} --only {}", case.name),
        accepted: accepted.map(str::to_owned),
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
pub fn extent(cases: &[String]) -> String {
    let operations = distinct(cases.iter().filter_map(|case| case.split('/').next()));
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
    fn a_cause_counts_its_own_cases_and_the_most_severe_comes_first() {
        let differs = |name: &str| CaseResult::judged(name, "", vec![Finding::differs(gone("x"))]);
        let breaks = Finding::breaks(gone("x")).meaning("fails");
        let cases = [
            differs("up/a"),
            differs("up/b"),
            CaseResult::judged("up/c", "", vec![breaks]),
            CaseResult::judged("up/d", "", vec![Finding::false_safe("it says yes")]),
        ];
        let found = causes(&cases, "dist/c.whl");
        let shown: Vec<(Class, usize)> = found
            .iter()
            .map(|cause| (cause.class, cause.cases.len()))
            .collect();
        assert_eq!(
            shown,
            [
                (Class::FalseSafe, 1),
                (Class::Breaks, 1),
                (Class::Differs, 2)
            ]
        );
        assert_eq!(found[1].again, "confiture-gate dist/c.whl --only up/c");
        assert_eq!(found[1].consequence.as_deref(), Some("fails"));
    }
}
