//! The report on a terminal, from 60 columns up.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::view::{Entry, Severity, View, provenance};
use crate::result::{Class, Report};
use crate::rules::explained;

/// The narrowest terminal that is supported, in columns.
pub const NARROWEST: usize = 60;
/// The longest lines; longer ones are harder to read.
const WIDEST: usize = 110;
/// Where the text of a cause begins.
const INDENT: usize = 12;
/// How many differences, and how many cases that were not judged, are listed.
const LISTED: usize = 12;

/// The report in `width` columns, with colours, which the printer removes where there is no terminal.
/// `place` is the directory of its other forms.
pub fn render(report: &Report, width: usize, place: Option<&str>) -> String {
    let width = width.clamp(NARROWEST, WIDEST);
    let mut text = String::new();
    let views: Vec<View<'_>> = report.candidates.iter().map(View::new).collect();
    for (number, view) in views.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        candidate(&mut text, view, width);
    }
    if views.len() > 1 {
        table(&mut text, report);
    }
    let faint = Style::new().dimmed();
    let mut line = |words: &str, style| {
        text.push_str(&styled(style, &wrapped(words, "", "  ", width)));
    };
    for stale in &report.stale {
        let words = format!("accepted, and no longer occurs: {stale}; remove it from the file");
        line(&words, Style::new());
    }
    if report.interrupted {
        line("interrupted: this is what was known", Style::new());
    }
    line(&provenance(report), faint);
    if let Some(place) = place {
        line(&format!("report in {place}"), Style::new());
    }
    if let [only] = views.as_slice() {
        line(&only.decision, colour(only.severity).on_default().bold());
    }
    text
}

const fn colour(severity: Severity) -> AnsiColor {
    match severity {
        Severity::FalseSafe | Severity::Breaks => AnsiColor::Red,
        Severity::Unjudged | Severity::Differs => AnsiColor::Yellow,
        Severity::Accepted => AnsiColor::Cyan,
        Severity::Good => AnsiColor::Green,
    }
}

fn candidate(text: &mut String, view: &View<'_>, width: usize) {
    let bold = colour(view.severity).on_default().bold();
    text.push_str(&styled(bold, &wrapped(&view.headline, "", "  ", width)));
    text.push_str(&wrapped(&view.subject, "", "  ", width));
    let faint = Style::new().dimmed();
    for remark in &view.remarks {
        text.push_str(&styled(faint, &wrapped(remark, "", "  ", width)));
    }
    text.push('\n');
    let differs = |entry: &&Entry<'_>| entry.severity == Severity::Differs;
    let (differing, first): (Vec<_>, Vec<_>) = view.entries.iter().partition(differs);
    for entry in first.iter().chain(differing.iter().take(LISTED)) {
        cause(text, entry, width);
    }
    more(
        text,
        differing.len(),
        "that differ; the report has them",
        width,
    );
    for (name, why) in view.unjudged.iter().take(LISTED) {
        let severity = Severity::Unjudged;
        head(text, severity.word(), colour(severity), name, why, width);
    }
    more(text, view.unjudged.len(), "that were not judged", width);
    text.push_str(&wrapped(&view.counts, "", "  ", width));
}

/// How many are not listed.
fn more(text: &mut String, count: usize, what: &str, width: usize) {
    if count > LISTED {
        let words = format!("and {} more {what}", count - LISTED);
        head(text, "", AnsiColor::Yellow, &words, "", width);
    }
}

fn cause(text: &mut String, entry: &Entry<'_>, width: usize) {
    let (word, colour) = (entry.severity.word(), colour(entry.severity));
    head(text, word, colour, &entry.cause.title, &entry.extent, width);
    for (label, words) in &entry.lines {
        let first = format!("{:INDENT$}{label:10}", "");
        let next = " ".repeat(first.len());
        let words = match *label {
            "rule" => explained(words),
            _ => words.clone(),
        };
        text.push_str(&wrapped(&words, &first, &next, width));
    }
}

/// A labelled line: what, and its extent on the right or below.
fn head(text: &mut String, label: &str, colour: AnsiColor, what: &str, extent: &str, width: usize) {
    let label = format!("{label:INDENT$}");
    let style = colour.on_default().bold();
    let _ = write!(text, "{}", styled(style, &label));
    let room = width - INDENT;
    let free = room.saturating_sub(what.chars().count() + extent.chars().count());
    if free >= 2 {
        let _ = writeln!(text, "{what}{}{extent}", " ".repeat(free));
        return;
    }
    let body = wrapped(what, "", &" ".repeat(INDENT), width - INDENT + 2);
    text.push_str(&body);
    if !extent.is_empty() {
        let indent = " ".repeat(INDENT);
        text.push_str(&wrapped(extent, &indent, &indent, width));
    }
}

/// One line for each candidate.
fn table(text: &mut String, report: &Report) {
    let widths = report.candidates.iter().map(|judged| judged.version.len());
    let first = widths.max().unwrap_or(0);
    let _ = writeln!(
        text,
        "\n{:first$}  {:10}  same  differ  break  false safe  ?",
        "", "verdict"
    );
    for judged in &report.candidates {
        let _ = writeln!(
            text,
            "{:first$}  {:10}  {:4}  {:6}  {:5}  {:10}  {}",
            judged.version,
            judged.verdict.as_str(),
            judged.count(Class::Same),
            judged.count(Class::Differs),
            judged.count(Class::Breaks),
            judged.count(Class::FalseSafe),
            judged.unjudged().count(),
        );
    }
}

fn wrapped(words: &str, first: &str, next: &str, width: usize) -> String {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(next)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(words, options);
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// `text` in `style`, line by line, so that a pager keeps it.
fn styled(style: Style, text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let (body, end) = match line.strip_suffix('\n') {
            Some(body) => (body, "\n"),
            None => (line, ""),
        };
        format!("{style}{body}{style:#}{end}")
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests as testing;

    /// Without the colours, as a pipe gets it.
    fn plain(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('\u{1b}') {
            plain.push_str(&rest[..start]);
            let end = rest[start..].find('m').expect("the end of a colour");
            rest = &rest[start + end + 1..];
        }
        plain + rest
    }

    #[test]
    fn the_report_fits_60_and_100_columns() {
        let report = testing::several();
        for width in [60, 100] {
            let text = plain(&render(&report, width, Some("target/gate/1.30.0rc1")));
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{widest:?}\n{text}");
            insta::assert_snapshot!(format!("terminal_{width}"), text);
        }
    }

    #[test]
    fn a_false_safe_is_the_first_line_and_the_decision_the_last() {
        let one = testing::report(vec![testing::false_safe()]);
        let text = plain(&render(&one, 100, None));
        assert!(
            text.starts_with("FALSE SAFE, do not release it: "),
            "{text}"
        );
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("Do not release it"), "{text}");
    }

    #[test]
    fn a_cause_shows_an_empty_value_and_what_its_rule_means() {
        let mut judged = testing::drifted();
        judged.causes[0].now = Some(String::new());
        let text = plain(&render(&testing::report(vec![judged]), 100, None));
        assert!(text.contains("now       (empty)\n"), "{text}");
        assert!(
            text.contains("field-gone: A field of the report is gone. If"),
            "{text}"
        );
        assert!(!text.contains("docs/gate.md"), "{text}");
    }

    #[test]
    fn the_cause_is_in_the_first_ten_lines() {
        let one = testing::report(vec![testing::drifted()]);
        let text = plain(&render(&one, 60, None));
        let first: Vec<&str> = text.lines().take(10).collect();
        assert!(first.join("\n").contains("`window_safe` is gone"), "{text}");
    }
}
