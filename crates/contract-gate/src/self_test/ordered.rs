//! A JSON document whose fields keep their order and may be there twice.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::tamper::Act;

/// A value of the document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ordered {
    Object(Vec<(String, Ordered)>),
    List(Vec<Ordered>),
    Leaf(Value),
}

impl From<Value> for Ordered {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
            ),
            Value::Array(values) => Self::List(values.into_iter().map(Into::into).collect()),
            leaf => Self::Leaf(leaf),
        }
    }
}

impl fmt::Display for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(fields) => {
                f.write_str("{")?;
                for (place, (key, value)) in fields.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {value}", Value::from(key.as_str()))?;
                }
                f.write_str("}")
            }
            Self::List(values) => {
                f.write_str("[")?;
                for (place, value) in values.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str("]")
            }
            Self::Leaf(value) => write!(f, "{value}"),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Ordered::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ordered, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Ordered::List(values))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(Value::Null))
    }
}

/// The document after `act`.
pub(crate) fn edited(act: &Act, mut document: Ordered) -> Ordered {
    match act {
        Act::ReverseKeys => reverse_keys(&mut document),
        Act::Drop(path)
        | Act::Rename(path, _)
        | Act::Retype(path)
        | Act::Double(path, _)
        | Act::Set(path, _) => {
            let parts: Vec<&str> = path.split('.').collect();
            at(&mut document, &parts, &mut |fields, key| {
                field(act, fields, key);
            });
        }
        Act::Add(path, key, value) => within(&mut document, path, &mut |found| {
            if let Ordered::Object(fields) = found {
                fields.push((key.clone(), value.clone().into()));
            }
        }),
        Act::Push(path, value) => within(&mut document, path, &mut |found| {
            if let Ordered::List(values) = found {
                values.push(value.clone().into());
            }
        }),
        Act::Reverse(path) => within(&mut document, path, &mut |found| {
            if let Ordered::List(values) = found {
                values.reverse();
            }
        }),
        _ => {}
    }
    document
}

/// Changes one field of an object.
fn field(act: &Act, fields: &mut Vec<(String, Ordered)>, key: &str) {
    let Some(place) = fields.iter().position(|(name, _)| name == key) else {
        return;
    };
    match act {
        Act::Drop(_) => {
            fields.remove(place);
        }
        Act::Rename(_, to) => fields[place].0.clone_from(to),
        Act::Retype(_) => fields[place].1 = retyped(&fields[place].1),
        Act::Set(_, value) => fields[place].1 = value.clone().into(),
        Act::Double(_, value) => {
            fields.insert(place + 1, (key.to_owned(), value.clone().into()));
        }
        _ => {}
    }
}

/// The value as another JSON type.
fn retyped(value: &Ordered) -> Ordered {
    match value {
        Ordered::Leaf(Value::String(_)) => Ordered::Leaf(17.into()),
        Ordered::Leaf(leaf) => Ordered::Leaf(leaf.to_string().into()),
        Ordered::List(_) | Ordered::Object(_) => Ordered::Leaf("something".into()),
    }
}

type Edit<'a> = dyn FnMut(&mut Vec<(String, Ordered)>, &str) + 'a;

/// Calls `edit` with each object that holds the last part of the path.
fn at(value: &mut Ordered, parts: &[&str], edit: &mut Edit<'_>) {
    let Some((first, rest)) = parts.split_first() else {
        return;
    };
    if let Ordered::List(values) = value {
        for value in values {
            at(value, parts, edit);
        }
        return;
    }
    let Ordered::Object(fields) = value else {
        return;
    };
    let key = first.trim_end_matches("[]");
    if rest.is_empty() {
        edit(fields, key);
        return;
    }
    for (_, value) in fields.iter_mut().filter(|(name, _)| name == key) {
        at(value, rest, edit);
    }
}

/// Calls `edit` with each value at the path; the empty path is the document itself.
fn within(value: &mut Ordered, path: &str, edit: &mut dyn FnMut(&mut Ordered)) {
    if let Some((first, rest)) = path
        .split_once('.')
        .or((!path.is_empty()).then_some((path, "")))
    {
        match value {
            Ordered::List(values) => {
                for value in values {
                    within(value, path, edit);
                }
            }
            Ordered::Object(fields) => {
                let key = first.trim_end_matches("[]");
                let each = first.ends_with("[]");
                for (_, value) in fields.iter_mut().filter(|(name, _)| name == key) {
                    match value {
                        Ordered::List(values) if each => {
                            for value in values {
                                within(value, rest, edit);
                            }
                        }
                        value => within(value, rest, edit),
                    }
                }
            }
            Ordered::Leaf(_) => {}
        }
    } else {
        edit(value);
    }
}

fn reverse_keys(value: &mut Ordered) {
    match value {
        Ordered::Object(fields) => {
            fields.reverse();
            for (_, value) in fields {
                reverse_keys(value);
            }
        }
        Ordered::List(values) => values.iter_mut().for_each(reverse_keys),
        Ordered::Leaf(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REPORT: &str = r#"{"ok": true, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}}"#;

    fn after(act: &Act) -> String {
        edited(act, serde_json::from_str(REPORT).unwrap()).to_string()
    }

    #[test]
    fn each_change_reaches_its_place() {
        let tier = || "set.changes[].tier".to_owned();
        for (act, expected) in [
            (
                Act::Drop(tier()),
                r#"{"ok": true, "set": {"changes": [{}, {}]}}"#,
            ),
            (
                Act::Rename("ok".to_owned(), "OK".to_owned()),
                r#"{"OK": true, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}}"#,
            ),
            (
                Act::Double("ok".to_owned(), json!(false)),
                r#"{"ok": true, "ok": false, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}}"#,
            ),
            (
                Act::Add("set.changes[]".to_owned(), "x".to_owned(), json!(1)),
                r#"{"ok": true, "set": {"changes": [{"tier": "a", "x": 1}, {"tier": "b", "x": 1}]}}"#,
            ),
            (
                Act::Add(String::new(), "x".to_owned(), json!(1)),
                r#"{"ok": true, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}, "x": 1}"#,
            ),
            (
                Act::Reverse("set.changes".to_owned()),
                r#"{"ok": true, "set": {"changes": [{"tier": "b"}, {"tier": "a"}]}}"#,
            ),
            (
                Act::ReverseKeys,
                r#"{"set": {"changes": [{"tier": "a"}, {"tier": "b"}]}, "ok": true}"#,
            ),
            (
                Act::Retype("ok".to_owned()),
                &REPORT.replace("true", "\"true\""),
            ),
            (Act::Compact, REPORT),
        ] {
            assert_eq!(after(&act), expected);
        }
    }
}
