//! Where the two sides read a damaged document differently, and why that is so.

use std::collections::BTreeSet;

use super::damage::Damaged;

/// `TYPE | WHAT | OURS | THEIRS`, as `differences.txt` has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference(String);

impl Difference {
    /// The difference between what the sides read, if there is one.
    pub(crate) fn between(
        name: &str,
        damaged: &Damaged,
        ours: &Result<String, String>,
        theirs: &Result<String, String>,
    ) -> Option<Self> {
        let (ours, theirs) = match (ours, theirs) {
            (Err(_), Err(_)) => return None,
            (Ok(ours), Ok(theirs)) if ours == theirs => return None,
            (Ok(ours), Ok(theirs)) => apart(ours, theirs),
            (Ok(_), Err(_)) => ("read".to_owned(), "refused".to_owned()),
            (Err(_), Ok(_)) => ("refused".to_owned(), "read".to_owned()),
        };
        let what = &damaged.what;
        Some(Self(format!("{name} | {what} | {ours} | {theirs}")))
    }
}

/// The part of each text that the other does not have.
fn apart(ours: &str, theirs: &str) -> (String, String) {
    let same = |pair: &(char, char)| pair.0 == pair.1;
    let start: usize = ours
        .chars()
        .zip(theirs.chars())
        .take_while(same)
        .map(|(it, _)| it.len_utf8())
        .sum();
    let (ours, theirs) = (&ours[start..], &theirs[start..]);
    let end: usize = ours
        .chars()
        .rev()
        .zip(theirs.chars().rev())
        .take_while(same)
        .map(|(it, _)| it.len_utf8())
        .sum();
    let middle = |text: &str| {
        let middle: String = text[..text.len() - end].chars().take(40).collect();
        if middle.is_empty() {
            "nothing".to_owned()
        } else {
            middle
        }
    };
    (middle(ours), middle(theirs))
}

/// The committed list. Each difference stands below the reason for it.
pub(crate) fn listed() -> BTreeSet<Difference> {
    let mut reason = None;
    let mut found = BTreeSet::new();
    for line in include_str!("differences.txt").lines() {
        if let Some(words) = line.strip_prefix("# ") {
            reason = Some(words);
        } else if !line.is_empty() {
            assert!(reason.is_some(), "without a reason: {line}");
            let new = found.insert(Difference(line.to_owned()));
            assert!(new, "listed twice: {line}");
        } else {
            reason = None;
        }
    }
    found
}

/// A line each.
pub(crate) fn lines(differences: &[&Difference]) -> String {
    let lines: Vec<&str> = differences.iter().map(|it| it.0.as_str()).collect();
    lines.join("\n")
}
