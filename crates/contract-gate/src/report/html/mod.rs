//! The report as one page that asks nothing of anybody: the matrix of releases and cases, and
//! behind each cell the recording beside what was seen. It is whole without JavaScript.

mod article;
mod matrix;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::words::{counts, headline, remarks, subject};
use crate::causes::extent;
use crate::result::{Cause, Judgement, Report};
use page::{Page, escape};

const STYLE: &str = include_str!("page.css");

const SCRIPT: &str = include_str!("page.js");

/// The text of the page.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = Page::default();
    page.head(report);
    for judged in &report.candidates {
        page.verdict(judged);
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

impl<'a> Page<'a> {
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

    fn verdict(&mut self, judged: &Judgement) {
        self.push(format_args!(
            "<div class=\"verdict {}\"><strong>{}</strong>{}",
            judged.verdict.as_str(),
            escape(&headline(judged)),
            escape(&subject(judged)),
        ));
        for remark in remarks(judged) {
            self.push(format_args!("<br>{}", escape(&remark)));
        }
        self.push(format_args!("<br>{}</div>\n", counts(judged)));
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
}

/// The addresses that a page names. It should name none.
#[must_use]
pub fn addresses(page: &str) -> BTreeSet<&str> {
    ["http://", "https://", "//cdn", "src=", "@import", "url("]
        .into_iter()
        .filter(|mark| page.contains(mark))
        .collect()
}
