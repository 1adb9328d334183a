//! Damages a report.

use arbitrary::Unstructured;
use contract_catalogue::tree::Tree;
use serde_json::Value;

use crate::bytes::{below, choose, text};

/// The number of the value's JSON type.
fn kind(tree: &Tree) -> u8 {
    match tree {
        Tree::Leaf(Value::Null) => 0,
        Tree::Leaf(Value::Bool(_)) => 1,
        Tree::Leaf(Value::Number(_)) => 2,
        Tree::Leaf(_) => 3,
        Tree::List(_) => 4,
        Tree::Object(_) => 5,
    }
}

/// How many values it contains, without itself.
pub(crate) fn size(tree: &Tree) -> usize {
    match tree {
        Tree::Leaf(_) => 0,
        Tree::List(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Tree::Object(fields) => fields.iter().map(|(_, value)| 1 + size(value)).sum(),
    }
}

/// Applies damage to the value of this number, counted in depth-first order. Returns whether there is one;
/// otherwise the number is reduced by the values that there are.
pub(crate) fn apply(tree: &mut Tree, at: &mut usize, damage: &Damage) -> bool {
    match tree {
        Tree::Leaf(_) => {}
        Tree::List(items) => {
            for item in items {
                if *at == 0 {
                    replace(item, damage);
                    return true;
                }
                *at -= 1;
                if apply(item, at, damage) {
                    return true;
                }
            }
        }
        Tree::Object(fields) => {
            for index in 0..fields.len() {
                if *at == 0 {
                    match damage {
                        Damage::Drop => drop(fields.remove(index)),
                        Damage::Rename(suffix) => fields[index].0.push_str(suffix),
                        Damage::Duplicate(value) => {
                            let key = fields[index].0.clone();
                            fields.push((key, Tree::from(value.clone())));
                        }
                        damage => replace(&mut fields[index].1, damage),
                    }
                    return true;
                }
                *at -= 1;
                if apply(&mut fields[index].1, at, damage) {
                    return true;
                }
            }
        }
    }
    false
}

fn replace(tree: &mut Tree, damage: &Damage) {
    match (damage, &*tree) {
        (Damage::Retype(value), _) => {
            let other = Tree::from(value.clone());
            if kind(&other) != kind(tree) {
                *tree = other;
            }
        }
        (Damage::Text(text), Tree::Leaf(Value::String(_))) => {
            *tree = Tree::Leaf(Value::from(text.as_str()));
        }
        (Damage::Number(number), Tree::Leaf(Value::Number(_))) => {
            *tree = Tree::Leaf(Value::from(*number));
        }
        _ => {}
    }
}

/// One kind of damage.
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

/// A word that occurs in no report: the replacement of one known word by another would not be noticed.
fn unknown_word(bytes: &mut Unstructured<'_>) -> String {
    match below(bytes, 3) {
        0 => String::new(),
        1 => format!("zz{}", text(bytes, 6)),
        _ => format!("{}7", text(bytes, 6)),
    }
}
