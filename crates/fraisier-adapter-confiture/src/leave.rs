//! The one way out of the adapter: whatever leaves has passed the redactor here.
//!
//! Inside, a call fails with a [`Failure`], whose texts may hold secrets. Only [`leave`] makes an
//! `AdapterError` of one; a lint keeps the rest of the crate from making its own.

use fraisier_adapter_api::{
    AdapterDescription, AdapterError, MigrationOutcome, PreflightReport, Revision, VerifyReport,
};

use crate::failure::Failure;
use crate::operation::Operation;
use crate::redact::{Leaves, Redacted, Redactor};

/// The answer of a call, redacted, as its caller gets it.
pub(crate) fn leave<T: Leaves>(
    operation: Operation,
    redactor: &Redactor,
    answer: Result<T, Failure>,
) -> Result<T, AdapterError> {
    match answer {
        Ok(answer) => Ok(Redacted::new(answer, redactor).into_inner()),
        Err(failure) => Err(in_operation(operation, redactor, failure)),
    }
}

/// The error of a call.
pub(crate) fn in_operation(
    operation: Operation,
    redactor: &Redactor,
    failure: Failure,
) -> AdapterError {
    AdapterError {
        operation: Some(operation.as_str().into()),
        ..error(redactor, failure)
    }
}

/// An error outside of calls, such as that of a variable with a wrong value.
pub(crate) fn error(redactor: &Redactor, failure: Failure) -> AdapterError {
    Redacted::new(failure, redactor)
        .map(Failure::worded)
        .into_inner()
}

impl Leaves for Option<Revision> {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names(self.iter_mut().map(|it| &mut it.0));
    }
}

impl Leaves for AdapterDescription {
    fn redact(&mut self, redactor: &Redactor) {
        redactor.names([&mut self.version]);
    }
}

impl Leaves for MigrationOutcome {
    fn redact(&mut self, redactor: &Redactor) {
        let revisions = self.applied.iter_mut().chain(&mut self.from);
        redactor.names(revisions.chain(&mut self.to).map(|it| &mut it.0));
        redactor.prose([&mut self.log]);
    }
}

impl Leaves for VerifyReport {
    fn redact(&mut self, redactor: &Redactor) {
        for check in &mut self.checks {
            redactor.names([&mut check.name]);
            redactor.prose(&mut check.detail);
        }
    }
}

impl Leaves for PreflightReport {
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

    /// An answer with the secret in every text leaves with none.
    fn leaves<T: Leaves + Serialize + DeserializeOwned + Debug>(answer: Value) {
        let expected = answer.to_string().replace(SECRET, "***");
        let answer: T = serde_json::from_value(answer).expect("an answer");
        let left = leave(Operation::Up, &redactor(), Ok(answer)).expect("an answer");
        let left = serde_json::to_value(left).expect("JSON").to_string();
        assert_eq!(left, expected);
    }

    #[test]
    fn every_text_of_an_answer_passes_the_redactor() {
        leaves::<Option<Revision>>(json!(SECRET));
        leaves::<AdapterDescription>(json!({
            "name": "confiture", "version": SECRET, "protocol_version": 1,
            "capabilities": ["up"],
        }));
        leaves::<MigrationOutcome>(json!({
            "from": SECRET, "to": SECRET, "applied": [SECRET], "log": SECRET,
        }));
        leaves::<VerifyReport>(json!({
            "ok": false, "checks": [{"name": SECRET, "ok": false, "detail": SECRET}],
        }));
        leaves::<PreflightReport>(json!({
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
    fn an_error_leaves_with_its_operation_and_no_secret() {
        let kind = AdapterErrorKind::Execution;
        let failure = Failure {
            evidence: SECRET.into(),
            ..Failure::new(kind, SECRET, DatabaseState::Untouched, Advice::None)
        };
        let left = leave::<Option<Revision>>(Operation::DownTo, &redactor(), Err(failure));
        let error = left.expect_err("an error");
        assert_eq!(error.operation.as_deref(), Some("down_to"));
        assert!(error.message.starts_with("***; "), "{error}");
        assert_eq!(error.stderr.as_deref(), Some("***"));
    }
}
