use super::*;
use crate::testing;

#[test]
fn a_case_that_was_not_judged_is_never_green() {
    let mut judged = testing::unchanged();
    judged.settle();
    assert_eq!(judged.verdict, Verdict::Yes);
    judged
        .cases
        .push(CaseResult::not_judged("up/all", "", "no database"));
    judged.settle();
    assert_eq!(judged.verdict, Verdict::Unknown);
    assert_eq!(Report::new(vec![judged.clone()], false, vec![]).status(), 3);
    judged.cases.clear();
    judged.settle();
    assert_eq!(judged.verdict, Verdict::Unknown, "no case at all");
}

#[test]
fn each_status_has_one_meaning() {
    let status = |judged: Vec<Judgement>, interrupted, stale: &[&str]| {
        let stale = stale.iter().map(ToString::to_string).collect();
        Report::new(judged, interrupted, stale).status()
    };
    let (good, bad) = (testing::unchanged(), testing::drifted());
    assert_eq!(status(vec![good.clone()], false, &[]), 0);
    assert_eq!(status(vec![good.clone(), bad.clone()], false, &[]), 1);
    assert_eq!(status(vec![good.clone()], false, &["exit:6:1"]), 2);
    assert_eq!(status(vec![], false, &[]), 3);
    assert_eq!(status(vec![bad], true, &[]), 130);
}
