//! What the steps decided, for people and for machines.

use std::time::{Duration, Instant};

use fraisier_adapter_api::{AdapterError, Revision};
use serde::Serialize;
use serde_json::Value;

use crate::exit::Unexpected;
use contract_lab::ui::{self, Ui};

/// How many columns stand before what a step decided.
const BESIDE: usize = 29;
/// Longer lines are hard to read.
const WIDEST: usize = 98;

/// One step, as the document has it.
#[derive(Debug, Serialize)]
struct Step {
    #[serde(rename = "step")]
    name: &'static str,
    ok: bool,
    decided: String,
    seconds: f64,
    result: Option<Value>,
    error: Option<AdapterError>,
}

/// Everything that happened, in order. Serializes to the document of `--json`.
#[derive(Debug, Serialize)]
pub struct Transcript {
    ok: bool,
    /// What ended the run early.
    error: Option<String>,
    /// What was run; filled when it is known.
    pub confiture: Option<Tool>,
    /// The server's version.
    pub postgres: Option<String>,
    steps: Vec<Step>,
    /// The answers to `current`, in order.
    pub revisions: Vec<Option<Revision>>,
    #[serde(skip)]
    json: bool,
    #[serde(skip)]
    ui: Ui,
}

/// The confiture that was run.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// What it says its version is.
    pub version: String,
    /// Where it is.
    pub program: std::path::PathBuf,
}

/// What a step decided, or why that is not what was expected.
pub type Decision = Result<String, String>;

impl Transcript {
    /// An empty one; with `json` nothing is printed until the end, and then one document.
    pub fn new(json: bool, ui: Ui) -> Self {
        Self {
            ok: false,
            error: None,
            confiture: None,
            postgres: None,
            steps: Vec::new(),
            revisions: Vec::new(),
            json,
            ui,
        }
    }

    /// A line between the steps.
    pub fn say(&self, line: &str) {
        if !self.json {
            ui::print(line);
        }
    }

    /// Awaits one call, lets `decide` look at what came back, and writes both down.
    pub async fn step<T: Serialize>(
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
        self.note(name, started.elapsed(), &outcome, &decision);
        match decision {
            Ok(_) => Ok(outcome.ok()),
            Err(complaint) => Err(Unexpected(format!("{name}: {complaint}"))),
        }
    }

    fn note<T: Serialize>(
        &mut self,
        name: &'static str,
        took: Duration,
        outcome: &Result<T, AdapterError>,
        decision: &Decision,
    ) {
        let number = self.steps.len() + 1;
        let (mark, decided) = match decision {
            Ok(decided) => (ui::good("ok"), decided),
            Err(complaint) => (ui::bad("!!"), complaint),
        };
        let label = ui::heading(&format!("{name:<10}"));
        let time = ui::faint(&format!("{:>6}", ui::seconds(took)));
        let head = format!("{number:>3}  {mark}  {time}  {label}  ");
        self.say(&shown(&head, BESIDE, decided, ui::width().min(WIDEST)));
        self.steps.push(Step {
            name,
            ok: decision.is_ok(),
            decided: decided.clone(),
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            result: outcome
                .as_ref()
                .ok()
                .and_then(|value| serde_json::to_value(value).ok()),
            error: outcome.as_ref().err().cloned(),
        });
    }

    /// Ends it: the last lines, or the document; passes `done` on.
    pub fn end(mut self, done: anyhow::Result<()>) -> anyhow::Result<()> {
        self.ok = done.is_ok();
        self.error = done.as_ref().err().map(|error| format!("{error:#}"));
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&self)?);
        } else if self.ok {
            self.say("");
            self.say(&format!("revision  {}", ui::good(&path(&self.revisions))));
        }
        done
    }
}

/// A step and what it decided, in `width` columns: beside each other, or below where that leaves too
/// little.
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
fn path(revisions: &[Option<Revision>]) -> String {
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

    #[test]
    fn the_json_document_contains_the_result() {
        let mut transcript = Transcript::new(true, Ui::stderr());
        let outcome: Result<bool, AdapterError> = Ok(true);
        let complaint = Err("no".to_owned());
        transcript.note("up", Duration::from_millis(1500), &outcome, &complaint);
        let document = serde_json::to_value(&transcript).unwrap();
        assert_eq!(document["ok"], false);
        assert_eq!(document["steps"][0]["decided"], "no");
        assert_eq!(document["steps"][0]["seconds"], 1.5);
        assert_eq!(document["steps"][0]["result"], true);
    }
}
