use super::*;
use crate::tests::{self as testing, report};

#[test]
fn a_partial_run_is_never_a_yes() {
    let mut judged = testing::unchanged();
    assert_eq!(judged.verdict, Verdict::Yes);
    judged.catalogue += 1;
    judged.settle();
    assert_eq!(judged.verdict, Verdict::NoVerdict);
    judged
        .cases
        .push(CaseResult::not_judged("up/all", "", "no database"));
    judged.settle();
    assert_eq!(judged.verdict, Verdict::Unknown);
    judged.cases.clear();
    judged.settle();
    assert_eq!(judged.verdict, Verdict::Unknown, "no case at all");
}

#[test]
fn a_case_that_an_interruption_cut_short_was_not_run() {
    let mut judged = testing::unchanged();
    let run = judged.run();
    assert_eq!(run, judged.cases.len());
    for why in [CUT_SHORT, "no database"] {
        judged.cases.push(CaseResult::not_judged("up/all", "", why));
    }
    assert_eq!(judged.run(), run + 1);
}

#[test]
fn a_strict_run_says_no_to_any_difference() {
    let mut judged = testing::unchanged();
    judged.strict = true;
    judged.settle();
    assert_eq!(judged.verdict, Verdict::Yes);
    let change = Change::FieldNew {
        field: "parser".to_owned(),
    };
    judged.cases[0].add(vec![Finding::differs(change)]);
    judged.settle();
    assert_eq!(judged.verdict, Verdict::No);
}

#[test]
fn each_status_has_one_meaning() {
    let status = |judged: Vec<Judgement>, interrupted, stale: &[&str]| {
        let report = report(judged);
        let stale = stale.iter().map(ToString::to_string).collect();
        Report::new(report.candidates, interrupted, stale, report.provenance).status()
    };
    let (good, bad) = (testing::unchanged(), testing::drifted());
    let mut partial = good.clone();
    partial.catalogue = 91;
    partial.settle();
    assert_eq!(status(vec![good.clone()], false, &[]), 0);
    assert_eq!(status(vec![good.clone(), bad.clone()], false, &[]), 1);
    assert_eq!(status(vec![partial.clone(), bad.clone()], false, &[]), 1);
    assert_eq!(status(vec![good.clone()], false, &["exit:6:1"]), 2);
    assert_eq!(
        status(vec![testing::halted(), partial.clone()], false, &[]),
        3
    );
    assert_eq!(status(vec![], false, &[]), 3);
    assert_eq!(status(vec![good, partial], false, &[]), 4);
    assert_eq!(status(vec![bad], true, &[]), 130);
}
