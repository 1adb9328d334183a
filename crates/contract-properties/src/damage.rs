//! What can happen to a report on its way.

use arbitrary::Unstructured;
use serde_json::Value;

use crate::bytes::{below, choose, text};

/// JSON in which an object may have a key twice.
#[derive(Clone)]
pub(crate) enum Json {
    Leaf(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => Self::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (key, Self::from(value)))
                    .collect(),
            ),
            leaf => Self::Leaf(leaf),
        }
    }
}

impl Json {
    pub(crate) fn write(&self, text: &mut String) {
        match self {
            Self::Leaf(value) => text.push_str(&value.to_string()),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    text.push(if index == 0 { '[' } else { ',' });
                    item.write(text);
                }
                text.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(fields) => {
                for (index, (key, value)) in fields.iter().enumerate() {
                    text.push(if index == 0 { '{' } else { ',' });
                    text.push_str(&Value::from(key.as_str()).to_string());
                    text.push(':');
                    value.write(text);
                }
                text.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
        }
    }

    /// Which of the JSON types it is of.
    fn kind(&self) -> u8 {
        match self {
            Self::Leaf(Value::Null) => 0,
            Self::Leaf(Value::Bool(_)) => 1,
            Self::Leaf(Value::Number(_)) => 2,
            Self::Leaf(_) => 3,
            Self::List(_) => 4,
            Self::Object(_) => 5,
        }
    }

    /// How many values it holds, itself not counted.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::List(items) => items.iter().map(|item| 1 + item.size()).sum(),
            Self::Object(fields) => fields.iter().map(|(_, value)| 1 + value.size()).sum(),
        }
    }

    /// Applies damage to the value of this number, counted in depth-first order.
    pub(crate) fn damage(&mut self, mut at: usize, damage: &Damage) {
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => {
                for item in items {
                    if at == 0 {
                        return item.replace(damage);
                    }
                    if at <= item.size() {
                        return item.damage(at - 1, damage);
                    }
                    at -= 1 + item.size();
                }
            }
            Self::Object(fields) => {
                for index in 0..fields.len() {
                    if at == 0 {
                        match damage {
                            Damage::Drop => drop(fields.remove(index)),
                            Damage::Rename(suffix) => fields[index].0.push_str(suffix),
                            Damage::Duplicate(value) => {
                                let key = fields[index].0.clone();
                                fields.push((key, Self::from(value.clone())));
                            }
                            damage => fields[index].1.replace(damage),
                        }
                        return;
                    }
                    let size = fields[index].1.size();
                    if at <= size {
                        return fields[index].1.damage(at - 1, damage);
                    }
                    at -= 1 + size;
                }
            }
        }
    }

    fn replace(&mut self, damage: &Damage) {
        match (damage, &*self) {
            (Damage::Retype(value), _) => {
                let other = Self::from(value.clone());
                if other.kind() != self.kind() {
                    *self = other;
                }
            }
            (Damage::Text(text), Self::Leaf(Value::String(_))) => {
                *self = Self::Leaf(Value::from(text.as_str()));
            }
            (Damage::Number(number), Self::Leaf(Value::Number(_))) => {
                *self = Self::Leaf(Value::from(*number));
            }
            _ => {}
        }
    }
}

/// One thing that happens to a report.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Drop,
    Rename(String),
    Duplicate(Value),
    Retype(Value),
    Text(String),
    Number(i64),
}

impl Damage {
    /// Decided by the next bytes.
    pub(crate) fn from_bytes(bytes: &mut Unstructured<'_>) -> Self {
        match below(bytes, 7) {
            0 => Self::Drop,
            1 => {
                let letters: Vec<char> = ('a'..='z').chain(['_']).collect();
                let suffix = 0..=below(bytes, 4);
                Self::Rename(suffix.map(|_| *choose(bytes, &letters)).collect())
            }
            2 => Self::Duplicate(any_value(bytes)),
            3 => Self::Duplicate(Value::from("additive")),
            4 => Self::Retype(any_value(bytes)),
            5 => Self::Text(unknown_word(bytes)),
            _ if below(bytes, 2) == 0 => Self::Number(*choose(bytes, &[-2, -1, 0, 1, 2, 3, 4])),
            _ => Self::Number(bytes.arbitrary().unwrap_or(0)),
        }
    }
}

fn any_value(bytes: &mut Unstructured<'_>) -> Value {
    let values = r#"[null, true, false, 0, 1, -1, 0.5, 1e300, "", "x", "true", "verified", "002",
        [], [null], ["001"], [{"version": "009"}], {}, {"version": "009"}, {"code": "PRECON_1001"}]"#;
    let values: Vec<Value> = serde_json::from_str(values).expect("values");
    choose(bytes, &values).clone()
}

/// A word that no report knows: that one known word stands for another cannot be seen.
fn unknown_word(bytes: &mut Unstructured<'_>) -> String {
    match below(bytes, 3) {
        0 => String::new(),
        1 => format!("zz{}", text(bytes, 6)),
        _ => format!("{}7", text(bytes, 6)),
    }
}
