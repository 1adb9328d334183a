//! A JSON document whose fields have an order and may occur twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value of the document.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// Neither a list nor an object.
    Leaf(Value),
    /// A list.
    List(Vec<Tree>),
    /// An object: its fields in order.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// The paths of the keys that an object contains more than once, such as `issues[].code`.
    pub fn doubled(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_doubled("", &mut found);
        found.dedup();
        found
    }

    fn collect_doubled(&self, path: &str, found: &mut Vec<String>) {
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => {
                let path = format!("{path}[]");
                for item in items {
                    item.collect_doubled(&path, found);
                }
            }
            Self::Object(fields) => {
                let mut known = BTreeSet::new();
                for (key, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{key}");
                    if !known.insert(key) {
                        found.push(path.clone());
                    }
                    value.collect_doubled(&path, found);
                }
            }
        }
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(fields) => {
                let field = |(key, value): (String, Value)| (key, value.into());
                Self::Object(fields.into_iter().map(field).collect())
            }
            Value::Array(items) => Self::List(items.into_iter().map(Into::into).collect()),
            leaf => Self::Leaf(leaf),
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = |place: usize| if place > 0 { "," } else { "" };
        match self {
            Self::Leaf(value) => write!(f, "{value}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", comma(place))?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (place, (key, value)) in fields.iter().enumerate() {
                    let key = Value::from(key.as_str());
                    write!(f, "{}{key}:{value}", comma(place))?;
                }
                f.write_str("}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Tree::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_duplicate_keys_are_preserved_at_any_depth() {
        let text = r#"{"b":[{"c":1,"c":2.5}],"a":null,"b":"x"}"#;
        let tree: Tree = serde_json::from_str(text).unwrap();
        assert_eq!(tree.to_string(), text);
        assert_eq!(tree.doubled(), ["b[].c", "b"]);
        let sound: Tree = serde_json::from_str(r#"{"a": {"b": null}, "b": []}"#).unwrap();
        assert!(sound.doubled().is_empty());
        assert!(serde_json::from_str::<Tree>("half a {").is_err());
    }
}
