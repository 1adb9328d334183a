//! What every form of the report says of a candidate, in the same words.

use crate::result::{Class, Finding, Judgement, Verdict};

/// What was judged, as what, against what.
pub(super) fn subject(judged: &Judgement) -> String {
    if judged.version.is_empty() {
        return format!("confiture {}", judged.candidate);
    }
    let mut words = format!("confiture {}", judged.version);
    let mut given: Vec<String> = Vec::new();
    if judged.candidate != judged.version {
        given.push(judged.candidate.clone());
    }
    if let Some(sha256) = &judged.sha256 {
        given.push(format!("sha256 {}…", &sha256[..sha256.len().min(8)]));
    }
    if !given.is_empty() {
        words = format!("{words} ({})", given.join(", "));
    }
    if judged.judged_as != judged.version && !judged.judged_as.is_empty() {
        words = format!("{words}, judged as {}", judged.judged_as);
    }
    if judged.against.is_empty() {
        return words;
    }
    format!("{words}, against {}", judged.against)
}

/// The verdict in one line.
pub(super) fn headline(judged: &Judgement) -> String {
    let broken = judged.count(Class::Breaks);
    let total = judged.cases.len();
    let unjudged = judged.unjudged().count();
    match judged.verdict {
        Verdict::No => {
            let ways = judged.causes_of(Class::Breaks).count();
            let s = if ways == 1 { "" } else { "s" };
            format!("NO: it breaks fraisier in {ways} way{s} ({broken} of {total} cases)")
        }
        Verdict::Unknown => match &judged.stopped {
            Some(why) => format!("UNKNOWN: {why}"),
            None => format!("UNKNOWN: {unjudged} of {total} cases were not judged"),
        },
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

/// What a reader of the verdict should know.
pub(super) fn remarks(judged: &Judgement) -> Vec<String> {
    let mut remarks = Vec::new();
    if judged.refused_in_production {
        let version = &judged.version;
        remarks.push(format!(
            "{version} is no final release: the adapter itself refuses it in production"
        ));
    }
    if judged.pending {
        remarks.push("pending: no recordings of it; a difference does not fail it".to_owned());
    }
    if let (Some(why), true) = (&judged.stopped, judged.verdict == Verdict::No) {
        remarks.push(why.clone());
    }
    remarks.extend(judged.notes.iter().cloned());
    remarks
}

/// How many cases there were, and how long they took.
pub(super) fn counts(judged: &Judgement) -> String {
    format!(
        "{} cases, {} not judged, {}",
        judged.cases.len(),
        judged.unjudged().count(),
        took(judged.milliseconds),
    )
}

/// A finding in one line: its class, what is other, and what it means.
pub(super) fn told(finding: &Finding) -> String {
    let line = format!("{}: {}", finding.class.as_str(), finding.change);
    match &finding.consequence {
        Some(consequence) => format!("{line}; for fraisier: {consequence}"),
        None => line,
    }
}

/// A duration as people read it.
fn took(milliseconds: u64) -> String {
    let seconds = (milliseconds + 500) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
