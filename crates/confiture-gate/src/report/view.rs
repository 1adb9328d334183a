//! What every form of the report says about a candidate, in the same words and the same order.

use std::time::Duration;

use contract_lab::ui::seconds;

use crate::causes::extent;
use crate::result::{CaseResult, Cause, Class, Finding, Judgement, Provenance, Report, Verdict};

/// One candidate, ready to be written in some form.
pub(super) struct View<'a> {
    pub(super) judged: &'a Judgement,
    pub(super) severity: Severity,
    /// The verdict in one line. It comes first.
    pub(super) headline: String,
    /// What was judged, as what, against what.
    pub(super) subject: String,
    /// Remarks on the verdict.
    pub(super) remarks: Vec<String>,
    pub(super) entries: Vec<Entry<'a>>,
    /// The cases that were not judged, and why.
    pub(super) unjudged: Vec<(&'a str, &'a str)>,
    /// The number of cases, and how long they took.
    pub(super) counts: String,
    /// Whether to release it. It comes last.
    pub(super) decision: String,
}

/// One cause, with its details.
pub(super) struct Entry<'a> {
    pub(super) cause: &'a Cause,
    pub(super) severity: Severity,
    /// The operations and how many cases.
    pub(super) extent: String,
    /// Labelled lines; those of [`CODE`] are values or commands.
    pub(super) lines: Vec<(&'static str, String)>,
}

/// The labels of values and commands.
pub(super) const CODE: [&str; 3] = ["before", "now", "reproduce"];

/// The severity, which decides a word and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    FalseSafe,
    Breaks,
    Unjudged,
    Differs,
    Accepted,
    Good,
}

impl Severity {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::FalseSafe => "FALSE SAFE",
            Self::Breaks => "BREAKS",
            Self::Unjudged => "UNJUDGED",
            Self::Differs => "DIFFERS",
            Self::Accepted => "ACCEPTED",
            Self::Good => "SAME",
        }
    }

    /// The mark of a case in a table.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::FalseSafe => "‼",
            Self::Breaks => "✕",
            Self::Differs => "~",
            Self::Good | Self::Accepted => "=",
            Self::Unjudged => "?",
        }
    }

    /// The class of an element of the page.
    pub(super) const fn css(self) -> &'static str {
        match self {
            Self::FalseSafe => "falsesafe",
            Self::Breaks => "breaks",
            Self::Unjudged => "unjudged",
            Self::Differs => "differs",
            Self::Accepted => "accepted",
            Self::Good => "same",
        }
    }
}

impl From<Option<Class>> for Severity {
    fn from(class: Option<Class>) -> Self {
        match class {
            Some(Class::FalseSafe) => Self::FalseSafe,
            Some(Class::Breaks) => Self::Breaks,
            Some(Class::Differs) => Self::Differs,
            Some(Class::Same) => Self::Good,
            None => Self::Unjudged,
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn new(judged: &'a Judgement) -> Self {
        let safe = judged.causes_of(Class::FalseSafe).next().is_some();
        Self {
            severity: match judged.verdict {
                Verdict::No if safe => Severity::FalseSafe,
                Verdict::No => Severity::Breaks,
                Verdict::Unknown | Verdict::NoVerdict => Severity::Unjudged,
                Verdict::Yes => Severity::Good,
            },
            headline: headline(judged),
            subject: subject(judged),
            remarks: remarks(judged),
            entries: judged.causes.iter().map(entry).collect(),
            unjudged: judged
                .unjudged()
                .map(|case| {
                    let why = case.not_judged.as_deref().unwrap_or_default();
                    (case.name.as_str(), why)
                })
                .collect(),
            counts: format!(
                "{} of {} cases run, {} not judged, {}",
                judged.run(),
                judged.catalogue,
                judged.unjudged().count(),
                seconds(Duration::from_millis(judged.milliseconds)),
            ),
            decision: decision(judged, safe).to_owned(),
            judged,
        }
    }
}

fn entry(cause: &Cause) -> Entry<'_> {
    let severity = match cause.accepted {
        Some(_) => Severity::Accepted,
        None => Some(cause.class).into(),
    };
    let mut lines = Vec::new();
    let mut add = |label, words: Option<&String>| {
        lines.extend(words.map(|words| (label, words.clone())));
    };
    let meaning = match severity {
        Severity::FalseSafe => "deploy",
        _ => "fraisier",
    };
    add("reason", cause.accepted.as_ref());
    add(meaning, cause.consequence.as_ref());
    let shown = |value: &Option<String>| match value.as_deref().map(str::trim) {
        Some("") => Some("(empty)".to_owned()),
        _ => value.clone(),
    };
    add("before", shown(&cause.before).as_ref());
    add("now", shown(&cause.now).as_ref());
    if cause.class >= Class::Breaks && cause.accepted.is_none() {
        add("change", cause.advice.as_ref());
        add("reproduce", Some(&cause.again));
        add("rule", Some(&cause.rule));
    }
    Entry {
        cause,
        severity,
        extent: extent(&cause.cases),
        lines,
    }
}

fn subject(judged: &Judgement) -> String {
    if judged.version.is_empty() {
        return format!("confiture {}", judged.candidate);
    }
    let mut words = format!("confiture {}", judged.version);
    if judged.candidate != judged.version {
        words = format!("{words} ({})", judged.candidate);
    }
    if judged.judged_as != judged.version && !judged.judged_as.is_empty() {
        words = format!("{words}, judged as {}", judged.judged_as);
    }
    if judged.against.is_empty() {
        return words;
    }
    format!("{words}, against the recordings of {}", judged.against)
}

fn headline(judged: &Judgement) -> String {
    let total = judged.cases.len();
    let unjudged = judged.unjudged().count();
    let s = |count: usize| if count == 1 { "" } else { "s" };
    match judged.verdict {
        Verdict::No => {
            let fails = |case: &&CaseResult| case.fails(Class::Breaks);
            let failing = judged.cases.iter().filter(fails).count();
            if let Some(safe) = judged.causes_of(Class::FalseSafe).next() {
                let deploy = safe.consequence.as_deref().unwrap_or_default();
                return format!("FALSE SAFE, do not release it: {}; {deploy}", safe.title);
            }
            if failing == 0 {
                let differing = judged.causes_of(Class::Differs).count();
                return format!("NO: {differing} things differ, and --strict allows none");
            }
            let ways = judged.causes_of(Class::Breaks).count();
            let (s, of) = (s(ways), s(total));
            format!("NO: it breaks fraisier in {ways} way{s} ({failing} of {total} case{of})")
        }
        Verdict::Unknown => match &judged.stopped {
            Some(why) => format!("UNKNOWN: {why}"),
            None => format!("UNKNOWN: {unjudged} of {total} cases were not judged"),
        },
        Verdict::NoVerdict => {
            format!(
                "no break in {total} of {} cases: not a verdict",
                judged.catalogue
            )
        }
        Verdict::Yes => {
            let differing = judged.causes_of(Class::Differs).count();
            match differing {
                0 => "YES: fraisier can live with it".to_owned(),
                1 => "YES: fraisier can live with it; 1 thing differs".to_owned(),
                _ => format!("YES: fraisier can live with it; {differing} things differ"),
            }
        }
    }
}

fn decision(judged: &Judgement, false_safe: bool) -> &'static str {
    match judged.verdict {
        Verdict::Yes => "Release it.",
        Verdict::No if false_safe => "Do not release it: a deploy would trust a wrong answer.",
        Verdict::No if judged.strict => "Do not release it: something changed.",
        Verdict::No => "Do not release it: fraisier breaks.",
        Verdict::NoVerdict => "No decision: run the whole catalogue before you release it.",
        Verdict::Unknown => "No decision: it was not judged.",
    }
}

fn remarks(judged: &Judgement) -> Vec<String> {
    let mut remarks = Vec::new();
    if judged.refused_in_production {
        let version = &judged.version;
        remarks.push(format!(
            "{version} is not a final release: the adapter refuses it in production"
        ));
    }
    if judged.pending {
        remarks.push("pending: it has no recordings; a difference does not fail it".to_owned());
    }
    if let (Some(why), true) = (&judged.stopped, judged.verdict == Verdict::No) {
        remarks.push(why.clone());
    }
    remarks.extend(judged.notes.iter().cloned());
    remarks
}

/// How the report came to be, in one line.
pub(super) fn provenance(report: &Report) -> String {
    let Provenance {
        date,
        gate,
        postgresql,
    } = &report.provenance;
    let mut parts = vec![format!("gate {gate}"), date.clone()];
    parts.extend(
        postgresql
            .as_ref()
            .map(|server| format!("PostgreSQL {server}")),
    );
    for judged in &report.candidates {
        let of = |what: &str| match report.candidates.len() {
            1 => what.to_owned(),
            _ => format!("{} {what}", judged.version),
        };
        let python = judged
            .python
            .as_ref()
            .map(|python| format!("Python {python}"));
        parts.extend(python.map(|python| of(&python)));
        let digest = judged
            .sha256
            .as_ref()
            .map(|digest| format!("sha256 {}…", cut(digest)));
        parts.extend(digest.map(|digest| of(&digest)));
    }
    parts.join(", ")
}

/// Enough of a digest to compare by eye; the JSON report has all of it.
fn cut(digest: &str) -> &str {
    &digest[..digest.len().min(16)]
}

/// A finding in one line: its class, what changed, and what it means.
pub(super) fn line(finding: &Finding) -> String {
    let line = format!("{}: {}", finding.class.as_str(), finding.change);
    match (&finding.accepted, &finding.consequence) {
        (Some(reason), _) => format!("{line}; accepted: {reason}"),
        (None, Some(consequence)) => format!("{line}; fraisier: {consequence}"),
        (None, None) => line,
    }
}
