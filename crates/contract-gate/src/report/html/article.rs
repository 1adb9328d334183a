//! What is behind a cell: the recording beside what was seen.

use std::fmt::Write as _;

use similar::{ChangeTag, DiffOp, TextDiff};

use super::page::{Page, escape};
use crate::report::words::told;
use crate::result::CaseResult;

impl Page<'_> {
    pub(super) fn articles(&mut self) {
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
        if let (Some(before), Some(now)) = (&case.answer_before, &case.answer_now) {
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
