//! The adapter's answer in a case: the part that fraisier's decisions depend on, and what a change of
//! that part means.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use contract_catalogue::ask::Answer;
use contract_catalogue::call::Call;
use fraisier_adapter_api::RiskTier;
use serde::Deserialize;
use serde_json::Value;

use crate::change::Change;
use crate::judge::Symptom;
use crate::result::Finding;
use crate::text::{ABSENT, cut};

/// The place in an answer that distinguishes a result from an error.
const OUTCOME: &str = "outcome";

/// The answer of the adapter in one case.
#[derive(Debug, Clone, PartialEq)]
pub enum AdapterAnswer {
    /// A result, in its JSON form.
    Result(Value),
    /// An error.
    Failed {
        /// Whether the adapter refused before it called confiture.
        refused: bool,
        /// The kind, in its wire form.
        kind: String,
        /// The message.
        message: String,
    },
}

impl AdapterAnswer {
    /// The answer of this run.
    pub fn new(outcome: &Answer, called: bool) -> Self {
        match outcome {
            Ok(result) => Self::Result(result.clone()),
            Err(error) => Self::Failed {
                refused: !called,
                kind: error.kind.to_string(),
                message: error.message.clone(),
            },
        }
    }

    /// The answer in a snapshot.
    pub fn parse(snapshot: &str) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Snapshot {
            calls: usize,
            #[serde(flatten)]
            outcome: Outcome,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Outcome {
            Result(Value),
            Error { kind: String, message: String },
        }
        let snapshot: Snapshot = serde_json::from_str(snapshot).context("it is no snapshot")?;
        Ok(match snapshot.outcome {
            Outcome::Result(result) => Self::Result(result),
            Outcome::Error { kind, message } => Self::Failed {
                refused: snapshot.calls == 0,
                kind,
                message,
            },
        })
    }

    /// The answer in a few words.
    pub fn words(&self, call: &Call) -> String {
        let mut places = self.decisive(call);
        let outcome = places.remove(OUTCOME).unwrap_or_default();
        let parts = places
            .iter()
            .map(|(place, value)| format!("{place} {value}"));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() {
            outcome
        } else {
            parts.join(", ")
        }
    }

    /// The values that fraisier's decisions depend on, by their place in the answer. Wording is not one
    /// of them.
    fn decisive(&self, call: &Call) -> BTreeMap<String, String> {
        let mut places = BTreeMap::new();
        let outcome = match self {
            Self::Result(_) => "a result".to_owned(),
            Self::Failed {
                refused: true,
                kind,
                ..
            } => format!("refused, `{kind}`"),
            Self::Failed { kind, .. } => format!("error `{kind}`"),
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

/// The tiers of the changes, the strictest first, because their order has no meaning. A change without a
/// tier counts as the strictest.
fn tiers(changes: &[Value]) -> Vec<Value> {
    let rank = |tier: &Value| tier.as_str().and_then(|tier| tier.parse::<RiskTier>().ok());
    let tier = |change: &Value| change.get("tier").cloned().unwrap_or_default();
    let mut tiers: Vec<Value> = changes.iter().map(tier).collect();
    tiers.sort_by_key(|tier| (rank(tier).is_some(), std::cmp::Reverse(rank(tier))));
    tiers
}

/// Where the adapter's answer changed.
pub fn changed_answers(call: &Call, before: &AdapterAnswer, now: &AdapterAnswer) -> Vec<Symptom> {
    let (was, is) = (before.decisive(call), now.decisive(call));
    let outcome_differs = was.get(OUTCOME) != is.get(OUTCOME);
    let places: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
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
        let words = |value: &str| match place.as_str() {
            OUTCOME => value.to_owned(),
            place => format!("{place} {value}"),
        };
        let (from, to) = (words(&was), words(&is));
        let more = more_permissive(call, place, &was, &is);
        let finding = if let Some((what, deploy)) = more {
            Finding::false_safe(what).meaning(deploy)
        } else {
            let (from, to) = (from.clone(), to.clone());
            let meaning = consequence(call, place, &was, &is, now);
            Finding::breaks(Change::Answer { from, to }).meaning(meaning)
        };
        found.push(Symptom {
            finding: finding.with(from, to),
            field: field(place).map(str::to_owned),
        });
    }
    found
}

/// Whether a document of the binary only has additions.
fn grows(call: &Call, was: &str, is: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    matches!(call, Call::ExitCodes)
        && match (read(was), read(is)) {
            (Some(was), Some(is)) => within(&was, &is),
            _ => was == ABSENT,
        }
}

/// Whether every code of `was` is unchanged in `is`.
fn within(was: &Value, is: &Value) -> bool {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => was
            .iter()
            .all(|(key, was)| is.get(key).is_some_and(|is| within(was, is))),
        (Value::Array(was), Value::Array(is)) => was.iter().all(|code| is.contains(code)),
        _ => was == is,
    }
}

/// The field of the report from which a place of the answer is read.
fn field(place: &str) -> Option<&str> {
    match place.split(' ').next()? {
        "check" => Some("status"),
        field @ ("window_safe" | "ok" | "revision" | "to" | "from" | "applied" | "change_set"
        | "tier") => Some(field),
        _ => None,
    }
}

/// What fraisier does because `place` was `was` and is `is`.
fn consequence(call: &Call, place: &str, was: &str, is: &str, now: &AdapterAnswer) -> String {
    let (operation, past) = names(call);
    match place {
        OUTCOME if was == "a result" => {
            let message = match now {
                AdapterAnswer::Failed { message, .. } => {
                    cut(message.lines().next().unwrap_or_default(), 100)
                }
                AdapterAnswer::Result(_) => String::new(),
            };
            let kind = is.trim_start_matches("error ");
            format!("{past}: {operation} fails with {kind}, \"{message}\"")
        }
        OUTCOME => format!("{operation} fails as {is} and not as {was}"),
        "window_safe" if is == "false" => {
            "refuses deploys, as not window-safe, that it accepted before".to_owned()
        }
        "window_safe" => "refuses every deploy as not window-safe".to_owned(),
        "ok" if operation == "verify" => "treats a sound database as broken".to_owned(),
        "ok" => "refuses deploys that it accepted before".to_owned(),
        "change_set" => "has no risk tiers to decide on, and refuses".to_owned(),
        place if place.starts_with("tier") => {
            format!("treats a change of tier {was} as {is}, and refuses more")
        }
        "revision" => format!("assumes that the database is at {is}, not at {was}"),
        "capabilities" => "relies on other capabilities".to_owned(),
        _ if matches!(call, Call::ExitCodes) => {
            "relies on other exit codes than confiture documents".to_owned()
        }
        "passes" | "lacks" => "passes an option that the help page does not offer".to_owned(),
        place => format!("{operation} says {place} {is}, not {was}"),
    }
}

/// The method of the adapter, and what fraisier does when it fails.
fn names(call: &Call) -> (&'static str, &'static str) {
    match call {
        Call::Current => ("current_revision", "cannot tell the revision"),
        Call::Up(_) => ("up", "rolls back a deploy whose migrations may be applied"),
        Call::DownTo(_) => ("down_to", "cannot roll back"),
        Call::Verify => ("verify", "cannot verify"),
        Call::Preflight | Call::PreflightAgainst => ("preflight", "refuses every deploy"),
        Call::Version => ("describe", "cannot use this confiture at all"),
        Call::ExitCodes | Call::Help(_) => ("the adapter", "misreads what confiture documents"),
    }
}

/// If the answer permits more than before: what it says, and what a deploy would have done.
fn more_permissive(
    call: &Call,
    place: &str,
    was: &str,
    is: &str,
) -> Option<(String, &'static str)> {
    let tier = |text: &str| text.parse::<RiskTier>().ok();
    let (operation, _) = names(call);
    let surface = matches!(call, Call::Version | Call::ExitCodes | Call::Help(_));
    Some(match place {
        OUTCOME if is == "a result" && !surface => (
            format!("{operation} reports success where it reported {was}"),
            GOES_ON,
        ),
        "window_safe" if is == "true" => (
            "preflight calls a migration window-safe that is not".to_owned(),
            "a deploy would have run it while the old release still serves requests",
        ),
        "ok" if is == "true" && operation == "verify" => (
            "verify reports a database as verified that is not".to_owned(),
            UNVERIFIED,
        ),
        "ok" if is == "true" => (
            "preflight passes what it refused".to_owned(),
            "a deploy would have applied migrations that have errors",
        ),
        place if place.starts_with("check ") && is == "true" && was == "false" => (
            "verify passes a check that does not hold".to_owned(),
            UNVERIFIED,
        ),
        place if place.starts_with("tier") => {
            let lower = match (tier(was), tier(is)) {
                (Some(was), Some(is)) => is < was,
                (None, Some(_)) => true,
                // A change that is not reported cannot be judged by a policy.
                _ => is == ABSENT,
            };
            if !lower {
                return None;
            }
            let what = match is {
                ABSENT => format!("preflight does not report a change of tier {was}"),
                is => format!("preflight reports tier {is} for a change of tier {was}"),
            };
            (
                what,
                "a deploy would have passed a policy that stops such a change",
            )
        }
        _ => return None,
    })
}

/// What a deploy does after a success.
pub(crate) const GOES_ON: &str = "a deploy would have gone on as if it had succeeded";
const UNVERIFIED: &str = "a deploy would have been accepted whose check does not hold";
