//! Values whose type must not decide whether the report around them can be read.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The value, or `None` when it is no `T`.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    <&RawValue>::deserialize(deserializer).map(read)
}

/// The same of a value that was left as it stands.
pub(super) fn read<'de, T: Deserialize<'de>>(value: &'de RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}
