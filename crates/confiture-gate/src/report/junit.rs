//! The report as `JUnit` XML: a suite for each operation of each candidate.

use std::time::Duration;

use quick_junit::NonSuccessKind::{self, Error, Failure};
use quick_junit::{Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::view::{line, provenance};
use crate::result::{CaseResult, Class, Finding, Judgement, Report};
use crate::text::distinct;

/// The text of the `JUnit` report.
pub fn render(report: &Report) -> String {
    let mut suites = Suites::new("contract gate");
    for judged in &report.candidates {
        for operation in distinct(judged.cases.iter().map(CaseResult::operation)) {
            suites.add_test_suite(suite(judged, operation, &provenance(report)));
        }
        if let Some(why) = &judged.stopped {
            let mut suite = TestSuite::new(format!("confiture {}", judged.version));
            let name = "the gate ran to its end";
            suite.add_test_case(unsuccessful(name, Error, "unknown", why, ""));
            suites.add_test_suite(suite);
        }
    }
    if !report.stale.is_empty() {
        let mut suite = TestSuite::new("accepted differences");
        for stale in &report.stale {
            let why = "it is accepted, and no longer occurs";
            suite.add_test_case(unsuccessful(stale, Failure, "stale", why, ""));
        }
        suites.add_test_suite(suite);
    }
    suites.to_string().expect("it is written to memory")
}

fn suite(judged: &Judgement, operation: &str, provenance: &str) -> TestSuite {
    let run = format!("{} of {}", judged.run(), judged.catalogue);
    let mut suite = TestSuite::new(format!("confiture {} / {operation}", judged.version));
    suite.add_property(("provenance", provenance));
    suite.add_property(("cases run", run.as_str()));
    let of_operation = |case: &&CaseResult| case.operation() == operation;
    for case in judged.cases.iter().filter(of_operation) {
        let mut test = test(case);
        test.set_classname(format!("confiture {}", judged.version));
        test.set_time(Duration::from_millis(case.milliseconds));
        suite.add_test_case(test);
    }
    suite
}

fn test(case: &CaseResult) -> TestCase {
    if let Some(why) = &case.not_judged {
        return unsuccessful(&case.name, Error, "not judged", why, "");
    }
    let lines: Vec<String> = case.findings.iter().map(with_values).collect();
    let lines = lines.join("\n");
    let open = |finding: &&Finding| finding.class >= Class::Breaks && finding.accepted.is_none();
    if let Some(first) = case.findings.iter().find(open) {
        let (kind, message) = (first.class.as_str(), first.change.to_string());
        return unsuccessful(&case.name, Failure, kind, &message, &lines);
    }
    let mut test = TestCase::new(&case.name, TestCaseStatus::success());
    if !lines.is_empty() {
        test.set_system_out(lines);
    }
    test
}

fn unsuccessful(
    name: &str,
    status: NonSuccessKind,
    kind: &str,
    message: &str,
    description: &str,
) -> TestCase {
    let mut status = TestCaseStatus::non_success(status);
    status.set_type(kind).set_message(message);
    if !description.is_empty() {
        status.set_description(description);
    }
    TestCase::new(name, status)
}

/// A finding in one line, with the values before and now.
fn with_values(finding: &Finding) -> String {
    match (&finding.before, &finding.now) {
        (Some(before), Some(now)) => format!("{}; before {before}; now {now}", line(finding)),
        _ => line(finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests as testing;

    #[test]
    fn the_report_of_several_candidates() {
        insta::assert_snapshot!("junit", render(&testing::several()));
    }
}
