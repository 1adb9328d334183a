//! Values without secrets, for callers, observers and the log.

use std::borrow::Cow;

use super::Redactor;

/// A value without secrets. Nothing but this file makes one.
#[derive(Debug)]
pub(crate) struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub(crate) fn new(mut value: T, redactor: &Redactor) -> Self
    where
        T: Redact,
    {
        value.redact(redactor);
        Self(value)
    }

    pub(crate) fn get(&self) -> &T {
        &self.0
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// A value that knows which of its texts are prose, and which are names that programs compare.
pub(crate) trait Redact {
    /// Takes the secrets out of every text.
    #[doc(hidden)]
    fn redact(&mut self, redactor: &Redactor);
}

impl Redactor {
    pub(crate) fn prose<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        for text in texts {
            if let Cow::Owned(masked) = self.text(text) {
                *text = masked;
            }
        }
    }

    pub(crate) fn names<'a>(&self, names: impl IntoIterator<Item = &'a mut String>) {
        for name in names {
            if let Cow::Owned(masked) = self.identifier(name) {
                *name = masked;
            }
        }
    }
}
