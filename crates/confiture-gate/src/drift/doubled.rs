//! Fields that a document has twice.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::document::join;

/// The paths of the keys that an object of the document holds more than once.
pub fn doubled(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // A document that cannot be read has no fields.
    let _ = deserializer.deserialize_any(Keys {
        path: String::new(),
        found: &mut found,
    });
    found.dedup();
    found
}

/// Walks a document and notes doubled keys.
struct Keys<'a> {
    path: String,
    found: &'a mut Vec<String>,
}

impl<'de> serde::de::DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut known: Vec<String> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = join(&self.path, &key);
            if known.contains(&key) {
                self.found.push(path.clone());
            }
            known.push(key);
            map.next_value_seed(Keys {
                path,
                found: self.found,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let path = format!("{}[]", self.path);
        while list
            .next_element_seed(Keys {
                path: path.clone(),
                found: self.found,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_keys_are_found_at_any_depth() {
        assert_eq!(
            doubled(r#"{"a": 1, "b": [{"c": 1, "c": 2}], "a": 2}"#),
            ["b[].c", "a"]
        );
        assert!(doubled(r#"{"a": {"b": null}, "b": "x"}"#).is_empty());
        assert!(doubled("half a {").is_empty());
    }
}
