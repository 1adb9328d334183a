//! A JSON document whose fields have an order and may occur twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A value of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tree {
    /// A list.
    List(Vec<Tree>),
    /// An object: its fields in order.
    Object(#[serde(deserialize_with = "read", serialize_with = "write")] Vec<(String, Tree)>),
    /// Neither a list nor an object.
    Leaf(Value),
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

fn read<'de, D: Deserializer<'de>>(object: D) -> Result<Vec<(String, Tree)>, D::Error> {
    struct Fields;
    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<(String, Tree)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }
    object.deserialize_map(Fields)
}

fn write<S: Serializer>(fields: &[(String, Tree)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
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
