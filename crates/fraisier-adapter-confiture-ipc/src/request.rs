//! What a message asks for: JSON-RPC 2.0, strictly.

mod call;
mod unambiguous;

use std::fmt::Display;
use std::io;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
use fraisier_adapter_confiture::tools::Redactor;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::call::{Call, INVALID_PARAMS};
use self::unambiguous::Unambiguous;

/// The bytes are not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// The JSON is not a request.
pub const INVALID_REQUEST: i32 = -32600;

/// How many bytes of what was received are repeated in an error.
const QUOTE_LIMIT: usize = 300;

/// A request for a call of the adapter.
#[derive(Debug)]
pub struct Request {
    /// The response repeats it, so that its reader knows to which request it belongs.
    pub id: Id,
    /// What is asked for.
    pub call: Call,
}

/// The `id` of a request, unchanged; `null` if none could be read.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Id(Box<RawValue>);

impl Default for Id {
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl Id {
    /// The `id` for a call by hand: the one that fraisier gives its only request.
    ///
    /// # Panics
    ///
    /// Never: a number is JSON.
    #[must_use]
    pub fn by_hand() -> Self {
        Self(serde_json::value::to_raw_value(&1).expect("a number is JSON"))
    }

    /// JSON-RPC allows strings, numbers and `null`.
    fn new(raw: &RawValue) -> Option<Self> {
        let known = !raw.get().starts_with(['{', '[', 't', 'f']);
        known.then(|| Self(raw.to_owned()))
    }
}

/// A message that is not a request for a call. The response to it is an error.
#[derive(Debug)]
pub struct Refusal {
    /// The `id` to answer to.
    pub id: Id,
    /// What is wrong.
    pub error: AdapterError,
}

impl Refusal {
    fn new(id: Id, code: i32, why: impl Display) -> Self {
        let why = quoted(&why.to_string());
        let message = format!("this is not a request: {why}; nothing was started");
        let error = AdapterError {
            code,
            ..AdapterError::new(AdapterErrorKind::Protocol, message)
        };
        Self { id, error }
    }
}

impl From<io::Error> for Refusal {
    fn from(why: io::Error) -> Self {
        let why = format!("standard input contains no message: {why}");
        Self::new(Id::default(), PARSE_ERROR, why)
    }
}

/// Reads the request in a message.
///
/// # Errors
///
/// A [`Refusal`] with the `id` of the request, where that can be read, and the number that JSON-RPC
/// defines for what is wrong: no JSON (-32700), no request (-32600), an unknown method (-32601), parameters that
/// do not fit the method (-32602).
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
    let no_json = |why: String| Refusal::new(Id::default(), PARSE_ERROR, why);
    let no_request = |why: &str| Refusal::new(Id::default(), INVALID_REQUEST, why);
    let text = str::from_utf8(message).map_err(|why| no_json(format!("it is not UTF-8: {why}")))?;
    serde_json::from_str::<Unambiguous>(text).map_err(|why| {
        if why.is_data() {
            no_request(&why.to_string())
        } else {
            no_json(format!("it is not JSON: {why}"))
        }
    })?;
    match text.trim_ascii_start().as_bytes() {
        [b'{', ..] => {}
        [b'[', ..] => {
            return Err(no_request(
                "it is a batch, and this program answers one request",
            ));
        }
        _ => return Err(no_request("it is not an object")),
    }
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|why| no_request(&why.to_string()))?;
    let notification = "without an `id` it is a notification, and nobody would receive its result";
    let id = envelope.id.ok_or_else(|| no_request(notification))?;
    let id = Id::new(id).ok_or_else(|| no_request("its `id` is not a string, a number or null"))?;
    if envelope.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
        return Err(Refusal::new(
            id,
            INVALID_REQUEST,
            "its `jsonrpc` is not \"2.0\"",
        ));
    }
    let method = envelope.method.map(RawValue::get).unwrap_or_default();
    let Ok(method) = serde_json::from_str::<String>(method) else {
        return Err(Refusal::new(
            id,
            INVALID_REQUEST,
            "its `method` is not a string",
        ));
    };
    match Call::new(&method, envelope.params) {
        Ok(call) => Ok(Request { id, call }),
        Err(error) => Err(Refusal { id, error }),
    }
}

/// Part of what was received, as it may stand in an error: without what looks like a secret, and bounded.
fn quoted(text: &str) -> String {
    let text = Redactor::default().text(text).into_owned();
    Redactor::bounded(&text, QUOTE_LIMIT).into_owned()
}

/// A value that is present, which may be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
