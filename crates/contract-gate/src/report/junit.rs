//! The report as `JUnit` XML: a suite for each operation of each candidate.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::words::told;
use crate::result::{CaseResult, Class, Finding, Judgement, Report};

/// The text of the `JUnit` report.
///
/// # Panics
///
/// Never: what is written to memory can be written.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut suites = Suites::new("contract gate");
    for judged in &report.candidates {
        for operation in operations(judged) {
            suites.add_test_suite(suite(judged, operation));
        }
        if let Some(why) = &judged.stopped {
            let mut suite = TestSuite::new(format!("confiture {}", judged.version));
            suite.add_test_case(failed("the gate ran to its end", "unknown", why, ""));
            suites.add_test_suite(suite);
        }
    }
    if !report.stale.is_empty() {
        let mut suite = TestSuite::new("accepted differences");
        for stale in &report.stale {
            let why = "it is accepted, and no longer occurs";
            suite.add_test_case(failed(stale, "stale", why, ""));
        }
        suites.add_test_suite(suite);
    }
    suites.to_string().expect("it is written to memory")
}

fn operations(judged: &Judgement) -> Vec<&str> {
    let mut operations: Vec<&str> = Vec::new();
    for case in &judged.cases {
        if !operations.contains(&case.operation()) {
            operations.push(case.operation());
        }
    }
    operations
}

fn suite(judged: &Judgement, operation: &str) -> TestSuite {
    let mut suite = TestSuite::new(format!("confiture {} / {operation}", judged.version));
    for case in judged
        .cases
        .iter()
        .filter(|case| case.operation() == operation)
    {
        let mut test = test(judged, case);
        test.set_classname(format!("confiture {}", judged.version));
        test.set_time(Duration::from_millis(case.milliseconds));
        suite.add_test_case(test);
    }
    suite
}

fn test(judged: &Judgement, case: &CaseResult) -> TestCase {
    if let Some(why) = &case.not_judged {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("not judged: {why}"));
        return TestCase::new(&case.name, status);
    }
    let accepted = |finding: &&Finding| {
        judged
            .causes
            .iter()
            .any(|cause| cause.change == finding.change && cause.accepted.is_some())
    };
    let breaks = |finding: &&Finding| finding.class == Class::Breaks;
    let broken: Vec<&Finding> = case
        .findings
        .iter()
        .filter(breaks)
        .filter(|finding| !accepted(finding))
        .collect();
    if let Some(first) = broken.first() {
        let lines: Vec<String> = case.findings.iter().map(line).collect();
        return failed(
            &case.name,
            "breaks",
            &first.change.to_string(),
            &lines.join("\n"),
        );
    }
    let mut test = TestCase::new(&case.name, TestCaseStatus::success());
    if !case.findings.is_empty() {
        let lines: Vec<String> = case.findings.iter().map(line).collect();
        test.set_system_out(lines.join("\n"));
    }
    test
}

fn failed(name: &str, kind: &str, message: &str, description: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message);
    if !description.is_empty() {
        status.set_description(description);
    }
    TestCase::new(name, status)
}

/// A finding in one line, with the values before and now.
fn line(finding: &Finding) -> String {
    let line = told(finding);
    match (&finding.before, &finding.now) {
        (Some(before), Some(now)) => format!("{line}; before {before}; now {now}"),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_report_of_three_candidates() {
        let candidates = vec![testing::drifted(), testing::unchanged(), testing::halted()];
        let report = Report::new(candidates, false, vec!["exit:1:2".to_owned()]);
        insta::assert_snapshot!("junit", render(&report));
    }
}
