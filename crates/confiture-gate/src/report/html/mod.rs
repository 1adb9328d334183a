//! The report as one page without external resources: the verdict and its causes, the matrix of releases
//! and cases, and for each cell the recording beside what was seen. It is complete without JavaScript.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use askama::filters::{Html, escape};
use similar::{ChangeTag, DiffOp, TextDiff};

use super::view::{CODE, Severity, View, line, provenance};
use crate::result::{Capability, CaseResult, Cause, Judgement, Report};
use crate::rules::explanation;
use crate::text::distinct;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many unchanged lines are shown before and after a change.
const AROUND: usize = 3;

/// The text of the page.
pub fn render(report: &Report) -> String {
    let views: Vec<View<'_>> = report.candidates.iter().map(View::new).collect();
    let (articles, ids) = articles(report);
    let page = Page {
        title: title(report),
        report,
        rules: rules(&views),
        views,
        capabilities: capabilities(report),
        matrix: matrix(report),
        articles,
        ids,
    };
    page.render().expect("it is written to memory")
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: String,
    report: &'a Report,
    views: Vec<View<'a>>,
    capabilities: Vec<(&'a str, Vec<Option<&'a Capability>>)>,
    matrix: Vec<(&'a str, Vec<Row<'a>>)>,
    articles: Vec<Article<'a>>,
    ids: BTreeMap<Behind<'a>, usize>,
    rules: BTreeSet<String>,
}

/// A case on each candidate to which it applies, with the candidate's version.
type Row<'a> = (&'a str, Vec<Option<(&'a str, &'a CaseResult)>>);

/// The content behind a cell. Cells with the same content share it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Behind<'a> {
    case: &'a str,
    recorded: Option<&'a str>,
    seen: Option<&'a str>,
    answers: (Option<&'a str>, Option<&'a str>),
    findings: String,
}

impl<'a> Behind<'a> {
    fn of(case: &'a CaseResult) -> Self {
        Self {
            case: &case.name,
            recorded: case.recorded.as_deref(),
            seen: case.seen.as_deref(),
            answers: (case.answer_before.as_deref(), case.answer_now.as_deref()),
            findings: format!("{:?}{:?}", case.findings, case.not_judged),
        }
    }
}

/// The text behind cells, and the versions to which it belongs.
struct Article<'a> {
    case: &'a CaseResult,
    versions: Vec<&'a str>,
}

impl Page<'_> {
    /// The number of the article behind the cell of `case`.
    fn id(&self, case: &CaseResult) -> usize {
        self.ids[&Behind::of(case)]
    }

    fn cases_of<'c>(&self, judged: &Judgement, cause: &'c Cause) -> Vec<(&'c str, usize)> {
        let found = |name: &'c String| {
            let found = judged.cases.iter().find(|it| it.name == *name)?;
            Some((name.as_str(), self.id(found)))
        };
        cause.cases.iter().filter_map(found).collect()
    }
}

fn title(report: &Report) -> String {
    let named = |judged: &Judgement| {
        if judged.version == judged.candidate {
            return judged.version.clone();
        }
        format!("{} ({})", judged.version, judged.candidate)
    };
    let verdict = report.verdict.as_str();
    match report.candidates.as_slice() {
        [only] => format!("confiture {}: {verdict}", named(only)),
        [first, .., last] => {
            let (first, last) = (named(first), named(last));
            format!("confiture {first} to {last}: {verdict}")
        }
        [] => verdict.to_owned(),
    }
}

/// The rules that the report names; the page explains each.
fn rules(views: &[View<'_>]) -> BTreeSet<String> {
    let entries = views.iter().flat_map(|view| &view.entries);
    let lines = entries.flat_map(|entry| &entry.lines);
    lines
        .filter(|(label, _)| *label == "rule")
        .map(|(_, rule)| rule.clone())
        .collect()
}

/// Each capability, and its state in each candidate.
fn capabilities(report: &Report) -> Vec<(&str, Vec<Option<&Capability>>)> {
    let all = report.candidates.iter().flat_map(|it| &it.capabilities);
    let names = distinct(all.map(|it| it.name.as_str()));
    let row = |name| {
        let candidates = report.candidates.iter();
        let found = candidates.map(|it| it.capabilities.iter().find(|it| it.name == name));
        (name, found.collect())
    };
    names.into_iter().map(row).collect()
}

/// The class of a capability's cell, its mark, and words.
fn delivered(found: Option<&Capability>) -> (&'static str, &'static str, &'static str) {
    match found.map(|found| (found.advertised, found.delivered)) {
        Some((true, Some(true))) => ("same", "✓", "advertised and delivered"),
        Some((true, Some(false))) => ("breaks", "✕", "advertised and not delivered"),
        Some((true, None)) => ("unjudged", "?", "advertised and not shown"),
        Some((false, _)) => ("", "–", "not advertised"),
        None => ("", "", ""),
    }
}

/// The cases of each operation.
fn matrix(report: &Report) -> Vec<(&str, Vec<Row<'_>>)> {
    let cases = || report.candidates.iter().flat_map(|judged| &judged.cases);
    let row = |name| {
        let cells = report.candidates.iter().map(|judged| {
            let case = judged.cases.iter().find(|case| case.name == name)?;
            Some((judged.version.as_str(), case))
        });
        (name, cells.collect())
    };
    let rows = |operation| {
        let of_operation = cases().filter(|case| case.operation() == operation);
        let names = distinct(of_operation.map(|case| case.name.as_str()));
        (operation, names.into_iter().map(row).collect())
    };
    let operations = distinct(cases().map(CaseResult::operation));
    operations.into_iter().map(rows).collect()
}

/// The articles, and the number of each; equal ones share a number.
fn articles(report: &Report) -> (Vec<Article<'_>>, BTreeMap<Behind<'_>, usize>) {
    let mut articles: Vec<Article<'_>> = Vec::new();
    let mut ids = BTreeMap::new();
    for judged in &report.candidates {
        for case in &judged.cases {
            let id = *ids.entry(Behind::of(case)).or_insert_with(|| {
                let versions = Vec::new();
                articles.push(Article { case, versions });
                articles.len()
            });
            let versions = &mut articles[id - 1].versions;
            if !versions.contains(&judged.version.as_str()) {
                versions.push(&judged.version);
            }
        }
    }
    (articles, ids)
}

/// A line of the recording beside one of what was seen, as HTML.
#[derive(Default)]
struct Beside {
    old: Option<String>,
    new: Option<String>,
    changed: bool,
    /// How many unchanged lines are folded, of which this is the first.
    opens: Option<usize>,
    /// Whether it is the last of them.
    closes: bool,
}

/// Both texts side by side, the changed places marked.
fn beside(recorded: &str, seen: &str) -> Vec<Beside> {
    let mut rows = Vec::new();
    let diff = TextDiff::from_lines(recorded, seen);
    for op in diff.ops() {
        if let DiffOp::Equal { old_index, len, .. } = *op {
            let last = diff.old_slice(old_index + len).is_none();
            let lines = (old_index..old_index + len).filter_map(|line| diff.old_slice(line));
            let lines: Vec<&str> = lines.collect();
            rows.extend(unchanged(&lines, old_index == 0, last));
            continue;
        }
        let (mut old, mut new): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for change in diff.iter_inline_changes(op) {
            let pieces = change.iter_strings_lossy().map(|(emphasised, text)| {
                let text = escaped(&text);
                if emphasised && !text.is_empty() {
                    format!("<mark>{text}</mark>")
                } else {
                    text
                }
            });
            match change.tag() {
                ChangeTag::Delete => old.push(pieces.collect()),
                ChangeTag::Insert => new.push(pieces.collect()),
                ChangeTag::Equal => {}
            }
        }
        rows.extend((0..old.len().max(new.len())).map(|place| Beside {
            old: old.get(place).cloned(),
            new: new.get(place).cloned(),
            changed: true,
            ..Beside::default()
        }));
    }
    rows
}

/// Lines that did not change: those beside a change are shown, the others folded.
fn unchanged(lines: &[&str], first: bool, last: bool) -> Vec<Beside> {
    let head = if first { 0 } else { AROUND.min(lines.len()) };
    let tail = if last { 0 } else { AROUND };
    let folded = head..lines.len().saturating_sub(tail).max(head);
    let fold = folded.len() > 1;
    let row = |(place, line): (usize, &&str)| Beside {
        old: Some(escaped(line)),
        new: Some(escaped(line)),
        changed: false,
        opens: (fold && place == folded.start).then_some(folded.len()),
        closes: fold && place + 1 == folded.end,
    };
    lines.iter().enumerate().map(row).collect()
}

/// A line without its end.
fn escaped(line: &str) -> String {
    let line = escape(line.trim_end_matches('\n'), Html);
    line.expect("a text can be escaped").to_string()
}

/// One side of a line of the comparison.
fn side(line: Option<&str>, tag: &str) -> String {
    match line {
        Some(line) => format!("<{tag}>{line}</{tag}>"),
        None => "<div></div>".to_owned(),
    }
}

/// The addresses that a page names. A page must name none.
pub fn addresses(page: &str) -> BTreeSet<&str> {
    ["http://", "https://", "//cdn", "src=", "@import", "url("]
        .into_iter()
        .filter(|mark| page.contains(mark))
        .collect()
}
