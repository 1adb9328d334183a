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
            ok: true,
            verdict: String::new(),
            checks,
        };
        let worst = diagnosis.worst();
        let names = diagnosis.with(worst);
        diagnosis.ok = worst != Grade::Fail;
        diagnosis.verdict = match worst {
            Grade::Ok => "nothing prevents a deploy".into(),
            Grade::Warn => format!("nothing prevents a deploy; read about {names}"),
            Grade::Unknown => format!("no problem was found, but this is unknown: {names}"),
            Grade::Fail => format!("a deploy fails: {names}"),
        };
        diagnosis
    }

    fn worst(&self) -> Grade {
        let grades = self.checks.iter().map(|finding| finding.grade);
        grades.max().unwrap_or(Grade::Ok)
    }

    /// The checks with this grade.
    fn with(&self, grade: Grade) -> String {
        let findings = self.checks.iter().filter(|it| it.grade == grade);
        let mut names: Vec<&str> = findings.map(|it| it.check).collect();
        names.dedup();
        names.join(", ")
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> exit::Status {
        match self.worst() {
            Grade::Ok | Grade::Warn => exit::Status::Done,
            Grade::Unknown => exit::Status::Unknown,
            Grade::Fail => exit::Status::Refused,
        }
    }

    /// Readable. The last line is the verdict.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        // A warning does not change the verdict.
        let grade = match self.worst() {
            Grade::Warn => Grade::Ok,
            worst => worst,
        };
        let verdict = Finding::new("verdict", grade, &*self.verdict);
        for finding in self.checks.iter().chain([&verdict]) {
            let (style, grade) = match finding.grade {
                Grade::Ok => (GOOD, "ok"),
                Grade::Warn => (DOUBT, "warn"),
                Grade::Unknown => (FAINT, "unknown"),
                Grade::Fail => (BAD, "fail"),
            };
            let label = format!("{grade:<7} {:<11}", finding.check);
            page.row(style, &label, &*finding.evidence);
            if !finding.next.is_empty() {
                page.under(20, format!("Next: {}", finding.next));
            }
        }
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
