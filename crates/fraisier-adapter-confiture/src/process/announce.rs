//! Tells the observer and `tracing` what a call does, while it does it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lines::{Line, Lines};
use super::{Redact, progress};
use crate::observe::{Call, Event, Observer, Stream};

/// How many lines of one stream are delivered in a second; the rest is counted. A person reads
/// fewer, and a child that prints millions must not be slowed down by its audience.
const LINES_PER_SECOND: u32 = 1000;

/// The voice of one call.
pub(super) struct Announcer {
    call: Call,
    redact: Redact,
    observer: Option<Arc<dyn Observer>>,
}

impl Announcer {
    pub(super) fn new(call: Call, redact: Redact, observer: Option<Arc<dyn Observer>>) -> Self {
        Self {
            call,
            redact,
            observer,
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        trace(event);
        if let Some(observer) = &self.observer {
            // An observer's panic is its own affair; that the child is looked after is ours.
            let _ = catch_unwind(AssertUnwindSafe(|| observer.event(&self.call, event)));
        }
    }

    /// A voice for one stream; `None` when nobody would hear it.
    pub(super) fn stream(&self, stream: Stream) -> Option<LineAnnouncer<'_>> {
        let heard = self.observer.is_some() || tracing::enabled!(tracing::Level::DEBUG);
        heard.then(|| LineAnnouncer {
            announcer: self,
            stream,
            lines: Lines::default(),
            allowance: Allowance::new(Instant::now()),
            announced: false,
        })
    }
}

fn trace(event: &Event) {
    match event {
        Event::Started { pid } => tracing::debug!(pid, "started"),
        Event::Line { stream, text } => tracing::trace!(stream = stream.as_str(), text, "line"),
        Event::LinesSkipped { stream, count } => {
            tracing::trace!(stream = stream.as_str(), count, "lines skipped");
        }
        Event::MigrationBegun { revision, name } => {
            tracing::debug!(revision = revision.as_str(), name, "migration begun");
        }
        Event::MigrationApplied { revision, name } => {
            tracing::info!(revision = revision.as_str(), name, "migration applied");
        }
        Event::MigrationFailed { revision, name } => {
            tracing::warn!(revision = revision.as_str(), name, "migration failed");
        }
        Event::Interrupted { why } => tracing::warn!(?why, "interrupted"),
        Event::Finished {
            exit,
            duration,
            killed,
        } => tracing::debug!(?exit, ?duration, killed, "finished"),
    }
}

/// Turns the bytes of one stream into events.
pub(super) struct LineAnnouncer<'a> {
    announcer: &'a Announcer,
    stream: Stream,
    lines: Lines,
    allowance: Allowance,
    /// The line that has begun was already reported as a migration that has.
    announced: bool,
}

impl LineAnnouncer<'_> {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let now = Instant::now();
        let mut lines = std::mem::take(&mut self.lines);
        lines.push(chunk, |line| self.line(&line, now));
        if let Some(begun) = lines.begun() {
            self.migration(&begun, false);
        }
        self.lines = lines;
    }

    /// The stream has ended: what is left is a line too.
    pub(super) fn finish(mut self) {
        let lines = std::mem::take(&mut self.lines);
        if let Some(last) = lines.begun() {
            self.line(&last, Instant::now());
        }
        self.skipped(self.allowance.skipped);
    }

    fn line(&mut self, line: &Line<'_>, now: Instant) {
        match self.allowance.take(now) {
            Some(skipped) => {
                self.skipped(skipped);
                let text = line.shown(&*self.announcer.redact);
                let stream = self.stream;
                self.announcer.tell(&Event::Line { stream, text });
            }
            None => self.allowance.skipped += 1,
        }
        self.migration(line, true);
        self.announced = false;
    }

    fn migration(&mut self, line: &Line<'_>, complete: bool) {
        if self.stream != Stream::Stdout || !line.starts_with(progress::PREFIX) {
            return;
        }
        let text = (self.announcer.redact)(&line.text());
        let Some((migration, stage)) = progress::read(&text) else {
            return;
        };
        if !self.announced {
            self.announced = true;
            self.announcer
                .tell(&migration.event(progress::Stage::Begun));
        }
        if complete && stage != progress::Stage::Begun {
            self.announcer.tell(&migration.event(stage));
        }
    }

    fn skipped(&self, count: u64) {
        if count > 0 {
            let stream = self.stream;
            self.announcer.tell(&Event::LinesSkipped { stream, count });
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

    /// Takes one line; gives how many were skipped before it, or nothing when it has to be.
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
mod tests {
    use std::sync::Mutex;

    use fraisier_adapter_api::Revision;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<Event>>);

    impl Observer for Seen {
        fn event(&self, _: &Call, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    fn told(chunks: &[&str]) -> Vec<Event> {
        let seen = Arc::new(Seen::default());
        let redact: Redact = Arc::new(|text| text.replace("pw", "***"));
        let announcer = Announcer::new(Call::new(1, "up"), redact, Some(seen.clone()));
        let mut stream = announcer.stream(Stream::Stdout).unwrap();
        for chunk in chunks {
            stream.push(chunk.as_bytes());
        }
        stream.finish();
        seen.0.lock().unwrap().clone()
    }

    fn line(text: &str) -> Event {
        Event::Line {
            stream: Stream::Stdout,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_migration_is_reported_when_it_begins_and_when_it_ends() {
        let (revision, name) = (Revision("001".to_owned()), "a".to_owned());
        let begun = Event::MigrationBegun {
            revision: revision.clone(),
            name: name.clone(),
        };
        let applied = Event::MigrationApplied { revision, name };
        let whole = line("⚡ Applying 001_a... ✅");
        assert_eq!(told(&["⚡ Applying 001_a... "]).first(), Some(&begun));
        assert_eq!(
            told(&["⚡ Applying 001_a... ", "✅\n"]),
            [begun.clone(), whole.clone(), applied.clone()]
        );
        assert_eq!(
            told(&["⚡ Applying 001_a... ✅\n"]),
            [whole, begun, applied]
        );
    }

    #[test]
    fn lines_are_redacted_and_the_last_needs_no_end() {
        assert_eq!(told(&["a pw\n", "b"]), [line("a ***"), line("b")]);
    }

    #[test]
    fn a_flood_is_counted_and_not_delivered() {
        let flood = "x\n".repeat(LINES_PER_SECOND as usize + 50);
        let events = told(&[&flood]);
        assert_eq!(events.len(), LINES_PER_SECOND as usize + 1);
        let skipped = Event::LinesSkipped {
            stream: Stream::Stdout,
            count: 50,
        };
        assert_eq!(events.last(), Some(&skipped));
    }
}
