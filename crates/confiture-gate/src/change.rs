//! What can change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rules::rule;

/// One thing that changed. The same change has an equal value in every case, which is how findings are
/// grouped by cause. Of two changes in one broken case, the one that is declared first is the likelier
/// cause.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// The adapter's output contains a secret.
    Secret,
    /// confiture does not start.
    DoesNotStart {
        /// Its last words.
        why: String,
    },
    /// A call ends with an exception that nothing caught.
    Crash {
        /// The exception.
        exception: String,
    },
    /// An option, argument or command that the adapter passes is refused.
    Refused {
        /// What is refused, such as `--no-config`.
        what: String,
    },
    /// An option that the adapter passes has no effect any more.
    Ignored {
        /// Which one.
        what: String,
    },
    /// A call did not end within its limit.
    Hangs,
    /// A call was ended by a signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// The report has another name than the requested one.
    ReportElsewhere,
    /// There is no report, where there was one before.
    NoReport,
    /// The report is not JSON.
    BrokenReport,
    /// A field of the report occurs twice.
    FieldDoubled {
        /// Its path.
        field: String,
    },
    /// A field of the report has another name.
    FieldRenamed {
        /// Its path.
        field: String,
        /// Its name now.
        to: String,
    },
    /// A field of the report is gone.
    FieldGone {
        /// Its path, with `[]` for every element of a list.
        field: String,
    },
    /// A field of the report has another JSON type.
    FieldRetyped {
        /// Its path.
        field: String,
        /// The type it had.
        from: String,
        /// The type it has.
        to: String,
    },
    /// The symbolic code of a failure.
    Code {
        /// The code it had; none when the call did not fail with one.
        from: Option<String>,
        /// The code it has.
        to: Option<String>,
    },
    /// The code of a finding of preflight is gone.
    IssueGone {
        /// The code.
        code: String,
    },
    /// A list of the report has other elements.
    FieldElements {
        /// Its path.
        field: String,
    },
    /// A field of the report has another value.
    FieldValue {
        /// Its path.
        field: String,
    },
    /// The exit status.
    Exit {
        /// The status it had.
        from: i32,
        /// The status it has.
        to: i32,
    },
    /// What `--version` prints has another shape.
    VersionText,
    /// A help page no longer offers an option.
    OptionGone {
        /// The line of the help page.
        option: String,
    },
    /// A migration runs with other settings of its session.
    SessionSetting {
        /// The setting.
        name: String,
    },
    /// A step before the case cannot be done with this confiture.
    Preparation {
        /// The step.
        step: String,
    },
    /// The gate cannot observe the result of the case.
    Unobservable,
    /// The database ends in another state.
    Database {
        /// `revision`, `tables`, `advisory locks`.
        what: String,
    },
    /// There is a report, where there was none before.
    NewReport,
    /// The adapter passes other arguments.
    Command,
    /// The adapter reports something as safe or done that is not.
    FalseSafe {
        /// What it says.
        what: String,
    },
    /// What `describe` would advertise is not delivered.
    Promise {
        /// The capability.
        capability: String,
    },
    /// The adapter's answer, if nothing else explains its change.
    #[serde(rename = "verdict")]
    Answer {
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// A fact of the catalogue does not hold.
    Expectation {
        /// The fact.
        fact: String,
    },
    /// The elements of a list come in another order.
    FieldOrder {
        /// Its path.
        field: String,
    },
    /// The code of a finding of preflight is new.
    IssueNew {
        /// The code.
        code: String,
    },
    /// A field of the report is new.
    FieldNew {
        /// Its path.
        field: String,
    },
    /// A file remains in the project.
    File {
        /// The path in the project.
        path: String,
    },
    /// A help page offers a new option.
    OptionNew {
        /// The line of the help page.
        option: String,
    },
    /// The wording of a stream.
    Wording {
        /// `stdout` or `stderr`.
        stream: String,
    },
}

impl Change {
    /// The kind and the fields, by name.
    fn fields(&self) -> BTreeMap<String, String> {
        let value = serde_json::to_value(self).expect("a change has a JSON form");
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => "none".to_owned(),
            other => other.to_string(),
        };
        let fields = value.as_object().into_iter().flatten();
        fields
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// The name that `--accept` knows it by.
    pub fn id(&self) -> String {
        let mut fields = self.fields();
        fields.remove("kind");
        let values = fields.into_values();
        values.fold(self.rule(), |id, value| format!("{id}:{value}"))
    }

    /// The rule, which is the heading of `docs/gate.md` that explains it.
    pub fn rule(&self) -> String {
        self.fields()["kind"].replace('_', "-")
    }

    /// Whether it is a change of confiture, which can explain a change of the adapter's answer.
    pub fn explains(&self) -> bool {
        *self < Self::Command && *self != Self::Secret
    }

    /// What to change in confiture.
    pub fn advice(&self) -> &'static str {
        &rule(&self.rule()).advice
    }

    /// The path of the field, when it is about a field.
    pub fn field(&self) -> Option<String> {
        self.fields().remove("field")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static PLACE: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\{(\w+)\}").expect("the pattern is part of this file"));
        let fields = self.fields();
        let words = &rule(&self.rule()).words;
        let words = PLACE.replace_all(words, |place: &Captures<'_>| &fields[&place[1]]);
        match self {
            Self::Code { .. } => f.write_str(&words.replace("`none`", "no code")),
            _ => f.write_str(&words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_contains_kind_and_place() {
        let gone = Change::FieldGone {
            field: "window_safe".to_owned(),
        };
        assert_eq!(gone.id(), "field-gone:window_safe");
        let exit = Change::Exit { from: 6, to: 1 };
        assert_eq!(exit.id(), "exit:6:1");
        let code = Change::Code {
            from: None,
            to: Some("LOCK_1300".to_owned()),
        };
        assert_eq!(code.id(), "code:none:LOCK_1300");
    }
}
