//! What is behind a cell: the recording beside what was seen.

use std::fmt::Write as _;

use similar::{ChangeTag, DiffOp, TextDiff};

use super::page::{Page, escape};
use crate::report::view::line;
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
                self.push(format_args!("<li>{}</li>\n", escape(&line(finding))));
            }
            self.text.push_str("</ul>\n");
        }
        if !case.sql.is_empty() {
            self.push(format_args!(
                "<details><summary>Migrations of the case</summary><pre class=\"beside\">{}</pre></details>\n",
                escape(&case.sql)
            ));
        }
        match (&case.recorded, &case.seen) {
            (Some(recorded), Some(seen)) if recorded == seen => {
                self.push(format_args!(
                    "<details><summary>Recorded, and the same now</summary>\
                     <pre class=\"beside\">{}</pre></details>\n",
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
                let lines: Vec<&str> = (old_index..old_index + len)
                    .map(|line| diff.old_slice(line).map(trimmed).unwrap_or_default())
                    .collect();
                let last = diff.old_slice(old_index + len).is_none();
                self.unchanged(&lines, old_index == 0, last);
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

impl Page<'_> {
    /// Lines that did not change: those beside a change are shown, the others folded.
    fn unchanged(&mut self, lines: &[&str], first: bool, last: bool) {
        let head = if first { 0 } else { AROUND.min(lines.len()) };
        let tail = if last { 0 } else { AROUND };
        let folded = head..lines.len().saturating_sub(tail).max(head);
        let fold = folded.len() > 1;
        for (place, line) in lines.iter().enumerate() {
            if fold && place == folded.start {
                let count = folded.len();
                self.push(format_args!(
                    "<details><summary>{count} unchanged lines</summary>\n"
                ));
            }
            let line = escape(line);
            self.push(format_args!(
                "<div class=\"row\"><div>{line}</div><div>{line}</div></div>\n"
            ));
            if fold && place + 1 == folded.end {
                self.text.push_str("</details>\n");
            }
        }
    }
}

/// How many unchanged lines are shown before and after a change.
const AROUND: usize = 3;

fn trimmed(line: &str) -> &str {
    line.trim_end_matches('\n')
}
