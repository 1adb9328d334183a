//! JSON without duplicate keys.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deep values may be nested. This is less than `serde_json` allows, so that a value that is too deep
/// is unreadable by itself and does not fail the document around it.
const DEPTH: usize = 64;

/// Reads any JSON; `None` when an object in it has a key twice, or when it is too deep. Either way
/// it is read to its end.
#[derive(Clone, Copy)]
pub(crate) struct Unambiguous {
    depth: usize,
}

impl Unambiguous {
    /// Reads a value and everything in it.
    pub(crate) fn whole() -> Self {
        Self { depth: DEPTH }
    }

    fn inner(self) -> Self {
        Self {
            depth: self.depth - 1,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.depth == 0 {
            return deserializer
                .deserialize_ignored_any(IgnoredAny)
                .map(|_| None);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut read = Some(Vec::new());
        while let Some(item) = items.next_element_seed(self.inner())? {
            read = read.zip(item).map(|(mut read, item)| {
                read.push(item);
                read
            });
        }
        Ok(read.map(Value::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut read = Some(Map::new());
        while let Some(key) = members.next_key::<String>()? {
            let member = members.next_value_seed(self.inner())?;
            read = read.zip(member).and_then(|(mut read, member)| {
                let doubled = read.insert(key, member).is_some();
                (!doubled).then_some(read)
            });
        }
        Ok(read.map(Value::Object))
    }
}
