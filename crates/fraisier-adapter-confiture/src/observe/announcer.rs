//! Tells the observer and `tracing` what a call does, while it does it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fraisier_adapter_api::Revision;
use tracing::Span;
use tracing::field::Empty;

use super::lines::{Line, Lines};
use super::{Call, Event, Observer};
use crate::process::{Exit, Interruption, Listener, Output, Stream};
use crate::redact::{Redacted, Redactor};

/// How many lines of one stream are delivered in a second; the rest is counted. A person reads
/// fewer, and a child that prints millions must not be slowed down by its audience.
const LINES_PER_SECOND: u32 = 1000;

/// Tells what one command does: its texts redacted, its lines counted where they are too many.
pub struct Announcer {
    call: Arc<Call>,
    redactor: Arc<Redactor>,
    observer: Option<Arc<dyn Observer>>,
    stdout: Mutex<LineReader>,
    stderr: Mutex<LineReader>,
}

impl Announcer {
    /// An announcer for one command of a call.
    #[must_use]
    pub fn new(
        call: Arc<Call>,
        redactor: Arc<Redactor>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            call,
            redactor,
            observer,
            stdout: Mutex::new(LineReader::new(Stream::Stdout)),
            stderr: Mutex::new(LineReader::new(Stream::Stderr)),
        }
    }

    /// The span of the call, which is about this revision if about one.
    #[must_use]
    pub fn span(&self, revision: Option<&Revision>) -> Span {
        let revision = Redacted::new(revision.cloned(), &self.redactor);
        tracing::info_span!(
            "confiture",
            call = self.call.id,
            operation = self.call.operation,
            revision = revision.get().as_ref().map(Revision::as_str),
            exit = Empty,
            signal = Empty,
        )
    }

    pub(crate) fn emit(&self, event: Event) {
        let event = Redacted::new(event, &self.redactor);
        trace(&event);
        if let Some(observer) = &self.observer {
            // A panic of the observer must not end the thread that looks after the child.
            let _ = catch_unwind(AssertUnwindSafe(|| observer.event(&self.call, event.get())));
        }
    }

    /// Whether anybody listens to lines.
    fn is_heard(&self) -> bool {
        self.observer.is_some() || tracing::enabled!(tracing::Level::DEBUG)
    }

    fn with_reader(&self, stream: Stream, work: impl FnOnce(&mut LineReader)) {
        if self.is_heard() {
            let reader = match stream {
                Stream::Stdout => &self.stdout,
                Stream::Stderr => &self.stderr,
            };
            work(&mut reader.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Listener for Announcer {
    fn unwatched(&self) {
        self.emit(Event::NotWatched);
    }

    fn started(&self, pid: u32) {
        self.emit(Event::Started { pid });
    }

    fn printed(&self, stream: Stream, bytes: &[u8]) {
        self.with_reader(stream, |reader| reader.push(self, bytes));
    }

    fn printed_all(&self, stream: Stream) {
        self.with_reader(stream, |reader| reader.finish(self));
    }

    fn interrupted(&self, why: Interruption) {
        self.emit(Event::Interrupted { why });
    }

    fn finished(&self, output: &Output) {
        let span = Span::current();
        match output.exit {
            Exit::Code(code) => span.record("exit", code),
            Exit::Signal(signal) => span.record("signal", signal),
        };
        self.emit(Event::Finished {
            exit: output.exit,
            duration: output.duration,
            killed: output.was_killed(),
        });
    }
}

/// Reports of a command only that nothing stops it when this process dies.
pub(crate) struct OnlyUnwatched(pub(crate) Announcer);

impl Listener for OnlyUnwatched {
    fn unwatched(&self) {
        self.0.unwatched();
    }

    fn started(&self, _: u32) {}
    fn printed(&self, _: Stream, _: &[u8]) {}
    fn printed_all(&self, _: Stream) {}
    fn interrupted(&self, _: Interruption) {}
    fn finished(&self, _: &Output) {}
}

fn trace(event: &Redacted<Event>) {
    match event.get() {
        Event::NoDisconnectCheck { why } => tracing::warn!(
            ?why,
            "the server is not asked to check that its client is there: after a kill, it holds the \
             migration lock until the statement that it is at has ended"
        ),
        Event::NotWatched => tracing::warn!(
            "/bin/sh is missing or is no shell: when the process around the adapter is killed, nothing \
             stops the command that it runs"
        ),
        Event::LedgerNotRead { why } => {
            tracing::warn!("the ledger was not read, so the revision is the last by time: {why}");
        }
        Event::RevisionsDiffer { by_row, by_time } => tracing::warn!(
            by_row = by_row.as_ref().map(Revision::as_str),
            by_time = by_time.as_ref().map(Revision::as_str),
            "the times in the ledger contradict the order of its rows"
        ),
        Event::Started { pid } => tracing::debug!(pid, "started"),
        Event::Line { stream, text } => tracing::trace!(stream = stream.as_str(), text, "line"),
        Event::LinesSkipped { stream, count } => {
            tracing::trace!(stream = stream.as_str(), count, "lines skipped");
        }
        Event::MigrationApplied { revision, name } => {
            tracing::info!(revision = revision.as_str(), name, "migration applied");
        }
        Event::MigrationFailed { revision, name } => {
            tracing::warn!(revision = revision.as_str(), name, "migration failed");
        }
        Event::Progress {
            revision,
            applied,
            of,
        } => tracing::info!(
            revision = revision.as_ref().map(Revision::as_str),
            applied,
            of,
            "up goes on"
        ),
        Event::Interrupted { why } => tracing::warn!(?why, "interrupted"),
        Event::Finished {
            exit,
            duration,
            killed,
        } => tracing::debug!(?exit, ?duration, killed, "finished"),
    }
}

/// Turns the bytes of one stream into events.
struct LineReader {
    stream: Stream,
    lines: Lines,
    allowance: Allowance,
}

impl LineReader {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            lines: Lines::default(),
            allowance: Allowance::new(Instant::now()),
        }
    }

    fn push(&mut self, to: &Announcer, chunk: &[u8]) {
        let now = Instant::now();
        let mut lines = std::mem::take(&mut self.lines);
        lines.push(chunk, |line| self.line(to, &line, now));
        self.lines = lines;
    }

    /// The stream has ended: what is left is a line too.
    fn finish(&mut self, to: &Announcer) {
        let lines = std::mem::take(&mut self.lines);
        if let Some(last) = lines.begun() {
            self.line(to, &last, Instant::now());
        }
        self.skipped(to, self.allowance.skipped);
    }

    fn line(&mut self, to: &Announcer, line: &Line<'_>, now: Instant) {
        match self.allowance.take(now) {
            Some(skipped) => {
                self.skipped(to, skipped);
                to.emit(Event::Line {
                    stream: self.stream,
                    text: line.told(&to.redactor),
                });
            }
            None => self.allowance.skipped += 1,
        }
    }

    fn skipped(&self, to: &Announcer, count: u64) {
        if count > 0 {
            let stream = self.stream;
            to.emit(Event::LinesSkipped { stream, count });
        }
    }
}

/// How many more lines may be delivered in the current second.
struct Allowance {
    since: Instant,
    left: u32,
    skipped: u64,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            left: LINES_PER_SECOND,
            skipped: 0,
        }
    }

    /// Takes one line and gives how many were skipped before it; `None` when it has to be skipped, too.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            let skipped = self.skipped;
            *self = Self::new(now);
            self.left -= 1;
            return Some(skipped);
        }
        self.left = self.left.checked_sub(1)?;
        Some(0)
    }
}

#[cfg(test)]
mod tests;
