//! The injected changes, each with the cause that the gate has to name.

use serde::Deserialize;

use super::mutation::Act;

/// The file of all injections.
const INJECTIONS: &str = include_str!("injections.json");

/// One change, and how the gate has to report it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// Which calls are changed: `up`, `--version`, `--help`, or `*` for every call with a report.
    pub call: String,
    /// What is changed, in order.
    pub acts: Vec<Act>,
    /// How the id of the cause begins; none for a harmless change.
    pub cause: Option<String>,
    /// The cases to judge; if there are none, all that the change affects.
    #[serde(default)]
    pub only: Vec<String>,
}

impl Injection {
    /// The change, as `injections.json` has it.
    pub fn name(&self) -> String {
        let acts = serde_json::to_string(&self.acts).expect("an act has a JSON form");
        let cases = match self.only.as_slice() {
            [] => String::new(),
            only => format!(" ({})", only.join(", ")),
        };
        format!("{}: {acts}{cases}", self.call)
    }

    /// Whether it has to be reported as a false safe.
    pub fn is_false_safe(&self) -> bool {
        self.cause.as_deref() == Some("false-safe")
    }
}

/// Everything that is injected.
///
/// # Panics
/// If `injections.json` is not a list of injections.
pub fn injections() -> Vec<Injection> {
    serde_json::from_str(INJECTIONS).expect("injections.json is a list of injections")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn injections_are_unique_and_harmful_ones_name_a_cause() {
        let all = injections();
        let names: BTreeSet<String> = all.iter().map(Injection::name).collect();
        assert_eq!(names.len(), all.len());
        // The count shows if an injection is added by accident or lost.
        assert_eq!(all.len(), 323);
        for injection in &all {
            let name = injection.name();
            assert_ne!(injection.cause.as_deref(), Some(""), "{name}");
        }
    }
}
