//! The boundary of the adapter: results, failures and events are redacted here before a caller gets them.
//!
//! Inside, a call fails with a [`Failure`], whose texts may contain secrets. Only this module makes an
//! `AdapterError` of one; a lint forbids it to the rest of the crate.

use fraisier_adapter_api::{
    AdapterDescription, AdapterError, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use crate::failure::Failure;
use crate::operation::Operation;
use crate::redact::{Redact, Redacted, Redactor};

/// The result of a call, redacted for its caller.
pub(crate) fn result<T: Redact>(
    operation: Operation,
    redactor: &Redactor,
    result: Result<T, Failure>,
) -> Result<T, AdapterError> {
    match result {
        Ok(value) => Ok(Redacted::new(value, redactor).into_inner()),
        Err(failure) => Err(operation_error(operation, redactor, failure)),
    }
}

/// The error of a call.
pub(crate) fn operation_error(
    operation: Operation,
    redactor: &Redactor,
    failure: Failure,
) -> AdapterError {
    AdapterError {
        operation: Some(operation.as_str().into()),
        ..error(redactor, failure)
    }
}

/// An error outside of calls, such as that of a variable with an invalid value.
pub(crate) fn error(redactor: &Redactor, failure: Failure) -> AdapterError {
    Redacted::new(failure, redactor)
        .map(Failure::worded)
        .into_inner()
}

impl Redact for Option<Revision> {
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

    use fraisier_adapter_api::AdapterErrorKind;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::failure::{Advice, DatabaseState};

    const SECRET: &str = "hV7q-Tz2mXw9";

    fn redactor() -> Redactor {
        Redactor::new([], [SECRET])
    }

    /// Expects that each occurrence of the secret in a result is masked.
    fn assert_redacted<T: Redact + Serialize + DeserializeOwned + Debug>(value: Value) {
        let expected = value.to_string().replace(SECRET, "***");
        let value: T = serde_json::from_value(value).expect("a result");
        let redacted = result(Operation::Up, &redactor(), Ok(value)).expect("a result");
        let redacted = serde_json::to_value(redacted).expect("JSON").to_string();
        assert_eq!(redacted, expected);
    }

    #[test]
    fn every_text_of_a_result_is_redacted() {
        assert_redacted::<Option<Revision>>(json!(SECRET));
        assert_redacted::<AdapterDescription>(json!({
            "name": "confiture", "version": SECRET, "protocol_version": 1,
            "capabilities": ["up"],
        }));
        assert_redacted::<MigrationOutcome>(json!({
            "from": SECRET, "to": SECRET, "applied": [SECRET], "log": SECRET,
        }));
        assert_redacted::<VerifyReport>(json!({
            "ok": false, "checks": [{"name": SECRET, "ok": false, "detail": SECRET}],
        }));
        assert_redacted::<PreflightReport>(json!({
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
    fn an_error_names_its_operation_and_is_redacted() {
        let kind = AdapterErrorKind::Execution;
        let failure = Failure {
            evidence: SECRET.into(),
            ..Failure::new(kind, SECRET, DatabaseState::Untouched, Advice::None)
        };
        let failed = result::<Option<Revision>>(Operation::DownTo, &redactor(), Err(failure));
        let error = failed.expect_err("an error");
        assert_eq!(error.operation.as_deref(), Some("down_to"));
        assert!(error.message.starts_with("***; "), "{error}");
        assert_eq!(error.stderr.as_deref(), Some("***"));
    }
}
