//! What became of one candidate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::case::CaseResult;
use super::class::Class;
use super::verdict::Verdict;
use crate::change::Change;

/// One change and all the cases it was found in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The name that `--accept` knows it by.
    pub id: String,
    /// `differs` or `breaks`.
    pub class: Class,
    /// The change, in words.
    pub title: String,
    /// The change.
    pub change: Change,
    /// The cases, in the order of the catalogue.
    pub cases: Vec<String>,
    /// What it means for fraisier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// An example of what was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same place now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The command that runs one of the cases again.
    pub again: String,
    /// The reason for which it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// Whether a capability that `describe` advertises is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capability {
    /// Its name, such as `window_safe`.
    pub name: String,
    /// Whether `describe` advertises it.
    pub advertised: bool,
    /// Whether a case shows that it is delivered; none when no case that shows it was judged.
    pub delivered: Option<bool>,
    /// The case, and what it shows.
    pub evidence: String,
}

/// Why a judgement or a case is not whole when somebody interrupts the run.
pub const CUT_SHORT: &str = "the run was interrupted";

/// The judgement of one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// What was named on the command line, without a path of the machine.
    pub candidate: String,
    /// The version it says it has.
    pub version: String,
    /// The SHA-256 of what was given, where that is a file or a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The release by whose floors it is judged.
    pub judged_as: String,
    /// The release whose recordings are the baseline.
    pub against: String,
    /// Whether the index lacks this release: then a difference is for a person to look at.
    pub pending: bool,
    /// Whether the adapter refuses this version in production, because it is no final release.
    pub refused_in_production: bool,
    /// Whether fraisier can live with it.
    pub verdict: Verdict,
    /// Why it could not be run, or not to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What happened while it ran that a reader should know.
    pub notes: Vec<String>,
    /// What differs and what breaks, the worst first.
    pub causes: Vec<Cause>,
    /// Every case.
    pub cases: Vec<CaseResult>,
    /// What `describe` advertises, and whether it is delivered.
    pub capabilities: Vec<Capability>,
    /// How long it took.
    pub milliseconds: u64,
}

impl Judgement {
    /// The judgement of a candidate of which nothing is known yet.
    #[must_use]
    pub fn unknown(candidate: &str) -> Self {
        Self {
            candidate: candidate.to_owned(),
            version: String::new(),
            sha256: None,
            judged_as: String::new(),
            against: String::new(),
            pending: false,
            refused_in_production: false,
            verdict: Verdict::Unknown,
            stopped: None,
            notes: Vec::new(),
            causes: Vec::new(),
            cases: Vec::new(),
            capabilities: Vec::new(),
            milliseconds: 0,
        }
    }

    /// How many cases are of `class`.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        let of_class = |case: &&CaseResult| case.class == Some(class);
        self.cases.iter().filter(of_class).count()
    }

    /// The cases that were not judged.
    pub fn unjudged(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases.iter().filter(|case| case.class.is_none())
    }

    /// The causes of `class` that are not accepted.
    pub fn causes_of(&self, class: Class) -> impl Iterator<Item = &Cause> {
        let open = move |cause: &&Cause| cause.class == class && cause.accepted.is_none();
        self.causes.iter().filter(open)
    }

    /// Settles the verdict: a break that is not accepted is a no; a case that was not judged is
    /// never a yes.
    pub fn settle(&mut self) {
        let judged = self.stopped.is_none() && !self.cases.is_empty();
        self.verdict = if self.causes_of(Class::Breaks).next().is_some() {
            Verdict::No
        } else if !judged || self.unjudged().next().is_some() {
            Verdict::Unknown
        } else {
            Verdict::Yes
        };
    }
}
