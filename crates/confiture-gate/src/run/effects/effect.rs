//! An option whose effect a case of its own shows.

use std::time::Duration;

use contract_tests::case::Case;
use contract_tests::expectation::Fact;
use contract_tests::project::Project;
use serde_json::Value;

/// Where the project inside the project is.
pub(super) const ELSEWHERE: &str = "elsewhere";

/// An option, and the case that shows its effect.
#[derive(Debug)]
pub(crate) struct Effect {
    /// The case; its expectations are what the option makes so.
    pub(crate) case: Case,
    /// The option.
    pub(super) option: &'static str,
    /// What is so where the option has no effect; one of them is enough.
    pub(super) without: Vec<Fact>,
    /// How long the call waits for a lock without the option, where that is the effect.
    pub(super) waits: Option<Duration>,
    /// What the engine's configuration says.
    pub(super) settings: Vec<(&'static str, Value)>,
    /// A file that the project has beside its migrations.
    pub(super) file: Option<(&'static str, &'static str)>,
    /// A project inside the project, whose migrations differ from those in the usual place.
    pub(super) elsewhere: Option<Project>,
    /// What it means for fraisier when the option is ignored.
    pub(super) meaning: &'static str,
}

impl Effect {
    pub(super) fn new(
        option: &'static str,
        case: Case,
        without: Vec<Fact>,
        meaning: &'static str,
    ) -> Self {
        Self {
            case,
            option,
            without,
            waits: None,
            settings: Vec::new(),
            file: None,
            elsewhere: None,
            meaning,
        }
    }

    pub(super) fn setting(mut self, key: &'static str, value: Value) -> Self {
        self.settings.push((key, value));
        self
    }
}
