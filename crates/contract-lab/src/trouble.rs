//! An error with its way out.

/// Something is missing or in the way, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {way_out}")]
pub struct Trouble {
    what: String,
    way_out: String,
}

impl Trouble {
    /// `what` is wrong, and `way_out` is what the reader can do.
    pub fn new(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            way_out: way_out.into(),
        }
    }
}
