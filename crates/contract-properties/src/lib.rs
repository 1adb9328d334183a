//! Properties that hold for every input.
//!
//! A [`Property`] receives bytes, and panics if they break it. The tests of this crate run each property
//! with its seeds, with random bytes and with every input that ever broke it. `cargo xtask fuzz` searches
//! further, guided by coverage.

mod answers;
mod bytes;
mod connection;
mod damage;
mod damaged_report;
mod guard;
mod message;
mod redaction;
mod report;
mod samples;
mod version;

use std::collections::BTreeMap;

/// The options of a connection string as libpq parses it, or libpq's error.
pub type Parsed = Result<BTreeMap<String, String>, String>;

/// libpq's own parser of connection strings, if the harness provides it.
pub type Libpq<'a> = Option<&'a dyn Fn(&str) -> Parsed>;

/// Something that holds for every input.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name, which is also the name of its fuzz target.
    pub name: &'static str,
    /// Panics if the input breaks the property.
    pub check: fn(&[u8], Libpq),
    /// The first inputs, from the recordings if they contain any.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every property.
pub const PROPERTIES: &[Property] = &[
    Property::new("report", report::check, report::seeds),
    Property::new(
        "damaged_report",
        damaged_report::check,
        damaged_report::seeds,
    ),
    Property::new("version", version::check, version::seeds),
    Property::new("redaction", redaction::check, redaction::seeds),
    Property::new("connection", connection::check, connection::seeds),
    Property::new("guard", guard::check, guard::seeds),
    Property::new("message", message::check, message::seeds),
];

impl Property {
    const fn new(name: &'static str, check: fn(&[u8], Libpq), seeds: fn() -> Vec<Vec<u8>>) -> Self {
        Self { name, check, seeds }
    }
}

/// The property of this name.
pub fn property(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name == name)
}
