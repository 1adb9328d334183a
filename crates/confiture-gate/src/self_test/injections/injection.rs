//! One change, and what the gate has to say of it.

use crate::wrapper::tamper::{Act, Tamper};

/// One change, and what the gate has to say of it.
#[derive(Debug, Clone)]
pub struct Injection {
    /// The change, in words.
    pub name: String,
    /// The change.
    pub tamper: Tamper,
    /// How the id of the cause begins; none for a change that harms nobody.
    pub cause: Option<String>,
    /// The cases to look at; without any, all that make such a call.
    pub only: Vec<&'static str>,
    /// Whether confiture itself has to be called: what it does then was not seen before.
    pub live: bool,
}

impl Injection {
    pub(super) fn harmful(call: &str, act: Act, cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::harmless(call, act)
        }
    }

    pub(super) fn harmless(call: &str, act: Act) -> Self {
        Self {
            name: format!("{call}: {}", act.words()),
            tamper: Tamper {
                call: call.to_owned(),
                act,
            },
            cause: None,
            only: Vec::new(),
            live: false,
        }
    }

    pub(super) fn only(mut self, cases: &[&'static str]) -> Self {
        self.only = cases.to_vec();
        self
    }

    pub(super) fn live(mut self) -> Self {
        self.live = true;
        self
    }
}
