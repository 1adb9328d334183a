//! The report as one page that asks nothing of anybody: the verdict and its causes, the matrix of
//! releases and cases, and behind each cell the recording beside what was seen. It is whole without
//! JavaScript.

mod article;
mod matrix;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::view::{CODE, Entry, View, provenance};
use crate::result::{Judgement, Report};
use crate::rules::explanation;
use page::{Page, escape};

const STYLE: &str = include_str!("page.css");

const SCRIPT: &str = include_str!("page.js");

/// The text of the page.
pub fn render(report: &Report) -> String {
    let mut page = Page::default();
    let views: Vec<View<'_>> = report.candidates.iter().map(View::new).collect();
    page.head(report);
    for view in &views {
        page.verdict(view);
    }
    for view in &views {
        page.causes(view);
    }
    page.capabilities(report);
    page.matrix(report);
    page.articles();
    page.rules(&views);
    page.push(format_args!(
        "<p class=\"provenance\">{}</p>\n",
        escape(&provenance(report))
    ));
    if let [only] = views.as_slice() {
        page.push(format_args!("<p><strong>{}</strong></p>\n", only.decision));
    }
    page.push(format_args!(
        "<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    ));
    page.text
}

impl<'a> Page<'a> {
    fn head(&mut self, report: &Report) {
        let named = |judged: &Judgement| {
            if judged.version == judged.candidate {
                return judged.version.clone();
            }
            format!("{} ({})", judged.version, judged.candidate)
        };
        let verdict = report.verdict.as_str();
        let title = match report.candidates.as_slice() {
            [only] => format!("confiture {}: {verdict}", named(only)),
            [first, .., last] => {
                let (first, last) = (named(first), named(last));
                format!("confiture {first} to {last}: {verdict}")
            }
            [] => verdict.to_owned(),
        };
        self.push(format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <title>{}, contract gate</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <h1>Can fraisier live with this confiture?</h1>\n",
            escape(&title)
        ));
        if report.interrupted {
            self.text
                .push_str("<p>The run was interrupted: this is what was known.</p>\n");
        }
        for stale in &report.stale {
            self.push(format_args!(
                "<p>Accepted, and no longer occurs: <code>{}</code></p>\n",
                escape(stale)
            ));
        }
    }

    fn verdict(&mut self, view: &View<'_>) {
        self.push(format_args!(
            "<div class=\"verdict {}\"><strong>{}</strong>{}",
            view.severity.css(),
            escape(&view.headline),
            escape(&view.subject),
        ));
        for remark in &view.remarks {
            self.push(format_args!("<br>{}", escape(remark)));
        }
        self.push(format_args!(
            "<br>{}<br>{}</div>\n",
            view.counts, view.decision
        ));
    }

    fn causes(&mut self, view: &View<'a>) {
        if !view.entries.is_empty() {
            let version = escape(&view.judged.version);
            self.push(format_args!("<h2>What changed in {version}</h2>\n"));
        }
        for entry in &view.entries {
            self.cause(view.judged, entry);
        }
    }

    fn cause(&mut self, judged: &'a Judgement, entry: &Entry<'_>) {
        self.push(format_args!(
            "<div class=\"cause {}\"><p><strong>{} {}</strong> ({})</p>\n<dl>\n",
            entry.severity.css(),
            entry.severity.word(),
            escape(&entry.cause.title),
            entry.extent,
        ));
        for (label, words) in &entry.lines {
            let words = match *label {
                "rule" => format!("<a href=\"#rule-{words}\">{words}</a>"),
                label if CODE.contains(&label) => format!("<code>{}</code>", escape(words)),
                _ => escape(words),
            };
            self.push(format_args!("<dt>{label}</dt><dd>{words}</dd>\n"));
        }
        self.text
            .push_str("</dl>\n<details><summary>Cases</summary><p>");
        for name in &entry.cause.cases {
            if let Some(case) = judged.cases.iter().find(|case| case.name == *name) {
                let id = self.id(judged, case);
                self.push(format_args!("<a href=\"#case-{id}\">{}</a> ", escape(name)));
            }
        }
        self.text.push_str("</p></details></div>\n");
    }

    /// What the rules mean that are named above.
    fn rules(&mut self, views: &[View<'_>]) {
        let entries = views.iter().flat_map(|view| &view.entries);
        let lines = entries.flat_map(|entry| &entry.lines);
        let rules: BTreeSet<&str> = lines
            .filter(|(label, _)| *label == "rule")
            .map(|(_, rule)| rule.as_str())
            .collect();
        if !rules.is_empty() {
            self.text.push_str("<h2>Rules</h2>\n");
        }
        for rule in rules {
            let text = escape(explanation(rule).unwrap_or_default());
            self.push(format_args!(
                "<h3 id=\"rule-{rule}\">{rule}</h3>\n<p>{text}</p>\n"
            ));
        }
    }
}

/// The addresses that a page names. It should name none.
pub fn addresses(page: &str) -> BTreeSet<&str> {
    ["http://", "https://", "//cdn", "src=", "@import", "url("]
        .into_iter()
        .filter(|mark| page.contains(mark))
        .collect()
}
