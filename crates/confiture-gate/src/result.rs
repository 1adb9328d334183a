//! The results of the gate: of a case, of a candidate, of a run. The JSON report has exactly these
//! fields.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Change;

/// The version of the JSON report. It increases when a reader of the earlier version could misread this
/// one.
pub const FORMAT_VERSION: u32 = 2;

/// The exit statuses as `--help` shows them.
pub const STATUSES: &str = "Exit status:
  0    yes: fraisier can live with every candidate
  1    no: a candidate breaks fraisier, or is a false safe
  2    wrong usage: the command line was not understood,
       what it names does not exist, or a difference that
       --accept names no longer occurs
  3    unknown: it could not run, or a case was not judged
  4    not a verdict: no break in the cases that --quick or
       --only chose, and the others were not run
  130  interrupted; the report has the judged cases";

/// Why a judgement or a case is incomplete after an interruption.
pub const CUT_SHORT: &str = "the run was interrupted";

/// The command line is wrong, whatever the machine and the network.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct WrongUsage(pub anyhow::Error);

/// How a finding compares with the baseline.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing changed.
    Same,
    /// Something changed, and the adapter's answer is the same.
    Differs,
    /// The adapter's answer changed, an expectation fails, or a promise is not kept.
    Breaks,
    /// The adapter's answer permits more than the database, the catalogue or the baseline does.
    FalseSafe,
}

impl Class {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Breaks => "breaks",
            Self::FalseSafe => "false safe",
        }
    }
}

/// Whether fraisier can live with this confiture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes: every case of the catalogue was judged, and none breaks.
    Yes,
    /// Something breaks, or is a false safe.
    No,
    /// Nothing breaks in the cases that were chosen. The others were not run.
    NoVerdict,
    /// Something was not judged, and what was judged does not break.
    #[default]
    Unknown,
}

impl Verdict {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NoVerdict => "no verdict",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was found in one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `differs`, `breaks` or `false_safe`.
    pub class: Class,
    /// What changed.
    pub change: Change,
    /// The value it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// What fraisier does because of it; of a false safe, what a deploy would have done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// The reason for which it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    fn of(class: Class, change: Change) -> Self {
        Self {
            class,
            change,
            before: None,
            now: None,
            consequence: None,
            accepted: None,
        }
    }

    /// A difference that, by itself, breaks nothing.
    pub fn differs(change: Change) -> Self {
        Self::of(Class::Differs, change)
    }

    /// Something that breaks fraisier.
    pub fn breaks(change: Change) -> Self {
        Self::of(Class::Breaks, change)
    }

    /// A finding that permits more than it may.
    pub fn false_safe(what: impl Into<String>) -> Self {
        Self::of(Class::FalseSafe, Change::FalseSafe { what: what.into() })
    }

    /// The same finding, as one that breaks fraisier. A false safe stays one.
    pub fn breaking(mut self) -> Self {
        self.class = self.class.max(Class::Breaks);
        self
    }

    /// Adds the value before and the value now.
    pub fn with(mut self, before: impl Into<String>, now: impl Into<String>) -> Self {
        self.before = Some(before.into());
        self.now = Some(now.into());
        self
    }

    /// Adds what fraisier does because of it.
    pub fn meaning(mut self, consequence: impl Into<String>) -> Self {
        self.consequence = Some(consequence.into());
        self
    }
}

/// The result of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// `operation/situation`.
    pub name: String,
    /// The situation in one sentence.
    pub about: String,
    /// The migrations of the case, file by file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sql: String,
    /// The worst class of its findings; none when it was not judged.
    pub class: Option<Class>,
    /// Why it was not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<String>,
    /// What was found, the worst first.
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
    pub fn judged(name: &str, about: &str, findings: Vec<Finding>) -> Self {
        let mut case = Self {
            not_judged: None,
            class: Some(Class::Same),
            ..Self::not_judged(name, about, "")
        };
        case.add(findings);
        case
    }

    /// A case that was not judged.
    pub fn not_judged(name: &str, about: &str, why: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            not_judged: Some(why.into()),
            ..Self::default()
        }
    }

    /// Adds what was found, and classes the case again.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings
            .sort_by_key(|finding| (std::cmp::Reverse(finding.class), finding.change.clone()));
        let worst = self.findings.first().map(|finding| finding.class);
        self.class = Some(worst.unwrap_or(Class::Same));
    }

    /// The operation, the first half of the name.
    pub fn operation(&self) -> &str {
        self.name.split_once('/').map_or("", |(first, _)| first)
    }

    /// Whether a finding that is not accepted has this class or a worse one.
    pub fn fails(&self, least: Class) -> bool {
        let open = |finding: &Finding| finding.class >= least && finding.accepted.is_none();
        self.findings.iter().any(open)
    }
}

/// One change and all the cases in which it is of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The name that `--accept` knows it by.
    pub id: String,
    /// The rule that it breaks: the heading of `docs/gate.md` that explains it.
    pub rule: String,
    /// `differs`, `breaks` or `false_safe`.
    pub class: Class,
    /// The change, in words.
    pub title: String,
    /// The change.
    pub change: Change,
    /// The cases, in the order of the catalogue.
    pub cases: Vec<String>,
    /// What fraisier does because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// An example of the value before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value in the same place now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// What to change in confiture.
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Whether any difference makes the verdict no.
    #[serde(default)]
    pub strict: bool,
    /// What was named on the command line, without a path of the machine.
    pub candidate: String,
    /// The arguments with which the gate judges it again.
    #[serde(skip)]
    pub given: String,
    /// The version that it prints.
    pub version: String,
    /// The SHA-256 of what was given, or of the package that was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The Python it runs on, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The release by whose minimum versions it is judged.
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
    /// How many cases the catalogue has for this release. `cases` has fewer when `--quick` or
    /// `--only` chose some.
    pub catalogue: usize,
    /// Every case that was chosen.
    pub cases: Vec<CaseResult>,
    /// What `describe` advertises, and whether it is delivered.
    pub capabilities: Vec<Capability>,
    /// How long it took.
    pub milliseconds: u64,
}

impl Judgement {
    /// The judgement of a candidate of which nothing is known yet.
    pub fn unknown(candidate: &str) -> Self {
        Self {
            candidate: candidate.to_owned(),
            given: candidate.to_owned(),
            ..Self::default()
        }
    }

    /// How many cases are of `class`.
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

    /// How many cases were run: those that an interruption cut short were not.
    pub fn run(&self) -> usize {
        let is_cut = |case: &&CaseResult| case.not_judged.as_deref() == Some(CUT_SHORT);
        self.cases.len() - self.cases.iter().filter(is_cut).count()
    }

    /// Whether every case of the catalogue was run.
    pub fn is_whole(&self) -> bool {
        self.cases.len() >= self.catalogue
    }

    /// Decides the verdict. Only the whole catalogue can give a yes, and a case that was not judged
    /// prevents one.
    pub fn settle(&mut self) {
        let judged = self.stopped.is_none() && !self.cases.is_empty();
        let least = if self.strict {
            Class::Differs
        } else {
            Class::Breaks
        };
        self.verdict = if self.cases.iter().any(|case| case.fails(least)) {
            Verdict::No
        } else if !judged || self.unjudged().next().is_some() {
            Verdict::Unknown
        } else if !self.is_whole() {
            Verdict::NoVerdict
        } else {
            Verdict::Yes
        };
    }
}

/// How a report was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// When the run began, in UTC.
    pub date: String,
    /// The version of the gate, and its revision where it was built from one.
    pub gate: String,
    /// The PostgreSQL that the cases ran on; none when no server was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgresql: Option<String>,
}

/// Everything that one run of the gate reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report of the contract gate")]
pub struct Report {
    /// The version of this format.
    pub format_version: u32,
    /// The verdict on all candidates together.
    pub verdict: Verdict,
    /// Whether the run was interrupted: what follows is what was known then.
    pub interrupted: bool,
    /// How the report was made.
    pub provenance: Provenance,
    /// Accepted differences that no longer occur. Remove them from the file.
    pub stale: Vec<String>,
    /// The judgements, in the order the candidates were named.
    pub candidates: Vec<Judgement>,
}

impl Report {
    /// The report of these judgements.
    pub fn new(
        candidates: Vec<Judgement>,
        interrupted: bool,
        stale: Vec<String>,
        provenance: Provenance,
    ) -> Self {
        let any = |verdict| candidates.iter().any(|judged| judged.verdict == verdict);
        let verdict = if any(Verdict::No) {
            Verdict::No
        } else if interrupted || candidates.is_empty() || any(Verdict::Unknown) {
            Verdict::Unknown
        } else if any(Verdict::NoVerdict) {
            Verdict::NoVerdict
        } else {
            Verdict::Yes
        };
        Self {
            format_version: FORMAT_VERSION,
            verdict,
            interrupted,
            provenance,
            stale,
            candidates,
        }
    }

    /// The exit status: one meaning each.
    pub fn status(&self) -> u8 {
        match self.verdict {
            _ if self.interrupted => 130,
            Verdict::No => 1,
            _ if !self.stale.is_empty() => 2,
            Verdict::Unknown => 3,
            Verdict::NoVerdict => 4,
            Verdict::Yes => 0,
        }
    }
}
