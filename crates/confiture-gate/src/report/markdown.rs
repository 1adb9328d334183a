//! The report as Markdown, for a pull request and the summary of a job.

use std::fmt::Write as _;

use super::view::{CODE, Entry, Severity, View, provenance};
use crate::causes::extent;
use crate::result::{CaseResult, Class, Report};
use crate::text::one_line;

/// The text of the Markdown report.
pub fn render(report: &Report) -> String {
    let mut text = String::from("## Contract gate\n");
    if report.interrupted {
        text.push_str("\n> Interrupted: this is what was known.\n");
    }
    let views: Vec<View<'_>> = report.candidates.iter().map(View::new).collect();
    if views.len() > 1 {
        text.push_str(
            "\n| confiture | verdict | same | differ | break | false safe | not judged |\n",
        );
        text.push_str("|---|---|--:|--:|--:|--:|--:|\n");
        for judged in &report.candidates {
            let _ = writeln!(
                text,
                "| {} | **{}** | {} | {} | {} | {} | {} |",
                cell(&judged.version),
                judged.verdict.as_str(),
                judged.count(Class::Same),
                judged.count(Class::Differs),
                judged.count(Class::Breaks),
                judged.count(Class::FalseSafe),
                judged.unjudged().count(),
            );
        }
    }
    for view in &views {
        candidate(&mut text, view);
    }
    if !report.stale.is_empty() {
        text.push_str("\n### Accepted, and no longer occurs\n\n");
        for stale in &report.stale {
            let _ = writeln!(text, "- {}: remove it from the file", code(stale));
        }
    }
    let _ = writeln!(text, "\n{}", cell(&provenance(report)));
    if let [only] = views.as_slice() {
        let _ = writeln!(text, "\n**{}**", only.decision);
    }
    text
}

fn candidate(text: &mut String, view: &View<'_>) {
    let (headline, subject) = (cell(&view.headline), cell(&view.subject));
    let _ = writeln!(text, "\n### {headline}\n\n{subject}");
    for remark in &view.remarks {
        let _ = writeln!(text, "\n{}", cell(remark));
    }
    for entry in &view.entries {
        cause(text, entry);
    }
    if !view.unjudged.is_empty() {
        text.push_str("\n| not judged | why |\n|---|---|\n");
        for (name, why) in &view.unjudged {
            let _ = writeln!(text, "| {} | {} |", code(name), cell(why));
        }
    }
    for (title, class) in [
        ("Cases that are false safes", Class::FalseSafe),
        ("Cases that break", Class::Breaks),
        ("Cases that differ", Class::Differs),
    ] {
        let of_class = |case: &&CaseResult| case.class == Some(class);
        let cases = view.judged.cases.iter().filter(of_class);
        let names: Vec<String> = cases.map(|case| code(&case.name)).collect();
        if !names.is_empty() {
            let _ = writeln!(
                text,
                "\n<details><summary>{title} ({})</summary>\n\n{}\n\n</details>",
                names.len(),
                names.join(", ")
            );
        }
    }
    let _ = writeln!(text, "\n{}.", view.counts);
}

fn cause(text: &mut String, entry: &Entry<'_>) {
    let (word, title) = (entry.severity.word(), cell(&entry.cause.title));
    let _ = writeln!(text, "\n**{word}** {title} ({})\n", entry.extent);
    for (label, words) in &entry.lines {
        let words = match *label {
            label if CODE.contains(&label) => code(words),
            "rule" => format!("[`{words}`](docs/gate.md#{words})"),
            _ => cell(words),
        };
        let _ = writeln!(text, "- {label}: {words}");
    }
}

/// A text that stays in its cell and is no markup. What stands between backquotes stays so.
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    let mut quoted = false;
    for character in one_line(text).chars() {
        match character {
            '`' => quoted = !quoted,
            '|' => escaped.push('\\'),
            '<' if !quoted => {
                escaped.push_str("&lt;");
                continue;
            }
            '*' | '_' | '[' | ']' if !quoted => escaped.push('\\'),
            _ => {}
        }
        escaped.push(character);
    }
    escaped
}

/// A text as code, whatever it holds.
fn code(text: &str) -> String {
    let line = one_line(text).replace('|', "\\|");
    if line.contains('`') {
        format!("`` {line} ``")
    } else {
        format!("`{line}`")
    }
}

/// The annotations of a job on GitHub: one for each cause, and one for what was not judged.
pub fn annotations(report: &Report) -> String {
    let mut text = String::new();
    let mut annotate = |kind: &str, words: &str| {
        let words = words
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        let _ = writeln!(text, "::{kind} title=contract gate::{words}");
    };
    for judged in &report.candidates {
        let version = &judged.version;
        for cause in judged
            .causes
            .iter()
            .filter(|cause| cause.accepted.is_none())
        {
            let kind = if cause.class >= Class::Breaks {
                "error"
            } else {
                "notice"
            };
            let meaning = match &cause.consequence {
                Some(consequence) => format!("; fraisier: {consequence}"),
                None => String::new(),
            };
            let class = Severity::from(Some(cause.class)).word();
            let (title, extent) = (&cause.title, extent(&cause.cases));
            annotate(
                kind,
                &format!("confiture {version}: {class} {title} ({extent}){meaning}"),
            );
        }
        let unjudged = judged.unjudged().count();
        if unjudged > 0 {
            annotate(
                "warning",
                &format!("confiture {version}: {unjudged} cases were not judged"),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests as testing;

    #[test]
    fn the_report_of_several_candidates() {
        let report = testing::several();
        insta::assert_snapshot!("markdown", render(&report));
        insta::assert_snapshot!("annotations", annotations(&report));
    }

    #[test]
    fn text_cannot_break_out_of_a_table_cell() {
        assert_eq!(cell("a | b\n*c* <d> `*`"), "a \\| b \\*c\\* &lt;d> `*`");
        assert_eq!(code("a`b|"), "`` a`b\\| ``");
    }
}
