//! Tells what differs: from release to release, and from what is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contract_tests::index::Entry;
use contract_tests::release::Release;
use similar::TextDiff;

use super::record::Recorded;
use super::write::{Texts, texts, texts_of};
use crate::exit::Unexpected;
use contract_lab::ui::{Ui, good, heading};

/// How many lines of one case's difference are shown.
const SHOWN_LINES: usize = 40;

/// What one release changed, in a line or a few.
pub fn describe(entry: &Entry) -> String {
    let release = heading(&entry.release.to_string());
    if entry.behaves_as == entry.release {
        format!("{release} changed {}", entry.changed.join(", "))
    } else {
        format!("{release} behaves as {}", entry.behaves_as)
    }
}

/// Holds what was recorded now against what is committed.
///
/// # Errors
/// [`Unexpected`] when a recording differs.
pub fn check(recorded: &BTreeMap<Release, Recorded>, root: &Path, ui: Ui) -> anyhow::Result<()> {
    let mut different = 0;
    for (release, now) in recorded {
        let now = texts(now);
        let committed = texts_of(root, *release)?;
        let names: BTreeSet<&String> = now.keys().chain(committed.keys()).collect();
        for name in names {
            if let Some(difference) = difference(name, &committed, &now) {
                different += 1;
                ui.warning(&format!("{release}/{name} differs\n{difference}"));
            }
        }
        ui.note(&format!("{release}: {} cases compared", now.len()));
    }
    if different > 0 {
        return Err(Unexpected(format!("{different} recordings differ")).into());
    }
    ui.note(&good("no difference"));
    Ok(())
}

/// The lines in which one case differs, or that it is on one side only.
fn difference(name: &str, before: &Texts, after: &Texts) -> Option<String> {
    let text = |texts: &Texts| texts.get(name).cloned().unwrap_or_default();
    let (before, after) = (text(before), text(after));
    if before == after {
        return None;
    }
    let diff = TextDiff::from_lines(&before, &after);
    let unified = diff.unified_diff().context_radius(2).to_string();
    let lines: Vec<&str> = unified.lines().collect();
    let mut shown = lines[..lines.len().min(SHOWN_LINES)].join("\n");
    if lines.len() > SHOWN_LINES {
        shown = format!("{shown}\n({} more lines)", lines.len() - SHOWN_LINES);
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_and_an_equal_case_is_not() {
        let texts = |text: &str| Texts::from([("up/a".to_owned(), text.to_owned())]);
        assert_eq!(difference("up/a", &texts("1\n"), &texts("1\n")), None);
        let shown = difference("up/a", &texts("exit 0\n"), &texts("exit 3\n")).unwrap();
        assert!(
            shown.contains("-exit 0") && shown.contains("+exit 3"),
            "{shown}"
        );
        let gone = difference("up/a", &texts("exit 0\n"), &Texts::new()).unwrap();
        assert!(gone.contains("-exit 0"), "{gone}");
    }
}
