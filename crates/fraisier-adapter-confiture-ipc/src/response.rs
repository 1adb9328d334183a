//! The response: JSON-RPC 2.0.

use fraisier_adapter_api::AdapterErrorKind;
use fraisier_adapter_confiture::DatabaseState;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{Answer, CallError};
use crate::request::Id;

/// The response to a request.
///
/// To the engine, an error is its number and its message. There is no `data`: the engine puts it behind
/// the message, so that everything would be said twice. The evidence goes to standard error.
#[derive(Debug, Serialize)]
pub struct Response {
    jsonrpc: &'static str,
    id: Id,
    #[serde(flatten)]
    answer: Body,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Result(Box<RawValue>),
    Error {
        code: i32,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Data>,
    },
}

/// What a program can match on in an error.
#[derive(Debug, Serialize)]
struct Data {
    kind: AdapterErrorKind,
    /// What is known of the database; absent where the error is about no call.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<DatabaseState>,
}

impl Response {
    /// The response to the engine.
    #[must_use]
    pub fn new(id: Id, answer: Answer) -> Self {
        Self::with(id, answer, None)
    }

    /// The response to a call that was made by hand: an error has its kind and the state of the
    /// database as data.
    #[must_use]
    pub fn by_hand(answer: Answer) -> Self {
        let data = answer.as_ref().err().map(|error| Data {
            kind: error.error.kind,
            database: error.state.clone(),
        });
        Self::with(Id::by_hand(), answer, data)
    }

    fn with(id: Id, answer: Answer, data: Option<Data>) -> Self {
        Self {
            jsonrpc: "2.0",
            id,
            answer: match answer {
                Ok(result) => Body::Result(result),
                Err(CallError { error, .. }) => Body::Error {
                    code: error.code,
                    message: error.message,
                    data,
                },
            },
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
    use fraisier_adapter_api::AdapterError;
    use serde_json::value::to_raw_value;

    use super::*;

    fn json(response: &Response) -> String {
        String::from_utf8(response.to_json().expect("serialised")).expect("UTF-8")
    }

    #[test]
    fn an_empty_result_is_null_and_present() {
        let result = to_raw_value(&None::<String>).expect("serialised");
        assert_eq!(
            json(&Response::new(Id::default(), Ok(result))),
            r#"{"jsonrpc":"2.0","id":null,"result":null}"#
        );
    }

    #[test]
    fn an_error_has_number_and_message_without_evidence() {
        let error = AdapterError {
            stderr: Some("evidence".into()),
            ..AdapterError::new(AdapterErrorKind::LockContention, "held")
        };
        let error = CallError {
            error,
            state: Some(DatabaseState::Unchanged),
        };
        assert_eq!(
            json(&Response::new(Id::default(), Err(error.clone()))),
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32007,"message":"held"}}"#
        );
        let by_hand = json(&Response::by_hand(Err(error)));
        let data = r#""data":{"kind":"lock_contention","database":{"state":"unchanged"}}"#;
        assert!(by_hand.contains(data), "{by_hand}");
    }
}
