//! An error with a remedy.

/// Something is missing or prevents the work, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct Trouble {
    what: String,
    remedy: String,
}

impl Trouble {
    /// `what` is wrong, and `remedy` is what the reader can do.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}
