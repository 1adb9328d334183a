//! The boundary of the adapter: every result and event is redacted here or by its own
//! [`Redact`](crate::redact::Redact) before a caller gets it.

use fraisier_adapter_api::{
    AdapterDescription, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use crate::failure::{Failure, Fault};
use crate::operation::Operation;
use crate::process::Report;
use crate::python::NotRun;
use crate::redact::{Redact, Redacted, Redactor};

/// The result of a call, as its caller gets it.
pub(crate) fn result<T: Redact>(
    operation: Operation,
    redactor: &Redactor,
    result: Result<T, Fault>,
) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(Redacted::new(value, redactor).into_inner()),
        Err(fault) => Err(fault.redacted(Some(operation.as_str()), redactor)),
    }
}

/// The tool that gets the report masks the secrets in it.
impl Redact for Result<Report, NotRun> {
    fn redact(&mut self, _: &Redactor) {}
}

impl Redact for Option<Revision> {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names(self.iter_mut().map(|it| &mut it.0));
    }

    fn summary(&self) -> (Option<&Revision>, Option<&Revision>, usize) {
        (None, self.as_ref(), 0)
    }
}

impl Redact for Vec<Revision> {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names(self.iter_mut().map(|it| &mut it.0));
    }
}

impl Redact for AdapterDescription {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names([&mut self.version]);
    }
}

impl Redact for MigrationOutcome {
    fn redact(&mut self, redactor: &Redactor) {
        let revisions = self.applied.iter_mut().chain(&mut self.from);
        redactor.names(revisions.chain(&mut self.to).map(|it| &mut it.0));
        redactor.prose([&mut self.log]);
    }

    fn summary(&self) -> (Option<&Revision>, Option<&Revision>, usize) {
        (self.from.as_ref(), self.to.as_ref(), self.applied.len())
    }
}

impl Redact for VerifyReport {
    fn redact(&mut self, redactor: &Redactor) {
        for check in &mut self.checks {
            redactor.names([&mut check.name]);
            redactor.prose(&mut check.detail);
        }
    }
}

impl Redact for PreflightReport {
    fn redact(&mut self, redactor: &Redactor) {
        for issue in &mut self.issues {
            redactor.prose([&mut issue.message]);
            redactor.names(issue.migration.iter_mut().chain([&mut issue.code]));
        }
        for change in self.change_set.iter_mut().flat_map(|it| &mut it.changes) {
            redactor.prose(change.detail.iter_mut().chain([&mut change.object]));
            redactor.names(change.migration.iter_mut().chain([&mut change.kind]));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::failure::{Advice, DatabaseState};

    const SECRET: &str = "hV7q-Tz2mXw9";

    fn redactor() -> Redactor {
        Redactor::new([], [SECRET])
    }

    /// A result with the secret in every text is returned without it.
    fn is_redacted<T: Redact + Serialize + DeserializeOwned + Debug>(result: Value) {
        let expected = result.to_string().replace(SECRET, "***");
        let result: T = serde_json::from_value(result).expect("a result");
        let found = super::result(Operation::Up, &redactor(), Ok(result)).expect("a result");
        let found = serde_json::to_value(found).expect("JSON").to_string();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_text_of_a_result_is_redacted() {
        is_redacted::<Option<Revision>>(json!(SECRET));
        is_redacted::<Vec<Revision>>(json!([SECRET]));
        is_redacted::<AdapterDescription>(json!({
            "name": "confiture", "version": SECRET, "protocol_version": 1,
            "capabilities": ["up"],
        }));
        is_redacted::<MigrationOutcome>(json!({
            "from": SECRET, "to": SECRET, "applied": [SECRET], "log": SECRET,
        }));
        is_redacted::<VerifyReport>(json!({
            "ok": false, "checks": [{"name": SECRET, "ok": false, "detail": SECRET}],
        }));
        is_redacted::<PreflightReport>(json!({
            "ok": false,
            "issues": [{
                "severity": "warning", "code": SECRET, "message": SECRET, "migration": SECRET,
            }],
            "change_set": {"contract_version": 1, "changes": [{
                "kind": SECRET, "object": SECRET, "detail": SECRET, "migration": SECRET,
                "tier": null,
            }]},
        }));
    }

    #[test]
    fn an_error_has_its_operation_and_no_secret() {
        let kind = AdapterErrorKind::Execution;
        let fault = Fault::new(kind, SECRET, DatabaseState::Unchanged, Advice::none());
        let fault = fault.with_evidence(SECRET);
        let found = super::result::<Option<Revision>>(Operation::DownTo, &redactor(), Err(fault));
        let error = AdapterError::from(found.expect_err("an error"));
        assert_eq!(error.operation.as_deref(), Some("down_to"));
        assert!(error.message.starts_with("***; "), "{error}");
        assert_eq!(error.stderr.as_deref(), Some("***"));
    }
}
