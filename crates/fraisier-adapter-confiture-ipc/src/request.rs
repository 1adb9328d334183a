//! What a message asks for: JSON-RPC 2.0, strictly.

mod call;
mod quote;
mod unambiguous;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::call::{Call, INVALID_PARAMS};
use self::quote::quoted;
use self::unambiguous::Unambiguous;
use crate::frame::FrameError;

/// The bytes are not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// The JSON is not a request.
pub const INVALID_REQUEST: i32 = -32600;

/// A request that can be answered by the adapter.
#[derive(Debug)]
pub struct Request {
    /// What the response carries, so that its reader knows what it answers.
    pub id: Id,
    /// What is asked for.
    pub call: Call,
}

/// The `id` of a request, as it came; `null` where none could be read.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Id(Box<RawValue>);

impl Default for Id {
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl Id {
    /// That of a call made by hand: the one that fraisier gives its only request.
    ///
    /// # Panics
    ///
    /// Never: a number is JSON.
    #[must_use]
    pub fn by_hand() -> Self {
        Self(serde_json::value::to_raw_value(&1).expect("a number is JSON"))
    }

    /// JSON-RPC knows texts, numbers and `null`.
    fn new(raw: &RawValue) -> Option<Self> {
        let known = !raw.get().starts_with(['{', '[', 't', 'f']);
        known.then(|| Self(raw.to_owned()))
    }
}

/// A message that is answered with an error, because nothing can be asked of the adapter with it.
#[derive(Debug)]
pub struct Refusal {
    /// The `id` to answer to.
    pub id: Id,
    /// What is wrong.
    pub error: AdapterError,
}

impl Refusal {
    fn new(id: Id, code: i32, why: &str) -> Self {
        let message = format!(
            "this is not a request: {}; nothing was started",
            quoted(why)
        );
        let error = AdapterError {
            code,
            ..AdapterError::new(AdapterErrorKind::Protocol, message)
        };
        Self { id, error }
    }
}

impl From<FrameError> for Refusal {
    fn from(why: FrameError) -> Self {
        Self::new(
            Id::default(),
            PARSE_ERROR,
            &format!("standard input holds no message: {why}"),
        )
    }
}

/// Reads the request in a message.
///
/// # Errors
///
/// A [`Refusal`] with the `id` of the request, where that can be read, and the number that JSON-RPC
/// has for what is wrong: no JSON (-32700), no request (-32600), no such method (-32601), other
/// parameters than the method has (-32602).
pub fn parse(message: &[u8]) -> Result<Request, Refusal> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        jsonrpc: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        id: Option<&'a RawValue>,
        #[serde(borrow)]
        method: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        params: Option<&'a RawValue>,
    }
    let refuse = |id, code, why: &str| Err(Refusal::new(id, code, why));
    let none = Id::default;
    let text = match str::from_utf8(message) {
        Ok(text) => text,
        Err(why) => return refuse(none(), PARSE_ERROR, &format!("it is not UTF-8: {why}")),
    };
    match serde_json::from_str::<Unambiguous>(text) {
        Ok(_) => {}
        Err(why) if why.is_data() => return refuse(none(), INVALID_REQUEST, &why.to_string()),
        Err(why) => return refuse(none(), PARSE_ERROR, &format!("it is not JSON: {why}")),
    }
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {}
        Some(b'[') => {
            return refuse(
                none(),
                INVALID_REQUEST,
                "it is a batch, and this program answers one request",
            );
        }
        _ => return refuse(none(), INVALID_REQUEST, "it is not an object"),
    }
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(why) => return refuse(none(), INVALID_REQUEST, &why.to_string()),
    };
    let id = match envelope.id.map(Id::new) {
        Some(Some(id)) => id,
        Some(None) => {
            return refuse(
                none(),
                INVALID_REQUEST,
                "its `id` is not a text, number or null",
            );
        }
        None => {
            let why = "without an `id` it is a notification, whose outcome nobody would learn";
            return refuse(none(), INVALID_REQUEST, why);
        }
    };
    if envelope.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
        return refuse(id, INVALID_REQUEST, "its `jsonrpc` is not \"2.0\"");
    }
    let method = envelope
        .method
        .map(|method| serde_json::from_str::<String>(method.get()));
    let Some(Ok(method)) = method else {
        return refuse(id, INVALID_REQUEST, "its `method` is not a text");
    };
    match Call::new(&method, envelope.params) {
        Ok(call) => Ok(Request { id, call }),
        Err(error) => Err(Refusal { id, error }),
    }
}

/// A value that is there, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
