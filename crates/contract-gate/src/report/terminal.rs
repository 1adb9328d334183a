//! The report on a terminal, from 60 columns up.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::words::{counts, headline, remarks, subject};
use crate::causes::extent;
use crate::result::{Cause, Class, Judgement, Report, Verdict};

/// The narrowest terminal that is written for.
pub const NARROWEST: usize = 60;
/// Longer lines are not easier to read.
const WIDEST: usize = 110;
/// Where the text of a cause begins.
const INDENT: usize = 9;
/// How many differences, and how many cases that were not judged, are told one by one.
const NAMED: usize = 12;

/// The report in `width` columns, with colours; whoever prints it takes them out where they do not
/// belong. `place` is where the other forms of it are.
#[must_use]
pub fn render(report: &Report, width: usize, place: Option<&str>) -> String {
    let width = width.clamp(NARROWEST, WIDEST);
    let mut text = String::new();
    for (number, judged) in report.candidates.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        judgement(&mut text, judged, width);
    }
    if report.candidates.len() > 1 {
        table(&mut text, report);
    }
    for stale in &report.stale {
        let line = format!("accepted, and no longer occurs: {stale}; take it out of the file");
        text.push_str(&wrapped(&line, "", "  ", width));
    }
    if report.interrupted {
        text.push_str("interrupted: this is what was known\n");
    }
    let place = place.map(|place| format!("report in {place}"));
    match (report.candidates.as_slice(), place) {
        ([only], place) => {
            let last = counts(only);
            let last = place.map_or(last.clone(), |place| format!("{last}; {place}"));
            text.push_str(&wrapped(&last, "", "  ", width));
        }
        (_, Some(place)) => text.push_str(&wrapped(&place, "", "  ", width)),
        (_, None) => {}
    }
    text
}

fn judgement(text: &mut String, judged: &Judgement, width: usize) {
    text.push_str(&wrapped(&subject(judged), "", "  ", width));
    let words = headline(judged);
    let colour = match judged.verdict {
        Verdict::Yes => AnsiColor::Green,
        Verdict::No => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Yellow,
    };
    let bold = colour.on_default().bold();
    text.push_str(&styled(bold, &wrapped(&words, "", "  ", width)));
    let faint = Style::new().dimmed();
    for note in remarks(judged) {
        text.push_str(&styled(faint, &wrapped(&note, "", "  ", width)));
    }
    text.push('\n');
    let told = |cause: &&Cause| cause.class != Class::Differs || cause.accepted.is_some();
    let (first, differing): (Vec<_>, Vec<_>) = judged.causes.iter().partition(told);
    for cause in first.iter().chain(differing.iter().take(NAMED)) {
        self::cause(text, cause, width);
    }
    if differing.len() > NAMED {
        let more = format!(
            "and {} more that differ; the report has them",
            differing.len() - NAMED
        );
        entry(text, "", AnsiColor::Yellow, &more, "", width);
    }
    let unjudged: Vec<_> = judged.unjudged().collect();
    for case in unjudged.iter().take(NAMED) {
        let why = case.not_judged.as_deref().unwrap_or_default();
        entry(text, "UNJUDGED", AnsiColor::Yellow, &case.name, why, width);
    }
    if unjudged.len() > NAMED {
        let more = format!("and {} more that were not judged", unjudged.len() - NAMED);
        entry(text, "", AnsiColor::Yellow, &more, "", width);
    }
}

fn cause(text: &mut String, cause: &Cause, width: usize) {
    let (word, colour) = match cause.class {
        _ if cause.accepted.is_some() => ("ACCEPTED", AnsiColor::Cyan),
        Class::Breaks => ("BREAKS", AnsiColor::Red),
        Class::Differs | Class::Same => ("DIFFERS", AnsiColor::Yellow),
    };
    entry(
        text,
        word,
        colour,
        &cause.title,
        &extent(&cause.cases),
        width,
    );
    let mut line = |words: &str| {
        let indent = " ".repeat(INDENT);
        let hanging = " ".repeat(INDENT + 2);
        text.push_str(&wrapped(words, &indent, &hanging, width));
    };
    if let Some(reason) = &cause.accepted {
        line(&format!("because {reason}"));
        return;
    }
    if let Some(consequence) = &cause.consequence {
        line(&format!("for fraisier: {consequence}"));
    }
    if let (Some(before), Some(now)) = (&cause.before, &cause.now) {
        let beside = format!("before  {before}      now  {now}");
        if INDENT + beside.chars().count() <= width {
            line(&beside.replace("      now  ", "\u{a0}\u{a0}\u{a0}\u{a0}now\u{a0}\u{a0}"));
        } else {
            line(&format!("before  {before}"));
            line(&format!("now     {now}"));
        }
    }
    if let Some(advice) = &cause.advice {
        line(advice);
        line(&format!("again   {}", cause.again));
    }
}

/// A labelled line: what, and on the right or below it, how far it reaches.
fn entry(
    text: &mut String,
    label: &str,
    colour: AnsiColor,
    what: &str,
    extent: &str,
    width: usize,
) {
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
    text.push('\n');
    let first = report
        .candidates
        .iter()
        .map(|judged| judged.version.len())
        .max();
    let first = first.unwrap_or(0);
    for judged in &report.candidates {
        let _ = writeln!(
            text,
            "{:first$}  {:7} {:2} same {:2} differ {:2} break {:2} unjudged",
            judged.version,
            judged.verdict.as_str(),
            judged.count(Class::Same),
            judged.count(Class::Differs),
            judged.count(Class::Breaks),
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
    use crate::testing;

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

    fn report() -> Report {
        let candidates = vec![testing::drifted(), testing::unchanged(), testing::halted()];
        Report::new(candidates, false, vec!["exit:1:2".to_owned()])
    }

    #[test]
    fn at_60_and_at_100_columns() {
        for width in [60, 100] {
            let text = plain(&render(&report(), width, Some("target/gate/1.30.0rc1")));
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{widest:?}\n{text}");
            insta::assert_snapshot!(format!("terminal_{width}"), text);
        }
    }

    #[test]
    fn the_cause_is_in_the_first_ten_lines() {
        let one = Report::new(vec![testing::drifted()], false, vec![]);
        let text = plain(&render(&one, 60, None));
        let first: Vec<&str> = text.lines().take(10).collect();
        assert!(first.join("\n").contains("`window_safe` is gone"), "{text}");
    }
}
