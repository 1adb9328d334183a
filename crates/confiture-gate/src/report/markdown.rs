//! The report as Markdown, for a pull request and the summary of a job.

use std::fmt::Write as _;

use askama::Template;

use super::view::{CODE, Severity, View, provenance};
use crate::causes::extent;
use crate::result::{Class, Report};
use crate::rules::explained;
use crate::text::one_line;

const CLASSES: [(&str, Class); 3] = [
    ("Cases that are false safes", Class::FalseSafe),
    ("Cases that break", Class::Breaks),
    ("Cases that differ", Class::Differs),
];

#[derive(Template)]
#[template(path = "markdown.txt")]
struct Markdown<'a> {
    report: &'a Report,
    views: Vec<View<'a>>,
}

/// The text of the Markdown report.
pub fn render(report: &Report) -> String {
    let views = report.candidates.iter().map(View::new).collect();
    let text = Markdown { report, views }.render();
    text.expect("it is written to memory") + "\n"
}

fn of_class(view: &View<'_>, class: Class) -> Vec<String> {
    let cases = view.judged.cases.iter();
    let of_class = cases.filter(|case| case.class == Some(class));
    of_class.map(|case| code(&case.name)).collect()
}

/// A text that cannot end its cell or act as markup. Text between backquotes remains code.
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

/// A text as code, whatever it contains.
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
