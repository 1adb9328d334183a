//! How a command ended, and what of its output goes into answers.

use super::Reader;
use super::quoting::{add_line, is_a_banner, names_our_report, without_forbidden_advice};
use crate::process::{Captured, Exit, Interruption};
use crate::redact::text_of;

impl Reader<'_> {
    /// The exit status or signal, in words.
    pub(crate) fn exit(&self) -> String {
        match self.output.exit {
            Exit::Code(status) => format!("exit status {status}"),
            Exit::Signal(signal) => format!("killed by signal {signal}"),
        }
    }

    /// Whether it printed that it began with a migration, as releases before 0.48.0 do.
    pub(crate) fn began(&self) -> bool {
        let lines = lines(&self.output.stdout);
        lines.iter().any(|line| line.contains("⚡ Applying "))
    }

    /// Whether it exited as confiture does when it does not understand its arguments: with status 2
    /// and no report. A `.py` migration can end the process in the same way.
    pub(crate) fn is_like_a_usage_error(&self) -> bool {
        self.exited_with(2) && self.output.report.is_none()
    }

    /// Whether it printed a usage message.
    pub(crate) fn speaks_of_usage(&self) -> bool {
        lines(&self.output.stderr)
            .iter()
            .any(|line| line.starts_with("Usage: ") || line.starts_with("Error: No such "))
    }

    /// Whether it printed this line on standard output.
    pub(crate) fn printed(&self, line: &str) -> bool {
        lines(&self.output.stdout)
            .iter()
            .any(|it| it.trim() == line)
    }

    /// Whether it printed anything but blanks on standard output.
    pub(crate) fn printed_anything(&self) -> bool {
        let stdout = &self.output.stdout;
        stdout.omitted > 0 || lines(stdout).iter().any(|it| !it.trim().is_empty())
    }

    /// What confiture printed, without advice to use an option that the adapter never uses.
    pub(crate) fn evidence(&self) -> String {
        let mut text = text_of(&self.output.stderr);
        let stdout = text_of(&self.output.stdout);
        let stdout = stdout.trim().lines().filter(|line| !names_our_report(line));
        let stdout: Vec<_> = stdout.collect();
        if !stdout.is_empty() {
            add_line(&mut text, "[stdout]\n");
            text.push_str(&stdout.join("\n"));
        }
        without_forbidden_advice(&text)
    }

    /// The log of a success.
    pub(crate) fn log(&self) -> String {
        let mut log = self.evidence();
        if let Some(why) = self.output.interrupted {
            let line = "and confiture was stopped; its work was done before that took effect";
            add_line(&mut log, &format!("{}, {line}", interruption(why)));
        }
        log
    }

    /// The last line of standard error and the last four of standard output. A release before 0.48.0
    /// says only on standard output why it stopped; the last line of standard error may be about
    /// something else.
    pub(super) fn last_words(&self) -> Option<String> {
        let streams = [(&self.output.stderr, 1), (&self.output.stdout, 4)];
        let said: Vec<String> = streams
            .into_iter()
            .filter_map(|(stream, count)| {
                let text = without_forbidden_advice(&text_of(stream));
                let lines = text.lines().map(str::trim);
                let lines = lines.filter(|line| !line.is_empty() && !is_a_banner(line));
                let lines: Vec<&str> = lines.collect();
                let last = &lines[lines.len().saturating_sub(count)..];
                (!last.is_empty()).then(|| last.join(" / "))
            })
            .collect();
        (!said.is_empty()).then(|| said.join(" / "))
    }
}

/// The lines that were kept of a stream.
fn lines(of: &Captured) -> Vec<String> {
    let parts = [&of.head, &of.tail].map(|part| String::from_utf8_lossy(part));
    let lines = parts.iter().flat_map(|part| part.lines());
    lines.map(str::to_owned).collect()
}

pub(super) fn interruption(why: Interruption) -> String {
    match why {
        Interruption::Timeout(after) => format!("the timeout of {after:?} ran out"),
        Interruption::Dropped => "the call was given up".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::testing::output;

    #[test]
    fn output_that_was_omitted_was_printed() {
        for (head, omitted, printed) in [
            ("", 0, false),
            (" \n", 0, false),
            (" \n", 9, true),
            ("x", 0, true),
        ] {
            let mut output = output(0, None);
            output.stdout.head = head.into();
            output.stdout.omitted = omitted;
            let reader = Reader {
                operation: Operation::Up,
                output: &output,
            };
            assert_eq!(reader.printed_anything(), printed, "{head:?}");
        }
    }
}
