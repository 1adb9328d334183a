//! What the adapter's observer hears, shown while a step runs.

use fraisier_adapter_confiture::observe::{Call, Event, Observer};

use contract_lab::ui::Live;

/// Passes the events that people care about on to the running step.
#[derive(Debug, Clone)]
pub struct Watch(pub Live);

impl Observer for Watch {
    fn event(&self, call: &Call, event: &Event) {
        if let Some(words) = words(event) {
            self.0.say(&format!("{}: {words}", call.operation));
        }
    }
}

fn words(event: &Event) -> Option<String> {
    match event {
        Event::MigrationApplied { revision, name } => Some(format!("{revision} {name} applied")),
        Event::MigrationFailed { revision, name } => Some(format!("{revision} {name} failed")),
        Event::Interrupted { .. } => Some("stopping confiture".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fraisier_adapter_api::Revision;

    #[test]
    fn migrations_are_told_and_chatter_is_not() {
        let applied = Event::MigrationApplied {
            revision: Revision::new("002"),
            name: "add_origin".to_owned(),
        };
        assert_eq!(words(&applied).unwrap(), "002 add_origin applied");
        assert_eq!(words(&Event::Started { pid: 1 }), None);
    }
}
