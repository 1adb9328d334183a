//! What became of one case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::Class;
use crate::change::Change;

/// One thing that was found in one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `differs` or `breaks`.
    pub class: Class,
    /// What is other than it was.
    pub change: Change,
    /// The value it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// What it means for fraisier, where it breaks something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
}

impl Finding {
    /// A difference that, by itself, breaks nothing.
    #[must_use]
    pub fn differs(change: Change) -> Self {
        Self {
            class: Class::Differs,
            change,
            before: None,
            now: None,
            consequence: None,
        }
    }

    /// Something that breaks fraisier.
    #[must_use]
    pub fn breaks(change: Change) -> Self {
        Self::differs(change).breaking()
    }

    /// The same, as what breaks fraisier.
    #[must_use]
    pub fn breaking(mut self) -> Self {
        self.class = Class::Breaks;
        self
    }

    /// With what was and what is.
    #[must_use]
    pub fn with(mut self, before: impl Into<String>, now: impl Into<String>) -> Self {
        self.before = Some(before.into());
        self.now = Some(now.into());
        self
    }

    /// With what it means for fraisier.
    #[must_use]
    pub fn meaning(mut self, consequence: impl Into<String>) -> Self {
        self.consequence = Some(consequence.into());
        self
    }
}

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// `operation/situation`.
    pub name: String,
    /// The situation in one sentence.
    pub about: String,
    /// The worst class of its findings; none when it was not judged.
    pub class: Option<Class>,
    /// Why it was not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<String>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The adapter's answer to the baseline's recording.
    #[serde(rename = "verdict_before", skip_serializing_if = "Option::is_none")]
    pub answer_before: Option<String>,
    /// The adapter's answer now.
    #[serde(rename = "verdict_now", skip_serializing_if = "Option::is_none")]
    pub answer_now: Option<String>,
    /// The baseline's recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What was seen now, in the same form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl CaseResult {
    /// A case that was judged: its class is the worst of `findings`.
    #[must_use]
    pub fn judged(name: &str, about: &str, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.class), finding.change.rank()));
        let worst = findings.iter().map(|finding| finding.class).max();
        Self {
            class: Some(worst.unwrap_or(Class::Same)),
            findings,
            ..Self::not_judged(name, about, "")
        }
        .because(None)
    }

    /// A case that was not judged.
    #[must_use]
    pub fn not_judged(name: &str, about: &str, why: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            class: None,
            not_judged: Some(why.into()),
            findings: Vec::new(),
            answer_before: None,
            answer_now: None,
            recorded: None,
            seen: None,
            milliseconds: 0,
        }
    }

    fn because(mut self, why: Option<String>) -> Self {
        self.not_judged = why;
        self
    }

    /// The operation, the first half of the name.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.name.split_once('/').map_or("", |(first, _)| first)
    }
}
