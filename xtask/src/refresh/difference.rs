//! The differences between releases.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use contract_catalogue::release::Release;
use contract_lab::ui::{bad, faint, good, heading};
use similar::{ChangeTag, TextDiff};

use super::store::{Store, Texts};

/// How many lines of one difference are shown.
const SHOWN_LINES: usize = 40;

/// What one release changed, in one line; a star stands for all cases of an operation.
pub fn changed_cases(store: &Store<'_>, release: Release) -> String {
    let changed: BTreeSet<&str> = store.changed_with(release).into_iter().collect();
    let shown = store.shown_by(release);
    let mut words: Vec<String> = Vec::new();
    for operation in shown
        .keys()
        .map(|name| operation(name))
        .collect::<BTreeSet<_>>()
    {
        let of_operation = |name: &&str| self::operation(name) == operation;
        let found: Vec<&str> = changed.iter().copied().filter(of_operation).collect();
        let all = shown
            .keys()
            .filter(|name| self::operation(name) == operation);
        if found.len() > 1 && found.len() == all.count() {
            words.push(format!("{operation}/*"));
        } else {
            words.extend(found.iter().map(ToString::to_string));
        }
    }
    let release = heading(&release.to_string());
    if words.is_empty() {
        return format!("{release} changed nothing");
    }
    format!("{release} changed {}", words.join(", "))
}

fn operation(case: &str) -> &str {
    case.split('/').next().unwrap_or_default()
}

/// What changed from one release to another, as text; cases with the same change are grouped.
pub fn between(store: &Store<'_>, from: Release, to: Release) -> String {
    let (before, after) = (store.shown_by(from), store.shown_by(to));
    let answers = (store.snapshots_of(from), store.snapshots_of(to));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut alike: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for name in &names {
        let confiture = match (before.get(*name), after.get(*name)) {
            (None, Some(_)) => {
                format!("    {}\n", faint(&format!("{from} does not have the case")))
            }
            (Some(_), None) => format!("    {}\n", faint(&format!("{to} does not have the case"))),
            _ => changed_lines(name, &before, &after),
        };
        let both = before.contains_key(*name) && after.contains_key(*name);
        let adapter = if both {
            changed_lines(name, &answers.0, &answers.1)
        } else {
            String::new()
        };
        if !(confiture.is_empty() && adapter.is_empty()) {
            alike.entry((confiture, adapter)).or_default().push(name);
        }
    }
    let changed: usize = alike.values().map(Vec::len).sum();
    let mut text = format!(
        "{} {changed} of {} cases differ\n",
        heading(&format!("{from} → {to}:")),
        names.len()
    );
    let mut groups: Vec<_> = alike.into_iter().collect();
    groups.sort_by_key(|(_, names)| names[0]);
    for ((confiture, adapter), names) in groups {
        text.push('\n');
        for name in names {
            let _ = writeln!(text, "{}", heading(name));
        }
        if confiture.is_empty() {
            let _ = writeln!(text, "    {}", faint("confiture does the same"));
        }
        text.push_str(&confiture);
        if !adapter.is_empty() {
            let _ = writeln!(text, "  {}", faint("and therefore the adapter's answers:"));
            text.push_str(&adapter);
        }
    }
    text
}

/// The removed and the added lines, without their context. Trailing commas are ignored, because they
/// depend on what follows.
fn changed_lines(name: &str, before: &Texts, after: &Texts) -> String {
    let lines = |texts: &Texts| -> String {
        let text = texts.get(name).map(String::as_str).unwrap_or_default();
        let lines = text
            .lines()
            .map(|line| line.strip_suffix(',').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    let (before, after) = (lines(before), lines(after));
    let diff = TextDiff::from_lines(&before, &after);
    let lines: Vec<String> = diff
        .iter_all_changes()
        .filter_map(|change| {
            let line = change.value().trim();
            match change.tag() {
                ChangeTag::Equal => None,
                ChangeTag::Delete => Some(bad(&format!("- {line}"))),
                ChangeTag::Insert => Some(good(&format!("+ {line}"))),
            }
        })
        .collect();
    cut(&lines).iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "    {line}");
        text
    })
}

/// The first lines, and how many more there are.
fn cut(lines: &[String]) -> Vec<String> {
    let mut shown = lines[..lines.len().min(SHOWN_LINES)].to_vec();
    if lines.len() > SHOWN_LINES {
        shown.push(format!("({} more lines)", lines.len() - SHOWN_LINES));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract_catalogue::catalogue::parse;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    /// What a store says of 0.22.0 and 0.23.0, of which these are the cases and their texts.
    fn shown(cases: &[(&str, &str, &str)]) -> (String, String) {
        let root = tempfile::tempdir().unwrap();
        let row = |(name, _, _): &(&str, _, _)| format!("[[case]]\nname = '{name}'\n");
        let catalogue = parse(&cases.iter().map(row).collect::<String>()).unwrap();
        let texts = |second: bool| {
            let text = |(name, before, after): &(&str, &str, &str)| {
                let text = if second { after } else { before };
                ((*name).to_owned(), (*text).to_owned())
            };
            cases.iter().map(text).collect()
        };
        let recorded = BTreeMap::from([
            (release("0.22.0"), texts(false)),
            (release("0.23.0"), texts(true)),
        ]);
        let mut store = Store::read(root.path(), &catalogue).unwrap();
        store.write(&recorded).unwrap();
        (
            anstream::adapter::strip_str(&between(&store, release("0.22.0"), release("0.23.0")))
                .to_string(),
            anstream::adapter::strip_str(&changed_cases(&store, release("0.23.0"))).to_string(),
        )
    }

    #[test]
    fn cases_that_changed_alike_are_listed_once() {
        let (shown, line) = shown(&[
            ("up/a", "exit 0\nrest\n", "exit 3\nrest\n"),
            ("up/b", "exit 0\nother\n", "exit 3\nother\n"),
            ("verify/a", "1\n", "1\n"),
            ("verify/b", "1\n", "2\n"),
        ]);
        assert_eq!(
            shown,
            "0.22.0 → 0.23.0: 3 of 4 cases differ\n\
             \n\
             up/a\n\
             up/b\n    - exit 0\n    + exit 3\n\
             \n\
             verify/b\n    - 1\n    + 2\n"
        );
        assert_eq!(line, "0.23.0 changed up/*, verify/b");
    }

    #[test]
    fn releases_that_behave_alike_differ_in_nothing() {
        let (shown, line) = shown(&[("up/a", "1\n", "1\n")]);
        assert_eq!(shown, "0.22.0 → 0.23.0: 0 of 1 cases differ\n");
        assert_eq!(line, "0.23.0 changed nothing");
    }
}
