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
mod libpq;
mod message;
mod redaction;
mod report;
mod samples;
mod version;

pub use libpq::{Libpq, Parsed};

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
    Property {
        name: "report",
        check: report::check,
        seeds: report::seeds,
    },
    Property {
        name: "damaged_report",
        check: damaged_report::check,
        seeds: damaged_report::seeds,
    },
    Property {
        name: "version",
        check: version::check,
        seeds: version::seeds,
    },
    Property {
        name: "redaction",
        check: redaction::check,
        seeds: redaction::seeds,
    },
    Property {
        name: "connection",
        check: connection::check,
        seeds: connection::seeds,
    },
    Property {
        name: "guard",
        check: guard::check,
        seeds: guard::seeds,
    },
    Property {
        name: "message",
        check: message::check,
        seeds: message::seeds,
    },
];

/// The property of this name.
pub fn property(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name == name)
}
