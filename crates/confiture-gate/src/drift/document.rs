//! Two JSON documents, compared by path.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::wording::{beside, short, text_of};
use crate::change::Change;
use crate::result::Finding;
use crate::text::ABSENT;

/// How `now` differs from `before`. The order of keys has no meaning.
pub(super) fn compare(before: &Value, now: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk("", before, now, &mut findings);
    findings
}

fn walk(path: &str, before: &Value, now: &Value, findings: &mut Vec<Finding>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => object(path, before, now, findings),
        (Value::Array(before), Value::Array(now)) => array(path, before, now, findings),
        _ if before == now => {}
        (before, now) => {
            let (from, to) = (type_of(before), type_of(now));
            let field = path.to_owned();
            let absent = before.is_null() || now.is_null();
            let change = if from == to || absent {
                Change::FieldValue { field }
            } else {
                let (from, to) = (from.to_owned(), to.to_owned());
                Change::FieldRetyped { field, from, to }
            };
            let finding = Finding::differs(change);
            findings.push(finding.with(shown(path, before), shown(path, now)));
        }
    }
}

fn object(
    path: &str,
    before: &Map<String, Value>,
    now: &Map<String, Value>,
    findings: &mut Vec<Finding>,
) {
    let at = |key: &str| join(path, key);
    let mut new: BTreeMap<&String, &Value> = now
        .iter()
        .filter(|(key, _)| !before.contains_key(*key))
        .collect();
    for (key, value) in before {
        if let Some(now) = now.get(key) {
            walk(&at(key), value, now, findings);
            continue;
        }
        // Only a distinctive value is evidence for the same field.
        let telling = !matches!(value, Value::Null);
        let renamed = new
            .iter()
            .find(|(name, other)| telling && **other == value && alike(key, name));
        let field = at(key);
        if let Some(name) = renamed.map(|(name, _)| *name) {
            new.remove(name);
            let to = name.clone();
            let finding = Finding::differs(Change::FieldRenamed { field, to });
            findings.push(finding.with(shown(key, value), shown(name, value)));
        } else {
            let finding = Finding::differs(Change::FieldGone { field });
            findings.push(finding.with(shown(key, value), ABSENT));
        }
    }
    for (key, value) in new {
        let finding = Finding::differs(Change::FieldNew { field: at(key) });
        findings.push(finding.with(ABSENT, shown(key, value)));
    }
}

/// Whether one name looks like another spelling of the other.
fn alike(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (one, other) = (plain(one), plain(other));
    one == other || one.contains(&other) || other.contains(&one)
}

fn array(path: &str, before: &[Value], now: &[Value], findings: &mut Vec<Finding>) {
    if before == now {
        return;
    }
    let field = path.to_owned();
    let both = |change| {
        let shown = |values: &[Value]| shown(path, &Value::Array(values.to_vec()));
        Finding::differs(change).with(shown(before), shown(now))
    };
    if before.len() == now.len() {
        if sorted(before) == sorted(now) {
            findings.push(both(Change::FieldOrder { field }));
            return;
        }
        for (before, now) in before.iter().zip(now) {
            walk(&format!("{path}[]"), before, now, findings);
        }
    } else {
        findings.push(both(Change::FieldElements { field }));
        // The remaining elements must still have every field that all elements had.
        if let (Some(before), Some(now)) = (before.first(), now.first()) {
            let mut inner = Vec::new();
            walk(&format!("{path}[]"), before, now, &mut inner);
            let shape = |finding: &Finding| {
                !matches!(
                    finding.change,
                    Change::FieldValue { .. } | Change::FieldOrder { .. }
                )
            };
            findings.extend(inner.into_iter().filter(shape));
        }
    }
}

/// `now`, with each list that has the same elements as in `before` in the order of `before`.
pub fn in_order(before: &Value, now: &Value) -> Value {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let field = |(key, now): (&String, &Value)| {
                let ordered = before.get(key).map(|before| in_order(before, now));
                (key.clone(), ordered.unwrap_or_else(|| now.clone()))
            };
            Value::Object(now.iter().map(field).collect())
        }
        (Value::Array(before), Value::Array(now)) if sorted(before) == sorted(now) => {
            Value::Array(before.clone())
        }
        _ => now.clone(),
    }
}

fn sorted(values: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// A field in the notation of a document.
fn shown(path: &str, value: &Value) -> String {
    let key = path
        .rsplit('.')
        .next()
        .unwrap_or(path)
        .trim_end_matches("[]");
    match value {
        Value::Array(_) | Value::Object(_) => format!("\"{key}\": {}", short(value)),
        Value::String(_) => format!("\"{key}\": \"{}\"", beside(&text_of(value))),
        other => format!("\"{key}\": {other}"),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(before: &Value, now: &Value) -> Vec<String> {
        let findings = compare(before, now);
        findings.iter().map(|finding| finding.change.id()).collect()
    }

    #[test]
    fn a_changed_field_in_any_list_element_has_one_path() {
        let changes = |second: Value| json!({"change_set": {"changes": [{"tier": "additive", "object": "a"}, second]}});
        let before = changes(json!({"tier": "destructive", "object": "b"}));
        assert_eq!(
            ids(&before, &changes(json!({"object": "b"}))),
            ["field-gone:change_set.changes[].tier"]
        );
        assert_eq!(
            ids(
                &before,
                &changes(json!({"tier": "additive", "object": "b"}))
            ),
            ["field-value:change_set.changes[].tier"]
        );
    }

    #[test]
    fn lists_that_differ_in_length_or_order_are_changes() {
        let before = json!({"applied": ["001", "002"]});
        assert_eq!(
            ids(&before, &json!({"applied": ["001"]})),
            ["field-elements:applied"]
        );
        assert_eq!(
            ids(&before, &json!({"applied": ["002", "001"]})),
            ["field-order:applied"]
        );
    }

    #[test]
    fn a_list_is_reordered_only_if_its_elements_are_the_same() {
        let before = json!({"results": [{"version": "001"}, {"version": "002"}], "n": 1});
        let turned = json!({"n": 2, "results": [{"version": "002"}, {"version": "001"}]});
        let ordered = json!({"n": 2, "results": [{"version": "001"}, {"version": "002"}]});
        assert_eq!(in_order(&before, &turned), ordered);
        let other = json!({"results": [{"version": "003"}, {"version": "001"}]});
        assert_eq!(in_order(&before, &other), other);
    }

    #[test]
    fn a_renamed_field_differs_from_a_removed_and_an_added_one() {
        assert_eq!(
            ids(
                &json!({"window_safe": true}),
                &json!({"is_window_safe": true})
            ),
            ["field-renamed:window_safe:is_window_safe"]
        );
        assert_eq!(
            ids(&json!({"window_safe": true}), &json!({"strict": true})),
            ["field-gone:window_safe", "field-new:strict"]
        );
    }
}
