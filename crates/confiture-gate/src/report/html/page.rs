//! The text of the page as it grows, and what its cells lead to.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::result::{CaseResult, Judgement};

/// What is behind a cell. Cells that show the same share it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Behind<'a> {
    case: &'a str,
    recorded: Option<&'a str>,
    seen: Option<&'a str>,
    answers: (Option<&'a str>, Option<&'a str>),
    findings: String,
}

/// The page as it grows.
#[derive(Default)]
pub(super) struct Page<'a> {
    pub(super) text: String,
    pub(super) behind: BTreeMap<Behind<'a>, (usize, &'a CaseResult, Vec<&'a str>)>,
}

impl<'a> Page<'a> {
    pub(super) fn push(&mut self, arguments: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(arguments);
    }

    /// The number of what is behind the cell of `case`.
    pub(super) fn id(&mut self, judged: &'a Judgement, case: &'a CaseResult) -> usize {
        let behind = Behind {
            case: &case.name,
            recorded: case.recorded.as_deref(),
            seen: case.seen.as_deref(),
            answers: (case.answer_before.as_deref(), case.answer_now.as_deref()),
            findings: format!("{:?}{:?}", case.findings, case.not_judged),
        };
        let next = self.behind.len() + 1;
        let (id, _, versions) = self
            .behind
            .entry(behind)
            .or_insert((next, case, Vec::new()));
        if !versions.contains(&judged.version.as_str()) {
            versions.push(&judged.version);
        }
        *id
    }
}

/// A text between tags.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// A text as the value of an attribute.
pub(super) fn quoted(text: &str) -> String {
    escape(text).replace('"', "&quot;")
}
