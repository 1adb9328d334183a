//! Projects, each broken one way, and what `doctor` has to say of them.

mod connection;
mod database;
mod local;
pub(super) mod way;

use self::way::Breaks;

/// Every project, in the order in which `doctor` runs into what is broken.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Breaks)> {
    local::ALL
        .into_iter()
        .chain(connection::ALL)
        .chain(database::ALL)
}
