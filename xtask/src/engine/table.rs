//! What became of every step, in 60 columns.

use std::collections::{BTreeMap, BTreeSet};

use contract_lab::ui::{bad, faint, good, heading};
use contract_tests::release::Release;

use super::stories::STORIES;
use super::way::Way;

/// What a step is done with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    pub way: Way,
    pub release: Release,
}

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    AsExpected,
    Fault(String),
    /// A step before it was not as expected.
    NotReached,
}

/// One step, done with one engine and one confiture.
#[derive(Debug)]
pub struct Cell {
    pub step: &'static str,
    pub column: Column,
    pub outcome: Outcome,
}

/// All steps.
pub struct Table(BTreeMap<(&'static str, Column), Outcome>);

/// The width of a column: that of `0.22.0` and a blank.
const WIDTH: usize = 7;

impl Table {
    pub fn new(cells: impl Iterator<Item = Cell>) -> Self {
        Self(
            cells
                .map(|cell| ((cell.step, cell.column), cell.outcome))
                .collect(),
        )
    }

    /// How many steps were not as expected.
    pub fn faults(&self) -> usize {
        let faults = self.0.values();
        faults.filter(|it| matches!(it, Outcome::Fault(_))).count()
    }

    /// Prints the steps in the order of the stories, and then every fault.
    pub fn print(&self) {
        for line in self.lines() {
            anstream::println!("{line}");
        }
        for ((step, column), outcome) in &self.0 {
            if let Outcome::Fault(why) = outcome {
                let (way, release) = (column.way.words(), &column.release);
                anstream::println!("\n{} {step}, {way}, {release}: {why}", bad("FAIL"));
            }
        }
        let count = |wanted: fn(&Outcome) -> bool| self.0.values().filter(|it| wanted(it)).count();
        anstream::println!(
            "\n{} as expected, {} not, {} not reached",
            count(|it| *it == Outcome::AsExpected),
            self.faults(),
            count(|it| *it == Outcome::NotReached),
        );
    }

    fn lines(&self) -> Vec<String> {
        let columns: BTreeSet<&Column> = self.0.keys().map(|(_, column)| column).collect();
        let steps: Vec<&str> = STORIES
            .iter()
            .flat_map(|story| story.steps)
            .map(|step| step.name)
            .filter(|step| self.0.keys().any(|(name, _)| name == step))
            .collect();
        let first = steps.iter().map(|step| step.len()).max().unwrap_or(0);
        let mut ways = " ".repeat(first);
        for way in Way::BOTH {
            let width = WIDTH * columns.iter().filter(|it| it.way == way).count();
            if width > 0 {
                ways.extend([format!(" {:<1$}", way.words(), width - 1)]);
            }
        }
        let mut releases = String::new();
        for column in &columns {
            releases.extend([format!(" {:<1$}", column.release.to_string(), WIDTH - 1)]);
        }
        let mut lines = vec![
            heading(ways.trim_end()),
            heading(format!("{:first$}{releases}", "").trim_end()),
        ];
        for step in steps {
            let mut line = format!("{step:first$}");
            for column in &columns {
                let word = match self.0.get(&(step, (*column).clone())) {
                    None => faint("·     "),
                    Some(Outcome::AsExpected) => good("ok    "),
                    Some(Outcome::Fault(_)) => bad("FAIL  "),
                    Some(Outcome::NotReached) => faint("-     "),
                };
                line += " ";
                line += &word;
            }
            lines.push(line);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(step: &'static str, way: Way, outcome: Outcome) -> Cell {
        let release = "0.22.0".parse().unwrap();
        Cell {
            step,
            column: Column { way, release },
            outcome,
        }
    }

    #[test]
    fn a_step_is_a_line_and_a_fault_is_counted() {
        let table = Table::new(
            [
                cell("first deploy", Way::Program, Outcome::AsExpected),
                cell(
                    "first deploy",
                    Way::InProcess,
                    Outcome::Fault("no".to_owned()),
                ),
                cell("nothing to do", Way::InProcess, Outcome::NotReached),
            ]
            .into_iter(),
        );
        assert_eq!(table.faults(), 1);
        let lines: Vec<String> = table
            .lines()
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert!(
            lines[2].starts_with("first deploy  ok     FAIL"),
            "{lines:#?}"
        );
        assert!(lines[3].starts_with("nothing to do ·      -"), "{lines:#?}");
    }

    #[test]
    fn sixty_columns_are_enough_for_three_releases() {
        let widest = STORIES
            .iter()
            .flat_map(|story| story.steps)
            .map(|step| step.name.len());
        assert!(widest.max().unwrap() + 6 * WIDTH <= 60);
    }
}
