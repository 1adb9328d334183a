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
    /// The checks, in the order in which a deploy depends on them.
    pub checks: Vec<Finding>,
}

impl Diagnosis {
    pub(super) fn new(mut checks: Vec<Finding>, redactor: &Redactor) -> Self {
        for finding in &mut checks {
            finding.evidence = redactor.text(&finding.evidence).into_owned();
        }
        Self {
            ok: checks.iter().all(|finding| finding.grade != Grade::Fail),
            checks,
        }
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> exit::Status {
        if !self.ok {
            exit::Status::Refused
        } else if self
            .checks
            .iter()
            .any(|finding| finding.grade == Grade::Unknown)
        {
            exit::Status::Unknown
        } else {
            exit::Status::Done
        }
    }

    /// Readable.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        for finding in &self.checks {
            let style = match finding.grade {
                Grade::Ok => GOOD,
                Grade::Warn => DOUBT,
                Grade::Fail => BAD,
                Grade::Unknown => FAINT,
            };
            let label = format!("{:<7} {:<11}", finding.grade.to_string(), finding.check);
            page.row(style, &label, finding.evidence.as_str());
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
                .map(|grade| Finding::new("x", *grade, "e", "n"));
            Diagnosis::new(checks.collect(), &Redactor::default())
        };
        assert_eq!(diagnosis(&[Ok, Warn]).exit(), exit::Status::Done);
        assert_eq!(diagnosis(&[Ok, Unknown]).exit(), exit::Status::Unknown);
        assert_eq!(diagnosis(&[Unknown, Fail]).exit(), exit::Status::Refused);
        assert!(!diagnosis(&[Fail]).ok && diagnosis(&[Warn, Unknown]).ok);
    }

    #[test]
    fn evidence_is_redacted() {
        let redactor = Redactor::new(["postgresql://app:s3cr3t-canary@db/shop"], []);
        let finding = Finding::ok("x", "it said s3cr3t-canary");
        let diagnosis = Diagnosis::new(vec![finding], &redactor);
        let json = serde_json::to_string(&diagnosis).expect("serialised");
        assert!(!json.contains("s3cr3t"), "{json}");
        assert!(!diagnosis.page().render(80).contains("s3cr3t"));
    }
}
