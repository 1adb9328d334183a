//! What the steps decided.

use std::time::{Duration, Instant};

use fraisier_adapter_api::{AdapterError, Revision};

use crate::exit::Unexpected;
use contract_lab::ui::{self, Ui};

/// How many columns precede the decision of a step.
const BESIDE: usize = 29;
/// Longer lines are hard to read.
const WIDEST: usize = 98;

/// What happened so far.
#[derive(Debug)]
pub struct Transcript {
    steps: usize,
    /// The answers to `current`, in order.
    pub revisions: Vec<Option<Revision>>,
    ui: Ui,
}

/// What a step decided, or why that is not what was expected.
pub type Decision = Result<String, String>;

impl Transcript {
    pub fn new(ui: Ui) -> Self {
        Self {
            steps: 0,
            revisions: Vec::new(),
            ui,
        }
    }

    /// Awaits one call, lets `decide` check its result, and prints both.
    pub async fn step<T>(
        &mut self,
        name: &'static str,
        call: impl Future<Output = Result<T, AdapterError>>,
        decide: impl FnOnce(&Result<T, AdapterError>) -> Decision,
    ) -> Result<Option<T>, Unexpected> {
        let spinner = self.ui.spin(name);
        let started = Instant::now();
        let outcome = call.await;
        drop(spinner);
        let decision = decide(&outcome);
        self.note(name, started.elapsed(), &decision);
        match decision {
            Ok(_) => Ok(outcome.ok()),
            Err(complaint) => Err(Unexpected(format!("{name}: {complaint}"))),
        }
    }

    fn note(&mut self, name: &str, took: Duration, decision: &Decision) {
        self.steps += 1;
        let (mark, decided) = match decision {
            Ok(decided) => (ui::good("ok"), decided),
            Err(complaint) => (ui::bad("!!"), complaint),
        };
        let label = ui::heading(&format!("{name:<10}"));
        let time = ui::faint(&format!("{:>6}", ui::seconds(took)));
        let head = format!("{:>3}  {mark}  {time}  {label}  ", self.steps);
        ui::print(&shown(&head, BESIDE, decided, ui::width().min(WIDEST)));
    }
}

/// A step and its decision, in `width` columns: side by side, or one below the other if that leaves too
/// little space.
fn shown(head: &str, beside: usize, text: &str, width: usize) -> String {
    const LEAST: usize = 40;
    let below = width < beside + LEAST;
    let indent = " ".repeat(if below { 8 } else { beside });
    let options = textwrap::Options::new(width)
        .initial_indent(&indent)
        .subsequent_indent(&indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let text = textwrap::fill(text, options);
    if below {
        format!("{}\n{text}", head.trim_end())
    } else {
        format!("{head}{}", text.trim_start())
    }
}

/// `none → 002 → 001`
pub fn path(revisions: &[Option<Revision>]) -> String {
    let names: Vec<&str> = revisions
        .iter()
        .map(|revision| revision.as_ref().map_or("none", Revision::as_str))
        .collect();
    names.join(" → ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_revision_reads_from_none() {
        let revisions = [None, Some(Revision::new("002")), Some(Revision::new("001"))];
        assert_eq!(path(&revisions), "none → 002 → 001");
    }

    #[test]
    fn the_decision_of_a_step_is_printed_beside_it() {
        let text = format!("one\n{}", "word ".repeat(30));
        let shown = shown("head ", 5, &text, 75);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines[0], lines.len()), ("head one", 4));
        assert!(lines[1..].iter().all(|line| line.starts_with("     word")));
        assert_eq!(shown.split_whitespace().count(), 32);
    }

    #[test]
    fn on_a_narrow_terminal_the_decision_is_below() {
        let shown = shown("head  ", BESIDE, &"word ".repeat(30), 60);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "head");
        let fits = |line: &&str| line.starts_with("        word") && line.len() <= 60;
        assert!(lines[1..].iter().all(fits), "{shown}");
    }
}
