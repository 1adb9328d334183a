//! What people see while they wait: a spinner or bar on a terminal, plain lines in a log.
//!
//! Everything here goes to standard error; standard output belongs to results.

use std::io::IsTerminal as _;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// All spinners and bars: permanent lines are printed above them, and an interrupt removes them.
static MOVING: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// `text` as good news. anstream removes the colour where there is no terminal.
pub fn good(text: &str) -> String {
    styled(AnsiColor::Green.on_default().bold(), text)
}

/// `text` as bad news.
pub fn bad(text: &str) -> String {
    styled(AnsiColor::Red.on_default().bold(), text)
}

/// `text` as a warning.
pub fn warn(text: &str) -> String {
    styled(AnsiColor::Yellow.on_default().bold(), text)
}

/// `text` as a heading.
pub fn heading(text: &str) -> String {
    styled(Style::new().bold(), text)
}

/// `text` as a side remark.
pub fn faint(text: &str) -> String {
    styled(Style::new().dimmed(), text)
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 20 s`.
pub fn seconds(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    match tenths {
        0..100 => format!("{}.{} s", tenths / 10, tenths % 10),
        100..1200 => format!("{} s", (tenths + 5) / 10),
        _ => format!("{} min {} s", tenths / 600, tenths % 600 / 10),
    }
}

/// The columns of the terminal; those of a log if standard output is not a terminal.
pub fn width() -> usize {
    const LOG: usize = 100;
    let size = console::Term::stdout().size_checked();
    size.map_or(LOG, |(_, columns)| usize::from(columns))
}

/// Prints a line of a result on standard output, above spinners and bars.
pub fn print(line: &str) {
    MOVING.suspend(|| anstream::println!("{line}"));
}

/// Removes all spinners and bars, because the process ends now.
pub fn clear() {
    let _ = MOVING.clear();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Terminal,
    Log,
    Silent,
}

/// Where progress is printed.
#[derive(Debug, Clone, Copy)]
pub struct Ui(Mode);

impl Ui {
    /// Progress on standard error, moving only when that is a terminal.
    pub fn stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self(Mode::Terminal)
        } else {
            Self(Mode::Log)
        }
    }

    /// No output at all.
    pub fn silent() -> Self {
        Self(Mode::Silent)
    }

    /// Prints a permanent line.
    pub fn note(self, text: &str) {
        if self.0 != Mode::Silent {
            MOVING.suspend(|| anstream::eprintln!("{text}"));
        }
    }

    /// Prints a permanent line in the colour of a warning.
    pub fn warning(self, text: &str) {
        self.note(&format!("{}: {text}", warn("warning")));
    }

    /// Starts a task. On a terminal it is a spinner with `label`; in a log the label is printed once,
    /// now.
    pub fn task(self, label: &str) -> Task {
        if self.0 == Mode::Log {
            self.note(label);
        }
        self.spin(label)
    }

    /// As [`Self::task`], but without a line in a log: for a task that ends with a line of its own.
    pub fn spin(self, label: &str) -> Task {
        Task {
            ui: self,
            bar: self.moving(None, label, "{spinner} {msg} {elapsed:.dim}", 100),
            started: Instant::now(),
        }
    }

    /// Starts a count to `length`. On a terminal it is a bar; in a log, a line reports the progress now
    /// and then.
    pub fn bar(self, length: u64, label: &str) -> Bar {
        let template = "{msg} {bar:20} {pos}/{len} {elapsed:.dim} {prefix}";
        Bar {
            ui: self,
            shown: self.moving(Some(length), label, template, 500),
            logged: Mutex::new(Instant::now()),
        }
    }

    /// A bar that is drawn again after so many milliseconds; it is hidden where there is no terminal.
    fn moving(
        self,
        length: Option<u64>,
        label: &str,
        template: &str,
        interval: u64,
    ) -> ProgressBar {
        let style = ProgressStyle::with_template(template).expect("a template of ours parses");
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden())
            .with_style(style)
            .with_message(label.to_owned());
        if self.0 == Mode::Terminal {
            MOVING.add(bar.clone());
            bar.enable_steady_tick(Duration::from_millis(interval));
        }
        bar
    }
}

/// How often a log gets a line about the progress of a [`Bar`].
const LOG_INTERVAL: Duration = Duration::from_secs(20);

/// A count in progress; dropping it removes it.
#[derive(Debug)]
pub struct Bar {
    ui: Ui,
    shown: ProgressBar,
    logged: Mutex<Instant>,
}

impl Bar {
    /// Counts one more.
    pub fn advance(&self) {
        self.advance_beside(None);
    }

    /// Counts one more, while `still` continues.
    pub fn advance_beside(&self, still: Option<&str>) {
        self.shown.inc(1);
        self.shown.set_prefix(still.unwrap_or_default().to_owned());
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ui.0 == Mode::Log && logged.elapsed() >= LOG_INTERVAL {
            *logged = Instant::now();
            let (done, length) = (self.shown.position(), self.shown.length().unwrap_or(0));
            let still = still.map_or_else(String::new, |still| format!(", still {still}"));
            let label = self.shown.message();
            self.ui.note(&format!("{label}: {done}/{length}{still}"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.shown.finish_and_clear();
    }
}

/// A running task; dropping it without [`Task::finish`] removes its spinner.
#[derive(Debug)]
pub struct Task {
    ui: Ui,
    bar: ProgressBar,
    started: Instant,
}

impl Task {
    /// Ends the task with a permanent line, and the time it took.
    pub fn finish(self, outcome: &str) {
        self.bar.finish_and_clear();
        let took = seconds(self.started.elapsed());
        self.ui
            .note(&format!("{outcome} {}", faint(&format!("({took})"))));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_for_people() {
        for (millis, text) in [
            (0, "0.0 s"),
            (449, "0.4 s"),
            (9_949, "9.9 s"),
            (12_300, "12 s"),
            (200_000, "3 min 20 s"),
        ] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }
}
