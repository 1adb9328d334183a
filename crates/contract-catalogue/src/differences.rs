//! How replays differ from what was recorded, each difference once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use similar::{DiffTag, TextDiff};

use crate::release::Release;

/// If no more than this many replays differ, each is printed in full.
const IN_FULL: usize = 3;
/// How many differences are printed.
const PRINTED: usize = 25;
/// How much of the text around a change is printed, in characters.
const AROUND: usize = 50;
/// How much of a change is printed, in characters.
const LONGEST: usize = 600;

/// The replays that differ, grouped by difference.
#[derive(Debug, Default)]
pub struct Differences {
    groups: BTreeMap<Difference, Group>,
    in_full: BTreeMap<Place, String>,
}

/// What replays have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// Words of the snapshot, and the words that replaced them.
    Words(String, String),
    /// There is no result to compare. The text is what all the replays have in common.
    Failed(String),
}

/// The replays with one difference, and what it looks like in each.
type Group = BTreeMap<Place, String>;

/// A replay: its release and its case.
type Place = (Release, String);

impl Differences {
    /// Adds a replay whose result differs from the snapshot.
    pub fn add_changed(&mut self, release: Release, case: &str, snapshot: &str, now: &str) {
        let place = (release, case.to_owned());
        for (difference, shown) in changes(snapshot, now) {
            let group = self.groups.entry(difference).or_default();
            group.entry(place.clone()).or_insert(shown);
        }
        let diff = TextDiff::from_lines(snapshot, now);
        let diff = diff.unified_diff().header("snapshot", "now").to_string();
        self.in_full.insert(place, diff);
    }

    /// Adds a replay that failed before there was anything to compare. Replays whose `why` is the same up
    /// to the first colon are one group; the evidence follows the colon.
    pub fn add_failed(&mut self, release: Release, case: &str, why: String) {
        let place = (release, case.to_owned());
        let what = why.split(": ").next().unwrap_or_default();
        let group = self.groups.entry(Difference::Failed(what.to_owned()));
        let shown = cut(&why, LONGEST);
        group.or_default().insert(place.clone(), shown);
        self.in_full.insert(place, why);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.in_full.is_empty()
    }
}

/// The report of a run: the differences, the most frequent first, and where to look.
impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((release, case)) = self.in_full.keys().next() else {
            return Ok(());
        };
        let (ways, replays) = (self.groups.len(), self.in_full.len());
        writeln!(
            f,
            "{} in {}",
            count(ways, "difference"),
            count(replays, "replay")
        )?;
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        for (number, replays) in groups.iter().enumerate().take(PRINTED) {
            let Some(((release, case), shown)) = replays.iter().next() else {
                continue;
            };
            let cases: BTreeSet<&str> = replays.keys().map(|(_, case)| &**case).collect();
            let number = number + 1;
            let (replays, cases) = (count(replays.len(), "replay"), count(cases.len(), "case"));
            writeln!(
                f,
                "\n{number}. {replays} of {cases}, the first is {release}/{case}"
            )?;
            for line in shown.lines() {
                writeln!(f, "   {line}")?;
            }
        }
        if ways > PRINTED {
            writeln!(f, "\n… and {} more", ways - PRINTED)?;
        }
        if replays <= IN_FULL {
            for ((release, case), text) in &self.in_full {
                writeln!(f, "\n{release}/{case}\n{}", text.trim_end())?;
            }
        }
        let operation = case.split('/').next().unwrap_or_default();
        write!(
            f,
            "
[-…-] is in the snapshot, {{+…+}} is new.
Where to look:
  one replay in full      cargo test -p contract-catalogue --test replay -- --exact {release}/{case}
  what confiture did      contract-fixtures/{case}/, the newest *.json that is not newer than the release
  what interprets it      crates/fraisier-adapter-confiture/src/operation/{operation}.rs
  \"0ms\", \"<project>\"      placeholders for what differs in every run: contract-fixtures/README.md
  if it is intended       UPDATE_SNAPSHOTS=1 cargo test -p contract-catalogue --test replay, and review the diff
"
        )
    }
}

/// Each replacement with its picture: the change, and the rest of its line around it.
fn changes(snapshot: &str, now: &str) -> Vec<(Difference, String)> {
    let diff = TextDiff::from_words(snapshot, now);
    let old: Vec<&str> = diff.iter_old_slices().collect();
    let new: Vec<&str> = diff.iter_new_slices().collect();
    let mut spans: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for op in diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal) {
        let (removed, added) = (op.old_range(), op.new_range());
        match spans.last_mut() {
            // Only a space is between them.
            Some((before, with)) if removed.start <= before.end + 1 => {
                before.end = removed.end;
                with.end = added.end;
            }
            _ => spans.push((removed, added)),
        }
    }
    let change = |(removed, added): (Range<usize>, Range<usize>)| {
        let (before, after) = (old[..removed.start].concat(), old[removed.end..].concat());
        let (removed, added) = (old[removed].concat(), new[added].concat());
        let shown = picture(&before, &removed, &added, &after);
        (Difference::Words(removed, added), shown)
    };
    spans.into_iter().map(change).collect()
}

fn picture(before: &str, removed: &str, added: &str, after: &str) -> String {
    let before = before.lines().next_back().unwrap_or_default();
    let skipped = before.chars().count().saturating_sub(AROUND);
    let before: String = match skipped {
        0 => before.trim_start().to_owned(),
        _ => format!("…{}", before.chars().skip(skipped).collect::<String>()),
    };
    let after = cut(after.lines().next().unwrap_or_default(), AROUND);
    let mark = |text: &str, left, right| match text {
        "" => String::new(),
        text => format!("{left}{}{right}", cut(text, LONGEST)),
    };
    let (removed, added) = (mark(removed, "[-", "-]"), mark(added, "{+", "+}"));
    format!("{before}{removed}{added}{after}")
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The first `most` characters of a text, and a mark if there are more.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Release = Release::new(0, 20, 0);
    const LATER: Release = Release::new(1, 29, 0);

    fn snapshot(state: &str, case: &str) -> String {
        format!(
            "{{\n  \"message\": \"{case} failed; {state} by this call.\",\n  \"calls\": 1\n}}\n"
        )
    }

    #[test]
    fn replays_with_one_difference_are_one_group() {
        let mut differences = Differences::default();
        assert!(differences.is_empty());
        assert_eq!(differences.to_string(), "");
        for (release, case) in [
            (LATER, "up/a"),
            (FIRST, "up/b"),
            (LATER, "up/b"),
            (LATER, "up/c"),
        ] {
            let before = snapshot("the database was not changed", case);
            let now = snapshot("the database is unchanged", case);
            let now = now.replace("1\n", if case == "up/c" { "2\n" } else { "1\n" });
            differences.add_changed(release, case, &before, &now);
        }
        let report = differences.to_string();
        for part in [
            "2 differences in 4 replays\n",
            "1. 4 replays of 3 cases, the first is 0.20.0/up/b\n   ",
            "up/b failed; the database [-was not changed-]{+is unchanged+} by this call.",
            "2. 1 replay of 1 case, the first is 1.29.0/up/c\n   \"calls\": [-1-]{+2+}\n",
            "--exact 0.20.0/up/b\n",
            "contract-fixtures/up/b/, ",
            "operation/up.rs",
        ] {
            assert!(report.contains(part), "{part} in {report}");
        }
        assert!(!report.contains("--- snapshot"), "{report}");
    }

    #[test]
    fn few_replays_are_printed_in_full() {
        let mut differences = Differences::default();
        differences.add_changed(FIRST, "up/a", "1\n2\n", "1\n3\n");
        differences.add_failed(
            FIRST,
            "up/b",
            "expected Result, found Error: E 1".to_owned(),
        );
        differences.add_failed(
            LATER,
            "up/c",
            "expected Result, found Error: E 2".to_owned(),
        );
        let report = differences.to_string();
        for part in [
            "2 differences in 3 replays\n",
            "2 replays of 2 cases, the first is 0.20.0/up/b\n   expected Result, found Error: E 1\n",
            "0.20.0/up/a\n--- snapshot\n+++ now\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n",
            "1.29.0/up/c\nexpected Result, found Error: E 2\n",
        ] {
            assert!(report.contains(part), "{part} in {report}");
        }
    }
}
