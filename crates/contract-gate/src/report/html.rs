//! The report as one page that asks nothing of anybody: the matrix of releases and cases, and
//! behind each cell the recording beside what was seen. It is whole without JavaScript.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use similar::{ChangeTag, DiffOp, TextDiff};

use super::{headline, remarks, subject, took};
use crate::causes::extent;
use crate::result::{CaseResult, Cause, Class, Finding, Judgement, Report};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The text of the page.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = Page::default();
    page.head(report);
    for judged in &report.candidates {
        page.answer(judged);
    }
    for judged in &report.candidates {
        page.causes(judged);
    }
    page.capabilities(report);
    page.matrix(report);
    page.articles();
    page.text.push_str("<script>\n");
    page.text.push_str(SCRIPT);
    page.text.push_str("</script>\n</body>\n</html>\n");
    page.text
}

/// What is behind a cell. Cells that show the same share it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Behind<'a> {
    case: &'a str,
    recorded: Option<&'a str>,
    seen: Option<&'a str>,
    verdicts: (Option<&'a str>, Option<&'a str>),
    findings: String,
}

#[derive(Default)]
struct Page<'a> {
    text: String,
    behind: BTreeMap<Behind<'a>, (usize, &'a CaseResult, Vec<&'a str>)>,
}

impl<'a> Page<'a> {
    fn push(&mut self, arguments: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(arguments);
    }

    fn head(&mut self, report: &Report) {
        let verdict = report.verdict.as_str();
        self.push(format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <title>Contract gate: {verdict}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <h1>Can fraisier live with this confiture?</h1>\n"
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

    fn answer(&mut self, judged: &Judgement) {
        self.push(format_args!(
            "<div class=\"answer {}\"><strong>{}</strong>{}",
            judged.verdict.as_str(),
            escape(&headline(judged)),
            escape(&subject(judged)),
        ));
        for remark in remarks(judged) {
            self.push(format_args!("<br>{}", escape(&remark)));
        }
        self.push(format_args!(
            "<br>{} cases, {} not judged, {}</div>\n",
            judged.cases.len(),
            judged.unjudged().count(),
            took(judged.milliseconds)
        ));
    }

    fn causes(&mut self, judged: &'a Judgement) {
        if judged.causes.is_empty() {
            return;
        }
        let version = escape(&judged.version);
        self.push(format_args!("<h2>What is other in {version}</h2>\n"));
        for cause in &judged.causes {
            self.cause(judged, cause);
        }
    }

    fn cause(&mut self, judged: &'a Judgement, cause: &Cause) {
        let class = match cause.accepted {
            Some(_) => "accepted",
            None => cause.class.as_str(),
        };
        self.push(format_args!(
            "<div class=\"cause {class}\"><p><strong>{class}: {}</strong> ({})</p>\n",
            escape(&cause.title),
            extent(&cause.cases),
        ));
        if let Some(reason) = &cause.accepted {
            self.push(format_args!("<p>Accepted because {}</p>\n", escape(reason)));
        }
        if let Some(consequence) = &cause.consequence {
            self.push(format_args!(
                "<p>For fraisier: {}</p>\n",
                escape(consequence)
            ));
        }
        if let (Some(before), Some(now)) = (&cause.before, &cause.now) {
            self.push(format_args!(
                "<p>before <code>{}</code> now <code>{}</code></p>\n",
                escape(before),
                escape(now)
            ));
        }
        if let Some(advice) = &cause.advice {
            self.push(format_args!(
                "<p>{}; again: <code>{}</code></p>\n",
                escape(advice),
                escape(&cause.again)
            ));
        }
        self.text.push_str("<details><summary>Cases</summary><p>");
        for name in &cause.cases {
            if let Some(case) = judged.cases.iter().find(|case| case.name == *name) {
                let id = self.id(judged, case);
                self.push(format_args!("<a href=\"#case-{id}\">{}</a> ", escape(name)));
            }
        }
        self.text.push_str("</p></details></div>\n");
    }

    fn capabilities(&mut self, report: &Report) {
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
                    "<td class=\"cell {class}\"><span title=\"{words}: {}\">{mark}</span></td>",
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

    fn matrix(&mut self, report: &'a Report) {
        self.text.push_str(
            "<h2 id=\"matrix-title\">Releases and cases</h2>\n<p class=\"legend\">\
             <span><b>=</b> same</span><span><b>~</b> differs</span><span><b>✕</b> breaks</span>\
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
                        None => self.text.push_str("<td class=\"cell\"></td>"),
                    }
                }
                self.text.push_str("</tr>\n");
            }
            self.text.push_str("</tbody></table></div>\n");
        }
        self.text.push_str("</div>\n");
    }

    fn cell(&mut self, judged: &'a Judgement, case: &'a CaseResult) {
        let (class, mark, word) = match case.class {
            Some(Class::Same) => ("same", "=", "same"),
            Some(Class::Differs) => ("differs", "~", "differs"),
            Some(Class::Breaks) => ("breaks", "✕", "breaks"),
            None => ("unjudged", "?", "not judged"),
        };
        let id = self.id(judged, case);
        self.push(format_args!(
            "<td class=\"cell {class}\"><a href=\"#case-{id}\" \
             aria-label=\"{} on {}: {word}\">{mark}</a></td>",
            escape(&case.name),
            escape(&judged.version)
        ));
    }

    /// The number of what is behind the cell of `case`.
    fn id(&mut self, judged: &'a Judgement, case: &'a CaseResult) -> usize {
        let behind = Behind {
            case: &case.name,
            recorded: case.recorded.as_deref(),
            seen: case.seen.as_deref(),
            verdicts: (case.verdict_before.as_deref(), case.verdict_now.as_deref()),
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

    fn articles(&mut self) {
        let mut articles: Vec<_> = std::mem::take(&mut self.behind).into_values().collect();
        articles.sort_by_key(|(id, ..)| *id);
        for (id, case, versions) in articles {
            self.push(format_args!(
                "<article id=\"case-{id}\" tabindex=\"-1\">\n<h2>{}</h2>\n<p>{} On {}. \
                 <a href=\"#matrix\">Back to the matrix</a></p>\n",
                escape(&case.name),
                escape(&case.about),
                escape(&versions.join(", "))
            ));
            self.article(case);
            self.text.push_str("</article>\n");
        }
    }

    fn article(&mut self, case: &CaseResult) {
        if let Some(why) = &case.not_judged {
            self.push(format_args!(
                "<p><strong>Not judged: {}</strong></p>\n",
                escape(why)
            ));
        }
        if let (Some(before), Some(now)) = (&case.verdict_before, &case.verdict_now) {
            let words = if before == now {
                format!("The adapter says: {now}")
            } else {
                format!("The adapter said: {before}. It says now: {now}")
            };
            self.push(format_args!("<p>{}</p>\n", escape(&words)));
        }
        if !case.findings.is_empty() {
            self.text.push_str("<ul>\n");
            for finding in &case.findings {
                self.push(format_args!("<li>{}</li>\n", escape(&told(finding))));
            }
            self.text.push_str("</ul>\n");
        }
        match (&case.recorded, &case.seen) {
            (Some(recorded), Some(seen)) if recorded == seen => {
                self.push(format_args!(
                    "<p>Recorded, and the same now:</p>\n<pre class=\"beside\">{}</pre>\n",
                    escape(recorded)
                ));
            }
            (Some(recorded), Some(seen)) => self.beside(recorded, seen),
            (Some(text), None) | (None, Some(text)) => {
                self.push(format_args!(
                    "<pre class=\"beside\">{}</pre>\n",
                    escape(text)
                ));
            }
            (None, None) => {}
        }
    }

    /// Both texts side by side, the changed places marked.
    fn beside(&mut self, recorded: &str, seen: &str) {
        self.text.push_str(
            "<div class=\"beside\">\n<div class=\"row head\"><div>recorded</div><div>now</div></div>\n",
        );
        let diff = TextDiff::from_lines(recorded, seen);
        for op in diff.ops() {
            if let DiffOp::Equal { old_index, len, .. } = *op {
                for line in old_index..old_index + len {
                    let line = diff.old_slice(line).map(trimmed).unwrap_or_default();
                    let line = escape(line);
                    self.push(format_args!(
                        "<div class=\"row\"><div>{line}</div><div>{line}</div></div>\n"
                    ));
                }
                continue;
            }
            let (mut old, mut new): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
            for change in diff.iter_inline_changes(op) {
                let mut line = String::new();
                for (emphasised, value) in change.iter_strings_lossy() {
                    let value = escape(trimmed(&value));
                    if emphasised && !value.is_empty() {
                        let _ = write!(line, "<mark>{value}</mark>");
                    } else {
                        line.push_str(&value);
                    }
                }
                match change.tag() {
                    ChangeTag::Delete => old.push(line),
                    ChangeTag::Insert => new.push(line),
                    ChangeTag::Equal => {}
                }
            }
            for place in 0..old.len().max(new.len()) {
                let side = |lines: &[String], tag: &str| match lines.get(place) {
                    Some(line) => format!("<{tag}>{line}</{tag}>"),
                    None => "<div></div>".to_owned(),
                };
                let (old, new) = (side(&old, "del"), side(&new, "ins"));
                self.push(format_args!(
                    "<div class=\"row changed\">{old}{new}</div>\n"
                ));
            }
        }
        self.text.push_str("</div>\n");
    }
}

fn trimmed(line: &str) -> &str {
    line.trim_end_matches('\n')
}

fn told(finding: &Finding) -> String {
    let mut words = format!("{}: {}", finding.class.as_str(), finding.change);
    if let Some(consequence) = &finding.consequence {
        words = format!("{words}; for fraisier: {consequence}");
    }
    words
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The addresses that a page names. It should name none.
#[must_use]
pub fn addresses(page: &str) -> BTreeSet<&str> {
    ["http://", "https://", "//cdn", "src=", "@import", "url("]
        .into_iter()
        .filter(|mark| page.contains(mark))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn page() -> String {
        let candidates = vec![testing::drifted(), testing::unchanged(), testing::halted()];
        render(&Report::new(candidates, false, vec![]))
    }

    #[test]
    fn the_page_without_its_style() {
        let page = page().replace(STYLE, "").replace(SCRIPT, "");
        insta::assert_snapshot!("page", page);
    }

    #[test]
    fn it_asks_nothing_of_anybody() {
        let page = page();
        assert_eq!(addresses(&page), BTreeSet::new());
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn what_was_recorded_is_no_markup() {
        let page = page();
        assert!(page.contains("&lt;b&gt;&amp;amp;"));
        assert!(!page.contains("<b>&"));
    }

    #[test]
    fn every_link_has_its_case_and_equal_ones_share_it() {
        let page = page();
        let links: BTreeSet<&str> = page
            .split("href=\"#")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        for link in links {
            assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
        }
        let fresh = page.matches("<h2>current/fresh</h2>").count();
        assert_eq!(fresh, 1, "three releases on which it is the same");
    }
}
