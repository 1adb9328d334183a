//! Text for a terminal: wrapped to its width, in colours where they are wanted.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use fraisier_adapter_api::AdapterError;

/// The least width, also on a narrower terminal.
const NARROWEST: usize = 60;

/// The width without a terminal, and the greatest width on one.
const WIDEST: usize = 100;

/// Good.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Doubtful.
pub(crate) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
/// Bad.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// A side remark.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Lines of text, not yet wrapped.
#[derive(Debug, Default)]
pub(crate) struct Page(Vec<Row>);

#[derive(Debug)]
struct Row {
    style: Style,
    label: String,
    text: String,
    indent: usize,
}

impl Page {
    /// A line whose label stands out, with text behind it.
    pub(crate) fn row(&mut self, style: Style, label: &str, text: impl Into<String>) {
        self.0.push(Row {
            style,
            label: label.into(),
            text: text.into(),
            indent: label.chars().count() + 1,
        });
    }

    /// A line that belongs to the one above, indented by this many columns.
    pub(crate) fn under(&mut self, indent: usize, text: impl Into<String>) {
        self.0.push(Row {
            style: Style::new(),
            label: " ".repeat(indent.saturating_sub(1)),
            text: text.into(),
            indent,
        });
    }

    /// The text at this width, with colours.
    pub(crate) fn render(&self, width: usize) -> String {
        let mut page = String::new();
        for Row {
            style,
            label,
            text,
            indent,
        } in &self.0
        {
            // A tab has no width that the layout knows.
            let shown = |text: &str| printable(text).replace('\t', " ");
            let (label, text) = (shown(label), shown(text));
            let (first, others) = (format!("{label} "), " ".repeat(*indent));
            let options = textwrap::Options::new(width.max(indent + 20));
            let options = options.initial_indent(&first).subsequent_indent(&others);
            let wrapped = textwrap::fill(text.trim_matches('\n'), options);
            let after = wrapped.strip_prefix(&label).unwrap_or(&wrapped).trim_end();
            // Writing to a `String` cannot fail.
            let _ = writeln!(page, "{style}{label}{style:#}{after}");
        }
        page
    }

    /// Prints it on standard output.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        let width = width(io::stdout().is_terminal());
        stdout.write_all(self.render(width).as_bytes())
    }
}

/// The text with its control characters escaped, except for line ends and tabs: from the name of a file, an
/// application or a server's message they would steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\t' => printable.push(char),
            // Also what reverses the direction of the text behind it.
            char if char.is_control()
                || matches!(char, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                printable.extend(char.escape_unicode());
            }
            char => printable.push(char),
        }
    }
    printable
}

/// Prints an error and its evidence on standard error.
pub(crate) fn error(error: &AdapterError) {
    let mut page = Page::default();
    page.row(BAD, &format!("[{}]", error.kind), "");
    page.under(2, error.message.as_str());
    if let Some(evidence) = &error.stderr {
        page.row(FAINT, "evidence:", "");
        page.under(2, evidence.as_str());
    }
    let width = width(io::stderr().is_terminal());
    // Nobody can read that it could not be printed.
    let _ = anstream::stderr()
        .lock()
        .write_all(page.render(width).as_bytes());
}

/// The width of a page.
pub(crate) fn width(on_terminal: bool) -> usize {
    let columns = || {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr()).ok()?;
        (size.ws_col > 0).then_some(usize::from(size.ws_col))
    };
    let columns = on_terminal.then(columns).flatten();
    columns.map_or(WIDEST, |columns| columns.clamp(NARROWEST, WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a file can contain what sets the title, clears the screen, or draws another line.
    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut page = Page::default();
        let text = "a\x1b]0;title\x07b\x1b[2J\rok\u{9b}x\u{202e}\ttab\nnext";
        page.row(Style::new(), text, text);
        page.under(2, text);
        let rendered = page.render(200);
        let control = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!rendered.contains(control), "{rendered:?}");
        let escaped = "a\\u{1b}]0;title\\u{7}b\\u{1b}[2J\\u{d}ok\\u{9b}x\\u{202e} tab\n";
        assert!(rendered.contains(escaped), "{rendered:?}");
    }

    #[test]
    fn long_text_is_wrapped_beside_its_label() {
        let mut page = Page::default();
        page.row(Style::new(), "ok", "word ".repeat(30).trim());
        page.under(5, "first\nsecond");
        page.row(Style::new(), "end", "");
        let text = page.render(60);
        assert!(
            text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
        assert!(text.starts_with("ok word"), "{text}");
        assert!(
            text.lines()
                .nth(1)
                .is_some_and(|line| line.starts_with("   word")),
            "{text}"
        );
        assert!(text.ends_with("     first\n     second\nend\n"), "{text}");
    }
}
