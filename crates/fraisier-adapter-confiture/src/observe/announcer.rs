//! Reports to the observer and to `tracing` what a call does, while it does it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fraisier_adapter_api::Revision;
use tracing::Span;
use tracing::field::Empty;

use super::{Call, Event, Observer};
use crate::process::{Activity, Exit, Listener, Stream};
use crate::redact::{Redacted, Redactor, floor_char_boundary};

/// How many lines of one stream are delivered in a second; the rest is counted. A person reads
/// fewer, and a child that prints millions must not be slowed down by its audience.
const LINES_PER_SECOND: u64 = 1000;
/// How many bytes of a line are read.
const READ: usize = 16 * 1024;
/// How many bytes of a longer line are delivered. This is so far below [`READ`] that a secret that begins
/// in them was read as a whole, and is masked.
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

    /// The span of a command. The revision is the target of its operation, if that has one.
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

    /// Reports only a missing watcher: nothing stops the command when this process dies.
    pub(crate) fn unwatched_only(&self) -> Listener {
        let announcer = self.clone();
        Box::new(move |activity| {
            if matches!(activity, Activity::Unwatched) {
                announcer.emit(Event::NotWatched);
            }
        })
    }

    fn report(&self, activity: Activity<'_>, streams: &mut [Lines; 2]) {
        // Whether anybody listens to lines.
        let is_heard = self.observer.is_some() || tracing::enabled!(tracing::Level::DEBUG);
        match activity {
            Activity::Unwatched => self.emit(Event::NotWatched),
            Activity::Started(pid) => self.emit(Event::Started { pid }),
            Activity::Printed(stream, bytes) if is_heard => {
                streams[stream as usize].push(self, bytes);
            }
            Activity::Printed(..) => {}
            Activity::Interrupted(why) => self.emit(Event::Interrupted { why }),
            Activity::Finished(output) => {
                for stream in streams {
                    stream.finish(self);
                }
                match output.exit {
                    Exit::Code(code) => Span::current().record("exit", code),
                    Exit::Signal(signal) => Span::current().record("signal", signal),
                };
                self.emit(Event::Finished {
                    exit: output.exit,
                    duration: output.duration,
                    killed: output.was_killed(),
                });
            }
        }
    }

    pub(crate) fn emit(&self, event: Event) {
        let event = Redacted::new(event, &self.redactor);
        trace(&event);
        if let Some(observer) = &self.observer {
            // A panic of the observer must not end the thread that owns the command.
            let _ = catch_unwind(AssertUnwindSafe(|| observer.event(&self.call, event.get())));
        }
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
            tracing::warn!(
                why,
                "the ledger was not read, so the revision is the last by time"
            );
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
            "up is still running"
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
    /// The line that has begun; one byte more than [`READ`] of a longer one.
    begun: Vec<u8>,
    /// When the current second began, and how many lines were printed in it.
    second: Instant,
    count: u64,
}

impl Lines {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            begun: Vec::new(),
            second: Instant::now(),
            count: 0,
        }
    }

    fn push(&mut self, to: &Announcer, chunk: &[u8]) {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            let line = part.strip_suffix(b"\n");
            let rest = READ + 1 - self.begun.len();
            self.begun.extend(line.unwrap_or(part).iter().take(rest));
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
            (self.second, self.count) = (Instant::now(), 0);
        }
        self.count += 1;
        if self.count <= LINES_PER_SECOND {
            let text = self.text(&to.redactor);
            let stream = self.stream;
            to.emit(Event::Line { stream, text });
        }
        self.begun.clear();
    }

    /// The text of the event. A line that is cut is redacted first: no redactor would recognise a piece of a
    /// secret.
    fn text(&self, redactor: &Redactor) -> String {
        let is_cut = self.begun.len() > READ;
        let line = self.begun.strip_suffix(b"\r").unwrap_or(&self.begun);
        let line = String::from_utf8_lossy(line).into_owned();
        if !is_cut {
            return line;
        }
        let mut text = redactor.text(&line).into_owned();
        let end = DELIVERED.min(text.len().saturating_sub(DELIVERED));
        text.truncate(floor_char_boundary(&text, end));
        text.push('…');
        text
    }

    fn report_skipped(&self, to: &Announcer) {
        let (stream, count) = (self.stream, self.count.saturating_sub(LINES_PER_SECOND));
        if count > 0 {
            to.emit(Event::LinesSkipped { stream, count });
        }
    }
}

#[cfg(test)]
mod tests;
