//! Where an answer is other than it was.

use contract_tests::call::Call;
use serde_json::Value;

use super::meaning::{consequence, laxer};
use super::said::{OUTCOME, Said};
use crate::change::Change;
use crate::text::ABSENT;

/// One place of the answer that is other than it was.
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

/// Where the adapter's answer is other than it was.
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
            Change::Answer {
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

/// The field of a report that a place of the answer is read from.
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
