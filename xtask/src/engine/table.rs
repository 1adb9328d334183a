//! The result of every step, as a table of 60 columns.

use std::collections::{BTreeMap, BTreeSet};

use contract_catalogue::release::Release;
use contract_lab::ui::{bad, faint, good, heading};

use super::story::{STORIES, Step};
use super::way::Way;

/// A step with this release and this variant.
pub type Cell = (&'static str, Release, Way);

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The step passed; with the contents of the database.
    AsExpected(String),
    Fault,
    /// It cannot be done on this machine.
    Skipped,
    /// A step before it was not as expected.
    NotReached,
}

/// The results of all steps.
#[derive(Default)]
pub struct Table {
    cells: BTreeMap<Cell, Outcome>,
    /// The differences from the shipped adapter that have a reason.
    explained: BTreeMap<Cell, &'static str>,
    /// Differences without a reason, and reasons without a difference.
    unexplained: Vec<String>,
}

/// The width of a column.
const WIDTH: usize = 12;

impl Table {
    /// Compares ours with the shipped adapter: a difference needs a reason, and in a run of everything a
    /// reason needs a difference.
    pub fn compared(cells: Vec<(Cell, Outcome)>, everything: bool) -> Self {
        let mut table = Self {
            cells: cells.into_iter().collect(),
            ..Self::default()
        };
        for (step, way) in steps().flat_map(|step| Way::OURS.map(|way| (step, way))) {
            let (name, of) = (step.name.as_str(), way.word());
            let reason = step.because.get(&way);
            let mut differs = false;
            for release in table.releases() {
                let seen = |way| match table.cells.get(&(name, release, way)) {
                    Some(Outcome::AsExpected(seen)) => Some(seen),
                    _ => None,
                };
                let (Some(ours), Some(theirs)) = (seen(way), seen(Way::Shipped)) else {
                    continue;
                };
                if ours == theirs {
                    continue;
                }
                differs = true;
                if let Some(reason) = reason {
                    table.explained.insert((name, release, way), reason);
                } else {
                    let what = format!("{name}, {of}, {release}: {ours}; shipped: {theirs}");
                    table.unexplained.push(what);
                }
            }
            if everything && !differs && reason.is_some() {
                let what = format!("{name}, {of}: there is a reason, and no difference");
                table.unexplained.push(what);
            }
        }
        table
    }

    fn releases(&self) -> BTreeSet<Release> {
        self.cells.keys().map(|(_, release, _)| *release).collect()
    }

    /// How many differences have no reason, or reasons no difference.
    pub fn unexplained(&self) -> usize {
        self.unexplained.len()
    }

    /// Prints the steps in the order of the stories, and the reasons.
    pub fn print(&self) {
        for line in self.lines() {
            anstream::println!("{line}");
        }
        for difference in &self.unexplained {
            anstream::println!("{} {difference}", bad("DIFFERS"));
        }
    }

    fn lines(&self) -> Vec<String> {
        let known: BTreeSet<&str> = self.cells.keys().map(|(step, ..)| *step).collect();
        let names: Vec<&str> = steps()
            .map(|step| step.name.as_str())
            .filter(|it| known.contains(it))
            .collect();
        let widths = names
            .iter()
            .chain(&["confiture 0.00.00"])
            .map(|it| it.len());
        let first = widths.max().unwrap_or_default();
        let mut reasons: Vec<&str> = Vec::new();
        let mut lines = Vec::new();
        for release in self.releases() {
            let mut head = format!("{:first$}", format!("confiture {release}"));
            head.extend(Way::ALL.map(|way| format!(" {:<1$}", way.word(), WIDTH - 1)));
            lines.push(heading(head.trim_end()));
            for &step in &names {
                let mut line = format!("{step:first$}");
                for way in Way::ALL {
                    let cell = (step, release, way);
                    let (word, paint): (&str, fn(&str) -> String) = match self.cells.get(&cell) {
                        None => ("·", faint),
                        Some(Outcome::AsExpected(_)) => ("ok", good),
                        Some(Outcome::Fault) => ("FAIL", bad),
                        Some(Outcome::Skipped) => ("skip", faint),
                        Some(Outcome::NotReached) => ("-", faint),
                    };
                    let mut text = word.to_owned();
                    if let Some(reason) = self.explained.get(&cell) {
                        let known = reasons.iter().position(|it| it == reason);
                        let number = known.unwrap_or_else(|| {
                            reasons.push(reason);
                            reasons.len() - 1
                        });
                        text = format!("{word} ({})", number + 1);
                    }
                    line += " ";
                    line += &paint(&format!("{text:<0$}", WIDTH - 1));
                }
                lines.push(line);
            }
            lines.push(String::new());
        }
        let numbered = reasons.iter().enumerate();
        lines.extend(numbered.map(|(index, reason)| format!("({}) {reason}", index + 1)));
        lines
    }
}

fn steps() -> impl Iterator<Item = &'static Step> {
    STORIES.story.iter().flat_map(|story| &story.steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(step: &'static str, way: Way, outcome: Outcome) -> (Cell, Outcome) {
        ((step, "0.22.0".parse().unwrap(), way), outcome)
    }

    fn seen(what: &str) -> Outcome {
        Outcome::AsExpected(what.to_owned())
    }

    fn plain(table: &Table) -> Vec<String> {
        let lines = table.lines().into_iter();
        lines
            .map(|line| anstream::adapter::strip_str(&line).to_string())
            .collect()
    }

    #[test]
    fn each_step_is_one_line() {
        let table = Table::compared(
            vec![
                cell("first deploy", Way::Program, seen("at 1")),
                cell("first deploy", Way::InProcess, Outcome::Fault),
                cell("nothing to do", Way::InProcess, Outcome::NotReached),
            ],
            false,
        );
        let lines = plain(&table);
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert_eq!(
            lines[1].trim_end(),
            "first deploy      ·           ok          FAIL"
        );
        assert_eq!(
            lines[2].trim_end(),
            "nothing to do     ·           ·           -"
        );
    }

    #[test]
    fn differences_and_reasons_must_match() {
        let compared = |step, program: &str, everything| {
            let shipped = cell(step, Way::Shipped, seen("at 1"));
            Table::compared(
                vec![shipped, cell(step, Way::Program, seen(program))],
                everything,
            )
        };
        assert_eq!(compared("first deploy", "at 1", false).unexplained(), 0);
        let unexplained = compared("first deploy", "at 2", false);
        assert_eq!(unexplained.unexplained(), 1);
        assert!(unexplained.unexplained[0].contains("at 2"));
        let explained = compared("drill", "at 2", false);
        assert_eq!(explained.unexplained(), 0);
        let lines = plain(&explained);
        assert!(lines[1].contains("ok (1)"), "{lines:#?}");
        assert!(lines.last().unwrap().starts_with("(1) "), "{lines:#?}");
        let stale = compared("drill", "at 1", true);
        assert!(
            stale
                .unexplained
                .iter()
                .any(|it| it.starts_with("drill, program"))
        );
    }

    #[test]
    fn the_table_fits_60_columns() {
        let widest = steps().map(|step| step.name.len()).max().unwrap();
        assert!(widest + 3 * WIDTH <= 60);
    }
}
