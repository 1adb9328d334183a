//! The gate's own test: a stand-in in front of a real release changes one thing at a time, and the
//! gate has to find what harms and to let pass what does not.

pub(crate) mod ordered;
pub mod tamper;
