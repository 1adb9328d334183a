//! What an observer and the trace get while a command runs.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use fraisier_adapter_api::Revision;
use fraisier_adapter_confiture::observe::{Call, Event, Observer, Stream};
use fraisier_adapter_confiture::tools::process::{Activity, Output};
use fraisier_adapter_confiture::tools::replay::emit_migrations;
use fraisier_adapter_confiture::tools::{Announcer, Redactor};
use tracing::field::{Field, Visit};
use tracing::span;

/// Everything that is observed of a command with this target that printed this output.
pub(crate) fn while_it_runs(redactor: &Arc<Redactor>, output: &Output, target: &str) -> Vec<u8> {
    let observed = Arc::new(Observed::default());
    tracing::subscriber::with_default(Trace(observed.clone()), || {
        let announcer = Announcer::new(
            Arc::new(Call::next("up", None)),
            redactor.clone(),
            Some(observed.clone()),
        );
        let target = Revision::new(target);
        let _span = announcer.span(Some(&target)).entered();
        let mut listener = announcer.listener();
        listener(Activity::Started(1));
        for (stream, printed) in [
            (Stream::Stdout, &output.stdout),
            (Stream::Stderr, &output.stderr),
        ] {
            listener(Activity::Printed(stream, &printed.head));
            listener(Activity::Printed(stream, &printed.tail));
        }
        listener(Activity::Finished(output));
        emit_migrations(output, &announcer);
    });
    let text = observed.0.lock().expect("nobody panics with it");
    assert!(text.contains("finished"), "the trace is observed: {text}");
    text.clone().into_bytes()
}

/// What was observed, with a zero byte after each text, because a line end may be part of a secret.
#[derive(Default)]
struct Observed(Mutex<String>);

impl Observed {
    fn add(&self, text: fmt::Arguments<'_>) {
        let mut observed = self.0.lock().expect("nobody panics with it");
        let _ = write!(observed, "{text}\0");
    }
}

impl Observer for Observed {
    fn event(&self, _: &Call, event: &Event) {
        match event {
            Event::Line { text, .. } => self.add(format_args!("{text}")),
            Event::MigrationApplied { revision, name }
            | Event::MigrationFailed { revision, name } => {
                self.add(format_args!("{revision}\0{name}"));
            }
            other => self.add(format_args!("{other:?}")),
        }
    }
}

/// Receives the trace with unescaped values. A layer that prints them escapes quotes, which would split a
/// secret.
struct Trace(Arc<Observed>);

impl tracing::Subscriber for Trace {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut Values(&self.0));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Values(&self.0));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Values(&self.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Values<'a>(&'a Observed);

impl Visit for Values<'_> {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.0.add(format_args!("{value}"));
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0.add(format_args!("{value:?}"));
    }
}
