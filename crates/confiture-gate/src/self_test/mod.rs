//! The gate's self-test: one thing at a time is changed in the recordings of a release. The gate has to
//! find every harmful change, and to pass every harmless one. [`live`] checks with real confitures that
//! such changes have the expected effects.

pub mod announced;
mod injections;
pub mod live;
mod mutation;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use contract_catalogue::case::Case;
use contract_catalogue::recording::Recording;
use contract_catalogue::replay::{Replay, VERSION};
use contract_lab::parallel::in_parallel;

use crate::answer::AdapterAnswer;
use crate::report::headline;
use crate::result::{Class, Judgement};
use crate::run::assess::{CaseEvidence, judge_evidence};
use crate::run::baseline::Baseline;
use crate::run::case::Ran;
use crate::run::conclude::conclude;
use injections::Injection;

pub use injections::injections;

/// Judges a recorded release with each of the injections. An injection that changes none of the cases is
/// a miss.
pub fn self_test(
    baseline: &Baseline,
    cases: &[Case],
    injections: &[Injection],
    jobs: usize,
) -> anyhow::Result<Score> {
    let misses = in_parallel(jobs, injections, |injection| {
        judge(baseline, cases, injection)
    });
    let mut score = Score::default();
    for (miss, injection) in misses.into_iter().zip(injections) {
        score.add(injection, miss?);
    }
    Ok(score)
}

/// Why the gate's judgement of the release with this injection is wrong; none if it is right.
fn judge(
    baseline: &Baseline,
    cases: &[Case],
    injection: &Injection,
) -> anyhow::Result<Option<String>> {
    let release = baseline.release;
    let applies = |case: &&Case| {
        case.applies_to(release)
            && (injection.only.is_empty() || injection.only.iter().any(|name| name == case.name))
    };
    let mut ran = BTreeMap::new();
    for case in cases.iter().filter(applies) {
        let Some((recorded, answer)) = baseline.cases.get(case.name) else {
            continue;
        };
        if let Some(mutated) = injection.of(recorded) {
            let one = mutant(baseline, case, answer, mutated);
            let one = one.with_context(|| format!("{} on {}", injection.name(), case.name))?;
            ran.insert(case.name, one);
        }
    }
    if ran.is_empty() {
        return Ok(Some("changes no case".to_owned()));
    }
    let concerned: Vec<&Case> = cases
        .iter()
        .filter(|case| ran.contains_key(case.name))
        .collect();
    let mut judged = Judgement {
        judged_as: release.to_string(),
        ..Judgement::unknown(&release.to_string())
    };
    conclude(&mut judged, &concerned, ran, "");
    Ok(wrong(injection, &judged))
}

/// Judges the case as if the release did what `mutated` says.
fn mutant(
    baseline: &Baseline,
    case: &Case,
    answer_before: &AdapterAnswer,
    mutated: Recording,
) -> anyhow::Result<Ran> {
    let (version, _) = baseline
        .cases
        .get(VERSION)
        .context("no version is recorded")?;
    let replay = Replay {
        release: baseline.release,
        case,
        recording: &mutated,
        version: if case.name == VERSION {
            &mutated
        } else {
            version
        },
    };
    // If the adapter refuses, it refuses whatever confiture would do.
    let refused = matches!(answer_before, AdapterAnswer::Failed { refused: true, .. });
    let (outcome, site) = replay.decoded()?;
    judge_evidence(CaseEvidence {
        case,
        baseline,
        judged_as: baseline.release,
        site: &site,
        outcome: outcome.filter(|_| !refused),
        refused: refused.then(|| answer_before.clone()),
        called: true,
        after: mutated.after.clone(),
        recording: mutated,
        findings: Vec::new(),
        symptoms: Vec::new(),
    })
}

/// Why the judgement is wrong.
fn wrong(injection: &Injection, judged: &Judgement) -> Option<String> {
    let breaks = judged
        .causes
        .iter()
        .filter(|cause| cause.class >= Class::Breaks);
    let breaks: Vec<(&str, String)> = breaks
        .map(|cause| {
            (
                cause.id.as_str(),
                format!("{} ({})", cause.title, cause.cases.join(", ")),
            )
        })
        .collect();
    let titles: Vec<&str> = breaks.iter().map(|(_, title)| title.as_str()).collect();
    let titles = titles.join("; ");
    let headline = headline(judged);
    match &injection.cause {
        None if breaks.is_empty() => None,
        None => Some(format!("is harmless, and was judged to break: {titles}")),
        Some(_) if injection.is_false_safe() && !headline.starts_with("FALSE SAFE") => Some(
            format!("a false safe, and the first line is: {headline}; {titles}"),
        ),
        Some(cause) if breaks.iter().any(|(id, _)| id.starts_with(cause)) => None,
        Some(_) if breaks.is_empty() => Some("is harmful, and was not judged to break".to_owned()),
        Some(cause) => Some(format!("{cause} is not named, but {titles}")),
    }
}

/// How well the gate judged.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// How many injections of each kind there were, and how many were judged correctly.
    kinds: BTreeMap<&'static str, (usize, usize)>,
    misses: Vec<(String, String)>,
}

impl Score {
    fn add(&mut self, injection: &Injection, miss: Option<String>) {
        let kind = match &injection.cause {
            Some(_) if injection.is_false_safe() => "false safes",
            Some(_) => "harmful changes",
            None => "harmless changes",
        };
        let (all, right) = self.kinds.entry(kind).or_default();
        *all += 1;
        *right += usize::from(miss.is_none());
        self.misses
            .extend(miss.map(|miss| (injection.name(), miss)));
    }

    /// Whether every injection was judged correctly, and there was at least one of each kind.
    pub fn is_full(&self) -> bool {
        self.misses.is_empty() && self.kinds.len() == 3
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, wrong) in &self.misses {
            writeln!(f, "MISS     {name}\n         {wrong}")?;
        }
        for (kind, (all, right)) in &self.kinds {
            writeln!(f, "{right} of {all} {kind} are judged correctly")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use contract_catalogue::catalogue::catalogue;

    use super::*;
    use crate::run::baseline::Recorded;

    #[test]
    fn each_wrong_judgement_is_a_miss() {
        let wrong = r#"[
            {"call": "up", "acts": [{"Drop": "success"}]},
            {"call": "up", "acts": ["ReverseKeys"], "cause": "field-order"},
            {"call": "up", "acts": [{"Drop": "applied"}], "cause": "field-gone:success"},
            {"call": "up", "acts": [{"Drop": "pending"}], "cause": "false-safe"},
            {"call": "current", "acts": [{"Set": ["revision", "002"]}], "only": ["current/at-head"]},
            {"call": "up", "acts": [{"Drop": "no_such_field"}], "cause": "field-gone:no_such_field"}
        ]"#;
        let injections: Vec<Injection> = serde_json::from_str(wrong).unwrap();
        let recorded = Recorded::load(None, &catalogue()).unwrap();
        let baseline = recorded
            .baseline(*recorded.releases().last().unwrap())
            .unwrap();
        let score = self_test(&baseline, &catalogue(), &injections, 2).unwrap();
        let missed: Vec<&String> = score.misses.iter().map(|(name, _)| name).collect();
        let all: Vec<String> = injections.iter().map(Injection::name).collect();
        assert_eq!(missed, all.iter().collect::<Vec<_>>());
        assert!(!score.is_full());
    }
}
