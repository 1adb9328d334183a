//! What stands in the way of a deploy: looked at, never touched.
//!
//! Nothing is changed, and no lock of migrations is taken. Each check is bounded in time, and all are
//! made whatever the others say. What is told passes the redactor.

mod connection;
mod database;
mod dsn;
mod files;
mod history;
mod ledger;
mod program;
mod question;
mod server;
mod sessions;
mod target;
mod tls;

use std::fmt;

use fraisier_adapter_confiture::tools::Redactor;
use serde::Serialize;

use crate::cli::Project;
use crate::cli::page::{BAD, DOUBT, FAINT, GOOD, Page};
use crate::exit;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, and something about it should be known.
    Warn,
    /// It is in the way.
    Fail,
    /// The check could not be made.
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        })
    }
}

/// One check, made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub check: &'static str,
    /// What came of it.
    pub status: Status,
    /// What was seen.
    pub evidence: String,
    /// What to do; empty when there is nothing to do.
    pub next: String,
}

impl Finding {
    fn new(check: &'static str, status: Status, evidence: impl Into<String>, next: &str) -> Self {
        Self {
            check,
            status,
            evidence: evidence.into(),
            next: next.into(),
        }
    }

    fn ok(check: &'static str, evidence: impl Into<String>) -> Self {
        Self::new(check, Status::Ok, evidence, "")
    }

    fn unknown(check: &'static str, evidence: impl Into<String>) -> Self {
        Self::new(check, Status::Unknown, evidence, "")
    }
}

/// What all checks found.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// Whether none failed.
    pub ok: bool,
    /// The checks, in the order in which a deploy depends on them.
    pub checks: Vec<Finding>,
}

impl Diagnosis {
    fn new(mut checks: Vec<Finding>, redactor: &Redactor) -> Self {
        for finding in &mut checks {
            finding.evidence = redactor.text(&finding.evidence).into_owned();
        }
        Self {
            ok: checks.iter().all(|finding| finding.status != Status::Fail),
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
            .any(|finding| finding.status == Status::Unknown)
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
            let style = match finding.status {
                Status::Ok => GOOD,
                Status::Warn => DOUBT,
                Status::Fail => BAD,
                Status::Unknown => FAINT,
            };
            let label = format!("{:<7} {:<11}", finding.status.to_string(), finding.check);
            page.row(style, &label, finding.evidence.as_str());
            if !finding.next.is_empty() {
                page.under(20, format!("Next: {}", finding.next));
            }
        }
        page
    }
}

/// Makes every check.
pub(crate) async fn examine(project: &Project) -> Diagnosis {
    let mut checks = program::examine().await;
    let files = files::examine(project, &mut checks);
    let (redactor, secret) = target::secret(project, &mut checks);
    if let Some(target) = secret {
        let client = connection::examine(&target, &mut checks).await;
        database::examine(client, &target, &files, &mut checks).await;
    } else {
        let why = "not made: there is no connection string";
        let names = connection::CHECKS.into_iter().chain(database::CHECKS);
        checks.extend(names.map(|check| Finding::unknown(check, why)));
    }
    Diagnosis::new(checks, &redactor)
}

#[cfg(test)]
mod tests {
    use super::Status::{Fail, Ok, Unknown, Warn};
    use super::*;

    #[test]
    fn the_worst_finding_decides_the_exit_status() {
        let diagnosis = |statuses: &[Status]| {
            let checks = statuses
                .iter()
                .map(|status| Finding::new("x", *status, "e", "n"));
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
