//! The report as Markdown, for a pull request and the summary of a job.

use std::fmt::Write as _;

use super::words::{counts, headline, remarks, subject};
use crate::causes::extent;
use crate::result::{Cause, Class, Judgement, Report, Verdict};
use crate::text::one_line;

/// The text of the Markdown report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::from("## Contract gate\n");
    if report.interrupted {
        text.push_str("\n> Interrupted: this is what was known.\n");
    }
    if report.candidates.len() > 1 {
        text.push_str("\n| confiture | verdict | same | differ | break | not judged |\n");
        text.push_str("|---|---|--:|--:|--:|--:|\n");
        for judged in &report.candidates {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                cell(&judged.version),
                mark(judged.verdict),
                judged.count(Class::Same),
                judged.count(Class::Differs),
                judged.count(Class::Breaks),
                judged.unjudged().count(),
            );
        }
    }
    for judged in &report.candidates {
        judgement(&mut text, judged);
    }
    if !report.stale.is_empty() {
        text.push_str("\n### Accepted, and no longer occurs\n\n");
        for stale in &report.stale {
            let _ = writeln!(text, "- {}: take it out of the file", code(stale));
        }
    }
    text
}

fn judgement(text: &mut String, judged: &Judgement) {
    let _ = writeln!(
        text,
        "\n### {}\n\n**{}**",
        cell(&subject(judged)),
        cell(&headline(judged))
    );
    for remark in remarks(judged) {
        let _ = writeln!(text, "\n{}", cell(&remark));
    }
    if !judged.causes.is_empty() {
        text.push_str(
            "\n| | what | where | for fraisier | before | now |\n|---|---|---|---|---|---|\n",
        );
        for cause in &judged.causes {
            row(text, cause);
        }
    }
    for cause in judged.causes_of(Class::Breaks) {
        if let Some(advice) = &cause.advice {
            let title = cell(&cause.title);
            let _ = writeln!(
                text,
                "\n- {title}: {}; again: {}",
                cell(advice),
                code(&cause.again)
            );
        }
    }
    let unjudged: Vec<_> = judged.unjudged().collect();
    if !unjudged.is_empty() {
        text.push_str("\n| not judged | why |\n|---|---|\n");
        for case in &unjudged {
            let why = case.not_judged.as_deref().unwrap_or_default();
            let _ = writeln!(text, "| {} | {} |", code(&case.name), cell(why));
        }
    }
    for (class, title) in [
        (Class::Breaks, "Cases that break"),
        (Class::Differs, "Cases that differ"),
    ] {
        let of_class = |case: &&crate::result::CaseResult| case.class == Some(class);
        let names: Vec<String> = judged
            .cases
            .iter()
            .filter(of_class)
            .map(|case| code(&case.name))
            .collect();
        if !names.is_empty() {
            let _ = writeln!(
                text,
                "\n<details><summary>{title} ({})</summary>\n\n{}\n\n</details>",
                names.len(),
                names.join(", ")
            );
        }
    }
    let _ = writeln!(text, "\n{}.", counts(judged));
}

fn row(text: &mut String, cause: &Cause) {
    let class = match cause.class {
        _ if cause.accepted.is_some() => "accepted",
        Class::Breaks => "**breaks**",
        Class::Differs | Class::Same => "differs",
    };
    let meaning = cause.accepted.as_ref().or(cause.consequence.as_ref());
    let value = |value: &Option<String>| value.as_deref().map(code).unwrap_or_default();
    let _ = writeln!(
        text,
        "| {class} | {} | {} | {} | {} | {} |",
        cell(&cause.title),
        extent(&cause.cases),
        meaning.map(|meaning| cell(meaning)).unwrap_or_default(),
        value(&cause.before),
        value(&cause.now),
    );
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Yes => "yes",
        Verdict::No => "**no**",
        Verdict::Unknown => "*unknown*",
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

/// The annotations of a job on GitHub: one for each cause that breaks, and one for what was not
/// judged.
#[must_use]
pub fn annotations(report: &Report) -> String {
    let mut text = String::new();
    let escape = |words: &str| {
        words
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    for judged in &report.candidates {
        let version = &judged.version;
        for cause in judged.causes_of(Class::Breaks) {
            let meaning = cause
                .consequence
                .as_deref()
                .unwrap_or("the case is not as recorded");
            let words = format!(
                "confiture {version}: {} ({}); for fraisier: {meaning}",
                cause.title,
                extent(&cause.cases)
            );
            let _ = writeln!(text, "::error title=contract gate::{}", escape(&words));
        }
        for cause in judged.causes_of(Class::Differs) {
            let words = format!(
                "confiture {version}: {} ({})",
                cause.title,
                extent(&cause.cases)
            );
            let _ = writeln!(text, "::notice title=contract gate::{}", escape(&words));
        }
        let unjudged = judged.unjudged().count();
        if unjudged > 0 {
            let words = format!("confiture {version}: {unjudged} cases were not judged");
            let _ = writeln!(text, "::warning title=contract gate::{}", escape(&words));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_report_of_three_candidates() {
        let candidates = vec![testing::drifted(), testing::unchanged(), testing::halted()];
        let report = Report::new(candidates, true, vec!["exit:1:2".to_owned()]);
        insta::assert_snapshot!("markdown", render(&report));
        insta::assert_snapshot!("annotations", annotations(&report));
    }

    #[test]
    fn nothing_leaves_its_cell() {
        assert_eq!(cell("a | b\n*c* <d> `*`"), "a \\| b \\*c\\* &lt;d> `*`");
        assert_eq!(code("a`b|"), "`` a`b\\| ``");
    }
}
