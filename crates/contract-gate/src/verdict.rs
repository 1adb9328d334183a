//! What the adapter made of a case: the part that fraisier decides on, and what it means when that
//! part is other than it was.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract_tests::call::Call;
use fraisier_adapter_api::{AdapterError, RiskTier};
use serde_json::Value;

use crate::change::Change;

/// What the adapter said of one case.
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
    /// What the adapter said just now.
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

    /// What a snapshot beside a recording says.
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

    /// The verdict in a few words.
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
    fn decisive(&self, call: &Call) -> BTreeMap<String, String> {
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

const OUTCOME: &str = "outcome";
const ABSENT: &str = "(absent)";

/// One place of the verdict that is other than it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// The change, when nothing of what confiture did explains it.
    pub change: Change,
    /// The field of a report that the place is read from.
    pub field: Option<&'static str>,
    /// What it was.
    pub before: String,
    /// What it is.
    pub now: String,
    /// What it means for fraisier.
    pub consequence: String,
}

/// Where the adapter's verdict is other than it was.
#[must_use]
pub fn turned(call: &Call, before: &Said, now: &Said) -> Vec<Turned> {
    let (was, is) = (before.decisive(call), now.decisive(call));
    let mut places: Vec<&String> = was.keys().chain(is.keys()).collect();
    places.sort();
    places.dedup();
    let outcome_differs = was.get(OUTCOME) != is.get(OUTCOME);
    let mut found = Vec::new();
    for place in places {
        if outcome_differs && place != OUTCOME {
            continue;
        }
        let absent = || ABSENT.to_owned();
        let was = was.get(place).cloned().unwrap_or_else(absent);
        let is = is.get(place).cloned().unwrap_or_else(absent);
        if was == is || grows(call, &was, &is) {
            continue;
        }
        let consequence = consequence(call, place, &was, &is, now);
        let words = |value: &str| match place.as_str() {
            OUTCOME => value.to_owned(),
            place => format!("{place} {value}"),
        };
        let change = if laxer(call, place, &was, &is) {
            Change::FalseSafe {
                what: consequence.clone(),
            }
        } else {
            Change::Verdict {
                from: words(&was),
                to: words(&is),
            }
        };
        found.push(Turned {
            change,
            field: field(place),
            before: words(&was),
            now: words(&is),
            consequence,
        });
    }
    found
}

/// Whether what a binary documents holds all that it held, and more.
fn grows(call: &Call, was: &str, is: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    matches!(call, Call::ExitCodes)
        && match (read(was), read(is)) {
            (Some(was), Some(is)) => within(&was, &is),
            _ => was == ABSENT,
        }
}

/// Whether every code of `was` stands where it stood.
fn within(was: &Value, is: &Value) -> bool {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => was
            .iter()
            .all(|(key, was)| is.get(key).is_some_and(|is| within(was, is))),
        (Value::Array(was), Value::Array(is)) => was.iter().all(|code| is.contains(code)),
        _ => was == is,
    }
}

/// Whether fraisier would go on where it did not.
fn laxer(call: &Call, place: &str, was: &str, is: &str) -> bool {
    let tier = |text: &str| text.parse::<RiskTier>().ok();
    match place {
        OUTCOME => {
            let surface = matches!(call, Call::Version | Call::ExitCodes | Call::Help(_));
            is == "a result" && !surface
        }
        "window_safe" | "ok" => is == "true",
        place if place.starts_with("check ") => is == "true" && was == "false",
        place if place.starts_with("tier") => match (tier(was), tier(is)) {
            (Some(was), Some(is)) => is < was,
            (None, Some(_)) => true,
            // A change that is no longer told is one that nobody weighs.
            _ => is == ABSENT,
        },
        _ => false,
    }
}

/// The field of a report that a place of the verdict is read from.
fn field(place: &str) -> Option<&'static str> {
    Some(match place {
        "window_safe" => "window_safe",
        "ok" => "ok",
        "revision" => "revision",
        "to" => "to",
        "from" => "from",
        "applied" => "applied",
        "change_set" => "change_set",
        place if place.starts_with("tier") => "tier",
        place if place.starts_with("check ") => "status",
        _ => return None,
    })
}

fn consequence(call: &Call, place: &str, was: &str, is: &str, now: &Said) -> String {
    let (operation, past) = match call {
        Call::Current => ("current_revision", "cannot tell the revision"),
        Call::Up(_) => ("up", "rolls back a deploy whose migrations may be applied"),
        Call::DownTo(_) => ("down_to", "cannot roll back"),
        Call::Verify => ("verify", "cannot verify"),
        Call::Preflight | Call::PreflightAgainst => ("preflight", "refuses every deploy"),
        Call::Version => ("describe", "cannot use this confiture at all"),
        Call::ExitCodes | Call::Help(_) => ("the adapter", "misreads what confiture documents"),
    };
    match place {
        OUTCOME if is == "a result" => {
            format!("{operation} reports success where it reported {was}")
        }
        OUTCOME if was == "a result" => {
            let message = match now {
                Said::Error { message, .. } | Said::Refused { message, .. } => first(message),
                Said::Result(_) => String::new(),
            };
            format!(
                "{past}: {operation} fails with {}, \"{message}\"",
                is.trim_start_matches("error ")
            )
        }
        OUTCOME => format!("{operation} fails as {is} and not as {was}"),
        "window_safe" if is == "true" => {
            "calls a migration window-safe that it did not call so".to_owned()
        }
        "window_safe" if is == "false" => {
            "refuses deploys as not window-safe that it let pass".to_owned()
        }
        "window_safe" => "refuses every deploy as not window-safe".to_owned(),
        "ok" => match (operation, is) {
            ("verify", "true") => "takes a database for verified that is not".to_owned(),
            ("verify", _) => "takes a sound database for broken".to_owned(),
            (_, "true") => "deploys what preflight refused".to_owned(),
            _ => "refuses deploys that it let pass".to_owned(),
        },
        "change_set" => "has no risk tiers to decide on, and refuses".to_owned(),
        place if place.starts_with("tier") && laxer(call, place, was, is) => match is {
            ABSENT => format!("does not hear of a change of tier {was}"),
            is => format!("takes a change of tier {was} for {is}"),
        },
        place if place.starts_with("tier") => {
            format!("takes a change of tier {was} for {is}, and refuses more")
        }
        "revision" => format!("believes the database to be at {is}, not at {was}"),
        "capabilities" => "relies on other capabilities".to_owned(),
        _ if matches!(call, Call::ExitCodes) => {
            "confiture documents other exit codes than the adapter goes by".to_owned()
        }
        "passes" | "lacks" => "passes an option that the help page does not offer".to_owned(),
        place => format!("{operation} says {place} {is}, not {was}"),
    }
}

/// The first sentence of a message, bounded.
fn first(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(value: Value) -> Said {
        Said::Result(value)
    }

    #[test]
    fn a_missing_word_refuses_and_a_new_one_is_a_false_safe() {
        let said = |window_safe: Value| result(json!({"ok": true, "window_safe": window_safe}));
        let turned_to = |was, is| turned(&Call::Preflight, &said(was), &said(is));
        let lost = turned_to(json!(true), Value::Null);
        assert_eq!(lost.len(), 1);
        assert_eq!(
            lost[0].consequence,
            "refuses every deploy as not window-safe"
        );
        assert!(matches!(lost[0].change, Change::Verdict { .. }));
        let gained = turned_to(json!(false), json!(true));
        assert!(matches!(gained[0].change, Change::FalseSafe { .. }));
    }

    #[test]
    fn wording_is_no_verdict() {
        let said =
            |log: &str| result(json!({"from": null, "to": "001", "applied": ["001"], "log": log}));
        assert!(turned(&Call::Up(None), &said("one"), &said("other")).is_empty());
        let error = |message: &str| Said::Error {
            kind: "execution".to_owned(),
            message: message.to_owned(),
        };
        assert!(turned(&Call::Up(None), &error("one"), &error("other")).is_empty());
    }

    #[test]
    fn success_in_place_of_a_failure_is_a_false_safe() {
        let error = Said::Error {
            kind: "lock_contention".to_owned(),
            message: String::new(),
        };
        let done = result(json!({"to": "001"}));
        let found = turned(&Call::Up(None), &error, &done);
        assert!(matches!(found[0].change, Change::FalseSafe { .. }));
        let found = turned(&Call::Up(None), &done, &error);
        assert!(matches!(found[0].change, Change::Verdict { .. }));
    }

    #[test]
    fn a_lower_tier_is_a_false_safe_and_no_tier_is_not() {
        let said = |tier: Value| {
            result(
                json!({"ok": true, "change_set": {"contract_version": 1, "changes": [{"tier": tier}]}}),
            )
        };
        let of = |was, is| {
            turned(&Call::Preflight, &said(was), &said(is))
                .remove(0)
                .change
        };
        let lower = of(json!("destructive"), json!("additive"));
        assert!(matches!(lower, Change::FalseSafe { .. }));
        assert!(matches!(
            of(json!("destructive"), Value::Null),
            Change::Verdict { .. }
        ));
    }

    #[test]
    fn more_documented_codes_change_nothing_and_a_moved_one_does() {
        let said = |text: &str| result(serde_json::from_str(text).unwrap());
        let before = said(r#"{"6 lock": {"lock_contention": ["LOCK_1300"]}}"#);
        let more =
            said(r#"{"6 lock": {"lock_contention": ["LOCK_1300", "LOCK_1301"]}, "9 new": {}}"#);
        assert!(turned(&Call::ExitCodes, &before, &more).is_empty());
        let moved = said(r#"{"6 lock": {"lock_contention": []}}"#);
        assert_eq!(turned(&Call::ExitCodes, &before, &moved).len(), 1);
    }

    #[test]
    fn a_snapshot_is_read() {
        let text =
            "{\"calls\": 0, \"error\": {\"kind\": \"invalid_config\", \"message\": \"m\"}}\n";
        let said = Said::parse(text).unwrap();
        assert_eq!(said.words(&Call::Current), "refused, `invalid_config`");
    }
}
