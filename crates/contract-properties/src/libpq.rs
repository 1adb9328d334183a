//! libpq's own parser of connection strings, which a harness provides.

use std::collections::BTreeMap;

/// The options of a connection string as libpq parses it, or libpq's error.
pub type Parsed = Result<BTreeMap<String, String>, String>;

/// libpq's own parser, if there is one.
pub type Libpq<'a> = Option<&'a dyn Fn(&str) -> Parsed>;
