//! libpq's own parser of connection strings, which a harness brings along.

use std::collections::BTreeMap;

/// The options of a connection string as libpq reads it, or what it says instead.
pub type Parsed = Result<BTreeMap<String, String>, String>;

/// libpq's own parser, where there is one.
pub type Libpq<'a> = Option<&'a dyn Fn(&str) -> Parsed>;
