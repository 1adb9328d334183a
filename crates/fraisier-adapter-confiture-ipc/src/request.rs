//! What a message asks for: JSON-RPC 2.0, strictly.

use std::collections::BTreeSet;
use std::fmt;

use fraisier_adapter_api::{AdapterCtx, AdapterError, AdapterErrorKind, Revision};
use fraisier_adapter_confiture::tools::Redactor;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::frame::FrameError;

/// The bytes are no JSON.
pub const PARSE_ERROR: i32 = -32700;
/// The JSON is no request.
pub const INVALID_REQUEST: i32 = -32600;
/// The method takes other parameters.
pub const INVALID_PARAMS: i32 = -32602;

/// How many bytes of what came are repeated in an error.
const QUOTE_LIMIT: usize = 300;

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

/// A method of the adapter with its parameters.
#[derive(Debug, Clone)]
pub enum Call {
    /// `describe`.
    Describe,
    /// `current_revision`.
    CurrentRevision(Box<AdapterCtx>),
    /// `up`, to a target or all the way.
    Up(Box<AdapterCtx>, Option<Revision>),
    /// `down_to` a target.
    DownTo(Box<AdapterCtx>, Revision),
    /// `verify`.
    Verify(Box<AdapterCtx>),
    /// `preflight`.
    Preflight(Box<AdapterCtx>),
    /// `post_migrate`.
    PostMigrate(Box<AdapterCtx>),
}

impl Call {
    /// The name of the method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::CurrentRevision(_) => "current_revision",
            Self::Up(..) => "up",
            Self::DownTo(..) => "down_to",
            Self::Verify(_) => "verify",
            Self::Preflight(_) => "preflight",
            Self::PostMigrate(_) => "post_migrate",
        }
    }

    /// What is known of the database when the call was stopped, as a clause.
    #[must_use]
    pub const fn state_when_stopped(&self) -> &'static str {
        match self {
            Self::Up(..) | Self::DownTo(..) => {
                "migrations that had ended stay, and what became of the one under way is unknown: \
                 ask `current_revision` before anything else"
            }
            _ => "the database was not changed by this call",
        }
    }

    fn new(method: &str, params: Option<&RawValue>) -> Result<Self, AdapterError> {
        #[derive(Deserialize)]
        struct Nothing {}
        #[derive(Deserialize)]
        struct Context {
            ctx: Box<AdapterCtx>,
        }
        #[derive(Deserialize)]
        struct Bound {
            ctx: Box<AdapterCtx>,
            #[serde(default)]
            target: Option<Revision>,
        }
        #[derive(Deserialize)]
        struct Target {
            ctx: Box<AdapterCtx>,
            target: Revision,
        }
        let context = || read::<Context>(method, params).map(|params| params.ctx);
        Ok(match method {
            "describe" => {
                if let Some(params) = params.filter(|params| params.get() != "null") {
                    read::<Nothing>(method, Some(params))?;
                }
                Self::Describe
            }
            "current_revision" => Self::CurrentRevision(context()?),
            "up" => {
                let Bound { ctx, target } = read(method, params)?;
                Self::Up(ctx, target)
            }
            "down_to" => {
                let Target { ctx, target } = read(method, params)?;
                Self::DownTo(ctx, target)
            }
            "verify" => Self::Verify(context()?),
            "preflight" => Self::Preflight(context()?),
            "post_migrate" => Self::PostMigrate(context()?),
            unknown => return Err(AdapterError::method_not_supported(quoted(unknown))),
        })
    }
}

/// The parameters of a method, which go by name.
fn read<'a, T: Deserialize<'a>>(
    method: &str,
    params: Option<&'a RawValue>,
) -> Result<T, AdapterError> {
    let refuse = |why: &str| {
        let message = format!(
            "the `params` of `{method}` cannot be used: {}; nothing was started",
            quoted(why)
        );
        AdapterError {
            code: INVALID_PARAMS,
            operation: Some(method.into()),
            ..AdapterError::new(AdapterErrorKind::Protocol, message)
        }
    };
    let params = params.map_or("{}", RawValue::get);
    if !params.starts_with('{') {
        return Err(refuse("they are no object"));
    }
    serde_json::from_str(params).map_err(|why| refuse(&why.to_string()))
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
        let message = format!("this is no request: {}; nothing was started", quoted(why));
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

/// Part of what came, as it may stand in an error.
fn quoted(text: &str) -> String {
    let text = Redactor::default().text(text).into_owned();
    Redactor::bounded(&text, QUOTE_LIMIT).into_owned()
}

/// Reads the request in a message.
///
/// # Errors
///
/// A [`Refusal`] with the `id` of the request, where that can be read, and the number that JSON-RPC
/// has for what is wrong: no JSON (-32700), no request (-32600), no such method (-32601), other
/// parameters than the method takes (-32602).
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
        Err(why) => return refuse(none(), PARSE_ERROR, &format!("it is no JSON: {why}")),
    }
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {}
        Some(b'[') => {
            return refuse(
                none(),
                INVALID_REQUEST,
                "a batch, and one call is one process",
            );
        }
        _ => return refuse(none(), INVALID_REQUEST, "it is no object"),
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
                "its `id` is no text, number or null",
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
        return refuse(id, INVALID_REQUEST, "its `method` is no text");
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

/// Any JSON in which no object has a key twice: of two values, every reader would take another one.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Self>()?;
            if !keys.insert(key) {
                return Err(A::Error::custom("an object has a key twice"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
