//! How well the gate judged.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;

use super::injections::Injection;
use crate::result::{Cause, Class, Judgement};

/// What the gate said of one injection.
#[derive(Debug, Clone)]
pub struct Judged {
    name: String,
    breaks: Vec<(String, String)>,
    differs: usize,
    unjudged: Vec<String>,
}

impl Judged {
    pub(crate) fn new(name: &str, judged: &Judgement) -> Self {
        let breaks = judged
            .causes
            .iter()
            .filter(|cause| cause.class >= Class::Breaks);
        let unjudged = judged.unjudged().map(|case| {
            let why = case.not_judged.as_deref().unwrap_or_default();
            format!("{}: {why}", case.name)
        });
        Self {
            name: name.to_owned(),
            breaks: breaks.map(told).collect(),
            differs: judged.causes_of(Class::Differs).count(),
            unjudged: unjudged.collect(),
        }
    }

    /// Why it was judged wrongly; none when it was judged rightly.
    fn wrong(&self, injection: &Injection) -> Option<String> {
        let told: Vec<&str> = self.breaks.iter().map(|(_, told)| told.as_str()).collect();
        let told = told.join("; ");
        if let Some(case) = self.unjudged.first() {
            return Some(format!("was not judged: {case}"));
        }
        match &injection.cause {
            None if self.breaks.is_empty() => None,
            None => Some(format!("harms nobody, and is said to break: {told}")),
            Some(cause) if self.breaks.iter().any(|(id, _)| id.starts_with(cause)) => None,
            Some(_) if self.breaks.is_empty() => Some("harms, and is not said to break".to_owned()),
            Some(cause) => Some(format!("{cause} is not named, but {told}")),
        }
    }
}

/// The id of a cause, and the cause in words with its first case.
fn told(cause: &Cause) -> (String, String) {
    let first = cause.cases.first().map(String::as_str).unwrap_or_default();
    let meaning = cause.consequence.as_deref().unwrap_or_default();
    (
        cause.id.clone(),
        format!("{} ({first}: {meaning})", cause.title),
    )
}

/// The score of a self-test.
#[derive(Debug, Clone, Default)]
pub struct Score {
    harmful: usize,
    found: usize,
    harmless: usize,
    passed: usize,
    seen: usize,
    misses: Vec<(String, String)>,
}

impl Score {
    pub(crate) fn new(injections: &[Injection], judged: Vec<Judged>) -> anyhow::Result<Self> {
        let judged: BTreeMap<String, Judged> = judged
            .into_iter()
            .map(|judged| (judged.name.clone(), judged))
            .collect();
        let mut score = Self::default();
        for injection in injections {
            let name = &injection.name;
            let judged = judged
                .get(name)
                .with_context(|| format!("{name} was not judged"))?;
            let wrong = judged.wrong(injection);
            let (all, right) = match injection.cause {
                Some(_) => (&mut score.harmful, &mut score.found),
                None => (&mut score.harmless, &mut score.passed),
            };
            *all += 1;
            *right += usize::from(wrong.is_none());
            let is_seen = judged.differs > 0;
            score.seen += usize::from(injection.cause.is_none() && is_seen);
            score
                .misses
                .extend(wrong.map(|wrong| (name.clone(), wrong)));
        }
        Ok(score)
    }

    /// Whether everything was judged rightly.
    pub fn is_full(&self) -> bool {
        self.misses.is_empty() && self.harmful + self.harmless > 0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, wrong) in &self.misses {
            writeln!(f, "MISS     {name}\n         {wrong}")?;
        }
        writeln!(
            f,
            "{} of {} harmful changes break with their cause named",
            self.found, self.harmful
        )?;
        writeln!(
            f,
            "{} of {} harmless changes break nothing ({} of them are shown as a difference)",
            self.passed, self.harmless, self.seen
        )
    }
}
