//! Capabilities and cases by release.

use std::collections::BTreeMap;

use super::page::{Page, escape, quoted};
use crate::report::view::Severity;
use crate::result::{CaseResult, Judgement, Report};

impl<'a> Page<'a> {
    pub(super) fn capabilities(&mut self, report: &Report) {
        let mut names: Vec<&str> = Vec::new();
        for judged in &report.candidates {
            for capability in &judged.capabilities {
                if !names.contains(&capability.name.as_str()) {
                    names.push(&capability.name);
                }
            }
        }
        if names.is_empty() {
            return;
        }
        self.text
            .push_str("<h2>Capabilities</h2>\n<div class=\"scroll\"><table>\n");
        self.columns("capability", report);
        for name in names {
            self.push(format_args!("<tr><th scope=\"row\">{}</th>", escape(name)));
            for judged in &report.candidates {
                let found = judged.capabilities.iter().find(|found| found.name == name);
                let (class, mark, words) = match found {
                    Some(found) => match (found.advertised, found.delivered) {
                        (true, Some(true)) => ("same", "✓", "advertised and delivered"),
                        (true, Some(false)) => ("breaks", "✕", "advertised and not delivered"),
                        (true, None) => ("unjudged", "?", "advertised and not shown"),
                        (false, _) => ("", "–", "not advertised"),
                    },
                    None => ("", "", ""),
                };
                let evidence = found
                    .map(|found| found.evidence.as_str())
                    .unwrap_or_default();
                self.push(format_args!(
                    "<td class=\"{class}\"><details><summary aria-label=\"{words}\">{mark}</summary>\
                     <p>{words}: {}</p></details></td>",
                    escape(evidence)
                ));
            }
            self.text.push_str("</tr>\n");
        }
        self.text.push_str("</tbody></table></div>\n");
    }

    fn columns(&mut self, rows: &str, report: &Report) {
        self.push(format_args!("<thead><tr><th>{rows}</th>"));
        for judged in &report.candidates {
            self.push(format_args!(
                "<th scope=\"col\" class=\"release\">{}</th>",
                escape(&judged.version)
            ));
        }
        self.text.push_str("</tr></thead>\n<tbody>\n");
    }

    pub(super) fn matrix(&mut self, report: &'a Report) {
        self.text.push_str(
            "<h2 id=\"matrix-title\">Releases and cases</h2>\n<p class=\"legend\">\
             <span><b>=</b> same</span><span><b>~</b> differs</span><span><b>✕</b> breaks</span>\
             <span><b>‼</b> false safe</span>\
             <span><b>?</b> not judged</span> a cell leads to the recording beside what was seen</p>\n\
             <div id=\"matrix\">\n",
        );
        let mut operations: Vec<&str> = Vec::new();
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for case in report.candidates.iter().flat_map(|judged| &judged.cases) {
            if !operations.contains(&case.operation()) {
                operations.push(case.operation());
            }
            let known = names.entry(case.operation()).or_default();
            if !known.contains(&case.name.as_str()) {
                known.push(&case.name);
            }
        }
        for operation in operations {
            self.push(format_args!(
                "<h3>{}</h3>\n<div class=\"scroll\"><table>\n",
                escape(operation)
            ));
            self.columns("case", report);
            for name in &names[operation] {
                self.push(format_args!("<tr><th scope=\"row\">{}</th>", escape(name)));
                for judged in &report.candidates {
                    match judged.cases.iter().find(|case| case.name == *name) {
                        Some(case) => self.cell(judged, case),
                        None => self.text.push_str("<td></td>"),
                    }
                }
                self.text.push_str("</tr>\n");
            }
            self.text.push_str("</tbody></table></div>\n");
        }
        self.text.push_str("</div>\n");
    }

    fn cell(&mut self, judged: &'a Judgement, case: &'a CaseResult) {
        let severity = Severity::from(case.class);
        let mark = match severity {
            Severity::FalseSafe => "‼",
            Severity::Breaks => "✕",
            Severity::Differs => "~",
            Severity::Good | Severity::Accepted => "=",
            Severity::Unjudged => "?",
        };
        let id = self.id(judged, case);
        let (name, version) = (quoted(&case.name), quoted(&judged.version));
        self.push(format_args!(
            "<td class=\"{}\"><a href=\"#case-{id}\" aria-label=\"{name} on {version}: {}\">{mark}</a></td>",
            severity.css(),
            severity.word().to_lowercase(),
        ));
    }
}
