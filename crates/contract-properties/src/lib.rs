//! What holds for every input.
//!
//! A [`Property`] receives bytes and panics when they break it. The tests of this crate hold each
//! property against its seeds, against random bytes and against everything that ever broke it;
//! `cargo xtask fuzz` looks further, guided by coverage.

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
    /// Its name, which is that of its fuzz target.
    pub name: &'static str,
    /// Panics when the input breaks it.
    pub check: fn(&[u8], Libpq),
    /// Inputs to begin with, from the recordings where they have any.
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
