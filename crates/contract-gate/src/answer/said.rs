//! The answer itself, and what fraisier decides on in it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract_tests::call::Call;
use fraisier_adapter_api::{AdapterError, RiskTier};
use serde_json::Value;

/// The place of what fraisier decides on that tells a result from an error.
pub(super) const OUTCOME: &str = "outcome";

/// The answer of the adapter in one case.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A result, in its JSON form.
    Result(Value),
    /// An error of this kind, after confiture was called.
    Error {
        /// The kind, in its wire form.
        kind: String,
        /// The message.
        message: String,
    },
    /// An error of this kind, before confiture was called.
    Refused {
        /// The kind, in its wire form.
        kind: String,
        /// The message.
        message: String,
    },
}

impl Said {
    /// The answer that the adapter gave just now.
    #[must_use]
    pub fn new(outcome: &Result<Value, AdapterError>, called: bool) -> Self {
        match outcome {
            Ok(result) => Self::Result(result.clone()),
            Err(error) => {
                let (kind, message) = (error.kind.to_string(), error.message.clone());
                if called {
                    Self::Error { kind, message }
                } else {
                    Self::Refused { kind, message }
                }
            }
        }
    }

    /// The answer that a snapshot beside a recording holds.
    ///
    /// # Errors
    /// When the text is no snapshot of a replay.
    pub fn parse(snapshot: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(snapshot).context("a snapshot is JSON")?;
        let calls = value.get("calls").and_then(Value::as_u64).unwrap_or(0);
        if let Some(result) = value.get("result") {
            return Ok(Self::Result(result.clone()));
        }
        let error = value
            .get("error")
            .context("a snapshot holds a result or an error")?;
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, message) = (text("kind").to_owned(), text("message").to_owned());
        Ok(if calls > 0 {
            Self::Error { kind, message }
        } else {
            Self::Refused { kind, message }
        })
    }

    /// The answer in a few words.
    #[must_use]
    pub fn words(&self, call: &Call) -> String {
        match self {
            Self::Result(_) => {
                let decisive = self.decisive(call);
                let parts: Vec<String> = decisive
                    .iter()
                    .filter(|(place, _)| *place != OUTCOME)
                    .map(|(place, value)| format!("{place} {value}"))
                    .collect();
                if parts.is_empty() {
                    "a result".to_owned()
                } else {
                    parts.join(", ")
                }
            }
            Self::Error { kind, .. } => format!("error `{kind}`"),
            Self::Refused { kind, .. } => format!("refused, `{kind}`"),
        }
    }

    /// What fraisier decides on, by place. Wording is not among it.
    pub(super) fn decisive(&self, call: &Call) -> BTreeMap<String, String> {
        let mut places = BTreeMap::new();
        let outcome = match self {
            Self::Result(_) => "a result".to_owned(),
            Self::Error { kind, .. } => format!("error `{kind}`"),
            Self::Refused { kind, .. } => format!("refused, `{kind}`"),
        };
        places.insert(OUTCOME.to_owned(), outcome);
        let Self::Result(result) = self else {
            return places;
        };
        let mut put = |place: &str, value: Option<&Value>| {
            let text = match value {
                None | Some(Value::Null) => "none".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            places.insert(place.to_owned(), text);
        };
        let list = |pointer: &str| {
            let found = result.pointer(pointer).and_then(Value::as_array);
            found.map(Vec::as_slice).unwrap_or_default()
        };
        match call {
            Call::Current => put("revision", Some(result)),
            Call::Up(_) | Call::DownTo(_) => {
                for place in ["from", "to", "applied"] {
                    put(place, result.get(place));
                }
            }
            Call::Verify => {
                put("ok", result.get("ok"));
                put("was_skipped", result.get("was_skipped"));
                for check in list("/checks") {
                    let name = check
                        .get("name")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    put(&format!("check {name}"), check.get("ok"));
                }
            }
            Call::Preflight | Call::PreflightAgainst => {
                put("ok", result.get("ok"));
                put("window_safe", result.get("window_safe"));
                put("change_set", result.pointer("/change_set/contract_version"));
                for (place, tier) in tiers(list("/change_set/changes")).iter().enumerate() {
                    put(&format!("tier {}", place + 1), Some(tier));
                }
            }
            Call::Version => put("capabilities", result.get("capabilities")),
            Call::ExitCodes | Call::Help(_) => {
                if let Some(object) = result.as_object() {
                    for (place, value) in object {
                        put(place, Some(value));
                    }
                }
            }
        }
        places
    }
}

/// The tiers of the changes, the strictest first: their order says nothing. What has no tier is as
/// strict as can be.
fn tiers(changes: &[Value]) -> Vec<Value> {
    let rank = |tier: &Value| tier.as_str().and_then(|tier| tier.parse::<RiskTier>().ok());
    let tier = |change: &Value| change.get("tier").cloned().unwrap_or_default();
    let mut tiers: Vec<Value> = changes.iter().map(tier).collect();
    tiers.sort_by_key(|tier| (rank(tier).is_some(), std::cmp::Reverse(rank(tier))));
    tiers
}
