//! What is answered: JSON-RPC 2.0.

use fraisier_adapter_api::AdapterError;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::request::Id;

/// The response to a request.
///
/// An error is its number and its message. There is no `data`: the engine puts it behind the
/// message, so that everything would be said twice. The evidence goes to standard error.
#[derive(Debug, Serialize)]
pub struct Response {
    jsonrpc: &'static str,
    id: Id,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Result(Box<RawValue>),
    Error { code: i32, message: String },
}

impl Response {
    /// The response that carries this answer.
    #[must_use]
    pub fn new(id: Id, answer: Result<Box<RawValue>, AdapterError>) -> Self {
        let answer = match answer {
            Ok(result) => Answer::Result(result),
            Err(AdapterError { code, message, .. }) => Answer::Error { code, message },
        };
        Self {
            jsonrpc: "2.0",
            id,
            answer,
        }
    }

    /// The response as it goes over the wire.
    ///
    /// # Errors
    ///
    /// Never, by what it is made of.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterErrorKind;
    use serde_json::value::to_raw_value;

    use super::*;

    fn json(answer: Result<Box<RawValue>, AdapterError>) -> String {
        let response = Response::new(Id::default(), answer);
        String::from_utf8(response.to_json().expect("serialised")).expect("UTF-8")
    }

    #[test]
    fn a_result_of_nothing_is_there_and_null() {
        let result = to_raw_value(&None::<String>).expect("serialised");
        assert_eq!(
            json(Ok(result)),
            r#"{"jsonrpc":"2.0","id":null,"result":null}"#
        );
    }

    #[test]
    fn an_error_is_its_number_and_message_and_keeps_its_evidence_to_itself() {
        let error = AdapterError {
            stderr: Some("evidence".into()),
            ..AdapterError::new(AdapterErrorKind::LockContention, "held")
        };
        assert_eq!(
            json(Err(error)),
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32007,"message":"held"}}"#
        );
    }
}
