//! Reports to the observer and to `tracing` what a call does, while it does it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fraisier_adapter_api::Revision;
use tracing::Span;
use tracing::field::Empty;

use super::{Call, Event, Observer};
use crate::process::{Activity, Exit, Listener, Output, Stream};
use crate::redact::{Redacted, Redactor};

/// How many lines of one stream are delivered in a second; the rest is counted. A person reads
/// fewer, and a child that prints millions must not be slowed down by its audience.
const LINES_PER_SECOND: u32 = 1000;
/// How much of a line is looked at.
const LOOKED_AT: usize = 16 * 1024;
/// How much of a longer line is delivered; far enough below [`LOOKED_AT`] that the redactor has seen
/// every secret whole that begins in it.
const DELIVERED: usize = 8 * 1024;

/// Reports what the commands of one call do, with every text redacted.
#[derive(Clone)]
pub struct Announcer {
    call: Arc<Call>,
    redactor: Arc<Redactor>,
    observer: Option<Arc<dyn Observer>>,
}

impl Announcer {
    /// An announcer for a call.
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
        }
    }

    /// The span of a command, which is about this revision if about one.
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

    /// Reports the activities of one command.
    #[must_use]
    pub fn listener(&self) -> Listener {
        let announcer = self.clone();
        let mut streams = [Stream::Stdout, Stream::Stderr].map(Lines::new);
        Box::new(move |activity| announcer.report(activity, &mut streams))
    }

    /// Reports only that nothing stops the command when this process dies.
    pub(crate) fn unwatched_only(&self) -> Listener {
        let announcer = self.clone();
        Box::new(move |activity| {
            if matches!(activity, Activity::Unwatched) {
                announcer.emit(Event::NotWatched);
            }
        })
    }

    fn report(&self, activity: Activity<'_>, streams: &mut [Lines; 2]) {
        match activity {
            Activity::Unwatched => self.emit(Event::NotWatched),
            Activity::Started(pid) => self.emit(Event::Started { pid }),
            Activity::Printed(stream, bytes) if self.is_heard() => {
                streams[stream as usize].push(self, bytes);
            }
            Activity::PrintedAll(stream) if self.is_heard() => {
                streams[stream as usize].finish(self);
            }
            Activity::Printed(..) | Activity::PrintedAll(_) => {}
            Activity::Interrupted(why) => self.emit(Event::Interrupted { why }),
            Activity::Finished(output) => self.finished(output),
        }
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

    pub(crate) fn emit(&self, event: Event) {
        let event = Redacted::new(event, &self.redactor);
        trace(&event);
        if let Some(observer) = &self.observer {
            // A panic of the observer must not end the thread that owns the command.
            let _ = catch_unwind(AssertUnwindSafe(|| observer.event(&self.call, event.get())));
        }
    }

    /// Whether anybody listens to lines.
    fn is_heard(&self) -> bool {
        self.observer.is_some() || tracing::enabled!(tracing::Level::DEBUG)
    }
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
        Event::MigrationRolledBack { revision } => {
            tracing::info!(revision = revision.as_str(), "migration rolled back");
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

/// Turns the bytes of one stream into events: a line each, as far as they are not too long or too many.
struct Lines {
    stream: Stream,
    /// The line that has begun, up to [`LOOKED_AT`].
    begun: Vec<u8>,
    /// Whether it is longer.
    is_cut: bool,
    /// When the current second began, how many lines may still be delivered in it, and how many were not.
    second: Instant,
    left: u32,
    skipped: u64,
}

impl Lines {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            begun: Vec::new(),
            is_cut: false,
            second: Instant::now(),
            left: LINES_PER_SECOND,
            skipped: 0,
        }
    }

    fn push(&mut self, to: &Announcer, chunk: &[u8]) {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            let line = part.strip_suffix(b"\n");
            let text = line.unwrap_or(part);
            let room = LOOKED_AT - self.begun.len();
            self.is_cut |= text.len() > room;
            self.begun.extend(&text[..room.min(text.len())]);
            if line.is_some() {
                self.deliver(to);
            }
        }
    }

    /// The stream has ended: what has begun is a line too.
    fn finish(&mut self, to: &Announcer) {
        if !self.begun.is_empty() {
            self.deliver(to);
        }
        self.report_skipped(to);
    }

    fn deliver(&mut self, to: &Announcer) {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.report_skipped(to);
            self.second = Instant::now();
            self.left = LINES_PER_SECOND;
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            let text = self.text(&to.redactor);
            let stream = self.stream;
            to.emit(Event::Line { stream, text });
        } else {
            self.skipped += 1;
        }
        self.begun.clear();
        self.is_cut = false;
    }

    /// The line as an event has it. One that is cut is redacted before that: no redactor would recognise
    /// a piece of a secret.
    fn text(&self, redactor: &Redactor) -> String {
        if !self.is_cut {
            let line = self.begun.strip_suffix(b"\r").unwrap_or(&self.begun);
            return String::from_utf8_lossy(line).into_owned();
        }
        let line = String::from_utf8_lossy(&self.begun);
        let mut text = redactor.text(&line).into_owned();
        let mut end = DELIVERED.min(text.len().saturating_sub(DELIVERED));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
        text
    }

    fn report_skipped(&mut self, to: &Announcer) {
        let (stream, count) = (self.stream, std::mem::take(&mut self.skipped));
        if count > 0 {
            to.emit(Event::LinesSkipped { stream, count });
        }
    }
}

#[cfg(test)]
mod tests;
