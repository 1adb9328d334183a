//! What can be other than it was.

mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is other than it was. Two cases in which the same thing changed have equal
/// values, whatever the case: that is what causes are grouped by.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
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
    /// No report where there was one.
    NoReport,
    /// A report where there was none.
    NewReport,
    /// What is in the report's place is not JSON.
    BrokenReport,
    /// The report stands under another name than the one asked for.
    ReportElsewhere,
    /// A field of the report is gone.
    FieldGone {
        /// Its path, with `[]` for every element of a list.
        field: String,
    },
    /// A field of the report has another name.
    FieldRenamed {
        /// Its path.
        field: String,
        /// Its name now.
        to: String,
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
    /// A field of the report is there twice.
    FieldDoubled {
        /// Its path.
        field: String,
    },
    /// A field of the report has another value.
    FieldValue {
        /// Its path.
        field: String,
    },
    /// A list of the report has other elements.
    FieldElements {
        /// Its path.
        field: String,
    },
    /// A field of the report is new.
    FieldNew {
        /// Its path.
        field: String,
    },
    /// The elements of a list come in another order.
    FieldOrder {
        /// Its path.
        field: String,
    },
    /// The code of a finding of preflight is gone.
    IssueGone {
        /// The code.
        code: String,
    },
    /// The code of a finding of preflight is new.
    IssueNew {
        /// The code.
        code: String,
    },
    /// The symbolic code of a failure.
    Code {
        /// The code it had; none when the call did not fail with one.
        from: Option<String>,
        /// The code it has.
        to: Option<String>,
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
    /// A help page offers an option no more.
    OptionGone {
        /// The line of the help page.
        option: String,
    },
    /// A help page offers a new option.
    OptionNew {
        /// The line of the help page.
        option: String,
    },
    /// The session of a killed call stays on the server.
    OutlivesKill,
    /// The database is left in another state.
    Database {
        /// `revision`, `tables`, `advisory locks`.
        what: String,
    },
    /// Files are left that were not left before.
    File {
        /// The path in the project.
        path: String,
    },
    /// The adapter calls confiture otherwise.
    Command,
    /// The adapter's answer, with nothing else that would explain it.
    #[serde(rename = "verdict")]
    Answer {
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// The adapter says that something is safe or done which is not.
    FalseSafe {
        /// What it says.
        what: String,
    },
    /// Something that the catalogue expects is not so.
    Expectation {
        /// The fact.
        fact: String,
    },
    /// What `describe` would advertise is not delivered.
    Promise {
        /// The capability.
        capability: String,
    },
    /// A secret leaves the adapter.
    Secret,
    /// A step before the case cannot be done with this confiture.
    Preparation {
        /// The step.
        step: String,
    },
    /// The wording of a stream.
    Wording {
        /// `stdout` or `stderr`.
        stream: String,
    },
}

impl Change {
    /// The name that `--accept` knows it by.
    #[must_use]
    pub fn id(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let object = value.as_object().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => "none".to_owned(),
            other => other.to_string(),
        };
        let kind = object.get("kind").map(&text).unwrap_or_default();
        let rest = object.iter().filter(|(name, _)| *name != "kind");
        rest.fold(kind.replace('_', "-"), |id, (_, value)| {
            format!("{id}:{}", text(value))
        })
    }

    /// How much it explains: of two changes in one broken case, the lower is the likelier cause.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::Secret => 0,
            Self::Refused { .. } => 1,
            Self::Ignored { .. } => 2,
            Self::Hangs => 3,
            Self::Signal { .. } => 4,
            Self::ReportElsewhere => 5,
            Self::NoReport => 6,
            Self::BrokenReport => 7,
            Self::FieldDoubled { .. } => 8,
            Self::FieldRenamed { .. } => 9,
            Self::FieldGone { .. } => 10,
            Self::FieldRetyped { .. } => 11,
            Self::Code { .. } => 12,
            Self::IssueGone { .. } => 13,
            Self::FieldElements { .. } => 14,
            Self::FieldValue { .. } => 15,
            Self::Exit { .. } => 16,
            Self::VersionText => 17,
            Self::OptionGone { .. } => 18,
            Self::OutlivesKill => 19,
            Self::Preparation { .. } => 20,
            Self::Database { .. } => 21,
            Self::NewReport => 22,
            Self::Command => 23,
            Self::FalseSafe { .. } => 24,
            Self::Promise { .. } => 25,
            Self::Answer { .. } => 26,
            Self::Expectation { .. } => 27,
            Self::FieldOrder { .. } => 28,
            Self::IssueNew { .. } => 29,
            Self::FieldNew { .. } => 30,
            Self::File { .. } => 31,
            Self::OptionNew { .. } => 32,
            Self::Wording { .. } => 33,
        }
    }

    /// Whether it is what confiture did, and so can explain what the adapter makes of it.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.rank() < Self::Command.rank() && *self != Self::Secret
    }

    /// The last part of the field's path, when it is about a field.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::FieldGone { field }
            | Self::FieldRenamed { field, .. }
            | Self::FieldRetyped { field, .. }
            | Self::FieldDoubled { field }
            | Self::FieldValue { field }
            | Self::FieldElements { field }
            | Self::FieldNew { field }
            | Self::FieldOrder { field } => Some(field),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_kind_and_place() {
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
