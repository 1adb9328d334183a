//! What the gate says: of a case, of a candidate, of a run. The JSON report is this, field by field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Change;

/// The version of the JSON report. It grows when a reader of the former one could misread this one.
pub const FORMAT_VERSION: u32 = 1;

/// How what was found compares with the baseline.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is other than it was.
    Same,
    /// Something is other, and the adapter's verdict is the same.
    Differs,
    /// The adapter's verdict is other than it was, an expectation fails, a promise is not kept.
    Breaks,
}

impl Class {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Breaks => "breaks",
        }
    }
}

/// The answer to "can fraisier live with this confiture?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It can.
    Yes,
    /// Something breaks.
    No,
    /// Something was not judged, and what was judged does not break.
    Unknown,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

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
        Self {
            class: Class::Breaks,
            ..Self::differs(change)
        }
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
    /// The adapter's verdict on the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_before: Option<String>,
    /// The adapter's verdict now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_now: Option<String>,
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
            verdict_before: None,
            verdict_now: None,
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
    /// The answer.
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

    /// Settles the answer: a break that is not accepted is a no; a case that was not judged is
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

/// Everything one run of the gate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report of the contract gate")]
pub struct Report {
    /// The version of this format.
    pub format_version: u32,
    /// The answer for all candidates together.
    pub verdict: Verdict,
    /// Whether the run was interrupted: what follows is what was known then.
    pub interrupted: bool,
    /// Accepted differences that no longer occur. They have to leave the file.
    pub stale: Vec<String>,
    /// The judgements, in the order the candidates were named.
    pub candidates: Vec<Judgement>,
}

/// The exit statuses as `--help` shows them.
pub const STATUSES: &str = "Exit status:
  0    yes: fraisier can live with every candidate
  1    no: a candidate breaks fraisier
  2    wrong usage: the command line was not understood, what it names is not there, or a
       difference that --accept names no longer occurs
  3    unknown: it could not run, or a case was not judged
  130  interrupted; the report holds what was known";

/// The command line is wrong, whatever the machine and the network.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct WrongUsage(pub anyhow::Error);

impl Report {
    /// The report of these judgements.
    #[must_use]
    pub fn new(candidates: Vec<Judgement>, interrupted: bool, stale: Vec<String>) -> Self {
        let any = |verdict| candidates.iter().any(|judged| judged.verdict == verdict);
        let verdict = if any(Verdict::No) {
            Verdict::No
        } else if interrupted || candidates.is_empty() || any(Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Yes
        };
        Self {
            format_version: FORMAT_VERSION,
            verdict,
            interrupted,
            stale,
            candidates,
        }
    }

    /// The exit status: one meaning each.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.verdict {
            _ if self.interrupted => 130,
            Verdict::No => 1,
            _ if !self.stale.is_empty() => 2,
            Verdict::Unknown => 3,
            Verdict::Yes => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_case_that_was_not_judged_is_never_green() {
        let mut judged = testing::unchanged();
        judged.settle();
        assert_eq!(judged.verdict, Verdict::Yes);
        judged
            .cases
            .push(CaseResult::not_judged("up/all", "", "no database"));
        judged.settle();
        assert_eq!(judged.verdict, Verdict::Unknown);
        assert_eq!(Report::new(vec![judged.clone()], false, vec![]).status(), 3);
        judged.cases.clear();
        judged.settle();
        assert_eq!(judged.verdict, Verdict::Unknown, "no case at all");
    }

    #[test]
    fn each_status_has_one_meaning() {
        let of = |judged: Vec<Judgement>, interrupted, stale: &[&str]| {
            let stale = stale.iter().map(ToString::to_string).collect();
            Report::new(judged, interrupted, stale).status()
        };
        let (good, bad) = (testing::unchanged(), testing::drifted());
        assert_eq!(of(vec![good.clone()], false, &[]), 0);
        assert_eq!(of(vec![good.clone(), bad.clone()], false, &[]), 1);
        assert_eq!(of(vec![good.clone()], false, &["exit:6:1"]), 2);
        assert_eq!(of(vec![], false, &[]), 3);
        assert_eq!(of(vec![bad], true, &[]), 130);
    }
}
