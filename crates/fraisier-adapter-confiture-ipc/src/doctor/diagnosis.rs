//! What all checks found, and what comes of it.

use fraisier_adapter_confiture::tools::Redactor;
use serde::Serialize;

use super::finding::{Finding, Grade};
use crate::exit;
use crate::page::{BAD, DOUBT, FAINT, GOOD, Page};

/// What all checks found.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// Whether none failed.
    pub ok: bool,
    /// What comes of them, in one sentence.
    pub verdict: String,
    /// The checks, in the order in which a deploy depends on them.
    pub checks: Vec<Finding>,
}

impl Diagnosis {
    pub(super) fn new(mut checks: Vec<Finding>, redactor: &Redactor) -> Self {
        for finding in &mut checks {
            for text in [&mut finding.evidence, &mut finding.next] {
                *text = redactor.text(text).into_owned();
            }
        }
        let mut diagnosis = Self {
            ok: checks.iter().all(|finding| finding.grade != Grade::Fail),
            verdict: String::new(),
            checks,
        };
        diagnosis.verdict = match diagnosis.exit() {
            exit::Status::Refused => format!("a deploy fails: {}", diagnosis.with(Grade::Fail)),
            exit::Status::Unknown => {
                let unknown = diagnosis.with(Grade::Unknown);
                format!("no problem was found, but this is unknown: {unknown}")
            }
            _ => match &*diagnosis.with(Grade::Warn) {
                "" => "nothing is in the way of a deploy".to_owned(),
                warned => format!("nothing is in the way of a deploy; read about {warned}"),
            },
        };
        diagnosis
    }

    /// The checks with this grade.
    fn with(&self, grade: Grade) -> String {
        let mut names: Vec<&str> = Vec::new();
        for finding in self.checks.iter().filter(|it| it.grade == grade) {
            if names.last() != Some(&finding.check) {
                names.push(finding.check);
            }
        }
        names.join(", ")
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> exit::Status {
        let any = |grade| self.checks.iter().any(|finding| finding.grade == grade);
        if !self.ok {
            exit::Status::Refused
        } else if any(Grade::Unknown) {
            exit::Status::Unknown
        } else {
            exit::Status::Done
        }
    }

    /// Readable. The last line is the verdict.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        let mut row = |grade: Grade, check: &str, evidence: &str, next: &str| {
            let style = match grade {
                Grade::Ok => GOOD,
                Grade::Warn => DOUBT,
                Grade::Fail => BAD,
                Grade::Unknown => FAINT,
            };
            let label = format!("{:<7} {check:<11}", grade.to_string());
            page.row(style, &label, evidence);
            if !next.is_empty() {
                page.under(20, format!("Next: {next}"));
            }
        };
        for finding in &self.checks {
            row(
                finding.grade,
                finding.check,
                &finding.evidence,
                &finding.next,
            );
        }
        let grade = match self.exit() {
            exit::Status::Refused => Grade::Fail,
            exit::Status::Unknown => Grade::Unknown,
            _ => Grade::Ok,
        };
        row(grade, "verdict", &self.verdict, "");
        page
    }
}

#[cfg(test)]
mod tests {
    use super::Grade::{Fail, Ok, Unknown, Warn};
    use super::*;

    #[test]
    fn the_worst_finding_decides_the_exit_status() {
        let diagnosis = |grades: &[Grade]| {
            let checks = grades
                .iter()
                .map(|grade| Finding::new("x", *grade, "e. Next: n"));
            Diagnosis::new(checks.collect(), &Redactor::default())
        };
        assert_eq!(diagnosis(&[Ok, Warn]).exit(), exit::Status::Done);
        assert_eq!(diagnosis(&[Ok, Unknown]).exit(), exit::Status::Unknown);
        assert_eq!(diagnosis(&[Unknown, Fail]).exit(), exit::Status::Refused);
        assert!(!diagnosis(&[Fail]).ok && diagnosis(&[Warn, Unknown]).ok);
        assert_eq!(diagnosis(&[Ok, Fail, Fail]).verdict, "a deploy fails: x");
        let page = diagnosis(&[Fail, Ok]).page().render(100);
        assert!(
            page.lines()
                .last()
                .is_some_and(|it| it.contains("a deploy fails: x")),
            "{page}"
        );
    }

    #[test]
    fn evidence_is_redacted() {
        let redactor = Redactor::new(["postgresql://app:s3cr3t-canary@db/shop"], []);
        let finding = Finding::new("x", Ok, "it said s3cr3t-canary");
        let diagnosis = Diagnosis::new(vec![finding], &redactor);
        let json = serde_json::to_string(&diagnosis).expect("serialised");
        assert!(!json.contains("s3cr3t"), "{json}");
        assert!(!diagnosis.page().render(80).contains("s3cr3t"));
    }
}
