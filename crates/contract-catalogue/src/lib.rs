//! The contract with confiture: its cases, recordings of what every release did in each case, and the
//! replay of the recordings through the adapter.

pub mod announced;
pub mod ask;
pub mod call;
pub mod case;
pub mod catalogue;
pub mod connection;
pub mod differences;
pub mod expectation;
pub mod fixtures;
pub mod front;
pub mod index;
pub mod normalise;
pub mod project;
pub mod random;
pub mod recording;
pub mod release;
pub mod replay;
pub mod rules;
pub mod script;
pub mod site;
pub mod surface;
pub mod tree;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
