//! What can be other than it was, and the words for it.

use std::fmt;

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
    /// An interrupt does not end the call.
    IgnoresInterrupt,
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
    /// The adapter's verdict, with nothing else that would explain it.
    Verdict {
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
            Self::IgnoresInterrupt => 19,
            Self::Preparation { .. } => 20,
            Self::Database { .. } => 21,
            Self::NewReport => 22,
            Self::Command => 23,
            Self::FalseSafe { .. } => 24,
            Self::Promise { .. } => 25,
            Self::Verdict { .. } => 26,
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

    /// What to do about it when it breaks something.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { .. } | Self::OptionGone { .. } => {
                "keep the option, or raise the floor and stop passing it (release/capability)"
            }
            Self::Ignored { .. } => "give the option its effect back",
            Self::Hangs => "end the call, or say why it waits",
            Self::Signal { .. } => {
                "find what ends the process; its standard error is in the report"
            }
            Self::NoReport | Self::BrokenReport | Self::ReportElsewhere => {
                "write one complete JSON document where --output says"
            }
            Self::NewReport => "teach the adapter the new report, or write none",
            Self::FieldGone { .. }
            | Self::FieldRenamed { .. }
            | Self::FieldRetyped { .. }
            | Self::FieldDoubled { .. } => "keep the field as it was, or raise the floor (FLOORS)",
            Self::FieldValue { .. } | Self::FieldElements { .. } | Self::FieldOrder { .. } => {
                "compare report and database of the case; one of them is wrong"
            }
            Self::IssueGone { .. } => "keep the code: gates outside of fraisier name it",
            Self::Code { .. } => "keep the code, or teach the adapter the new one (failure kinds)",
            Self::Exit { .. } => "keep the status: it is documented by --exit-codes-json",
            Self::VersionText => "print `confiture version X.Y.Z` on a line of its own",
            Self::IgnoresInterrupt => "let SIGINT end the call within its grace period",
            Self::Database { .. } => "compare the database with what the report says was done",
            Self::Preparation { .. } => "mend that step first; the cases behind it could not run",
            Self::Secret => "do not release it: the adapter lets a secret through",
            Self::FalseSafe { .. } => "do not release it: fraisier would deploy on a wrong word",
            Self::Promise { .. } => "deliver it, or raise the capability's floor (FLOORS)",
            _ => "compare the recording with what it does now",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |code: &Option<String>| match code {
            Some(code) => format!("`{code}`"),
            None => "no code".to_owned(),
        };
        match self {
            Self::Refused { what } => write!(f, "`{what}` is refused"),
            Self::Ignored { what } => write!(f, "`{what}` is accepted and has no effect"),
            Self::Hangs => f.write_str("a call does not end"),
            Self::Signal { signal } => write!(f, "a call is ended by signal {signal}"),
            Self::NoReport => f.write_str("no report is written"),
            Self::NewReport => f.write_str("a report is written where there was none"),
            Self::BrokenReport => f.write_str("the report is not JSON"),
            Self::ReportElsewhere => f.write_str("the report is not where --output says"),
            Self::FieldGone { field } => write!(f, "report field `{field}` is gone"),
            Self::FieldRenamed { field, to } => {
                write!(f, "report field `{field}` is named `{to}`")
            }
            Self::FieldRetyped { field, from, to } => {
                write!(f, "report field `{field}` was {from} and is {to}")
            }
            Self::FieldDoubled { field } => write!(f, "report field `{field}` is there twice"),
            Self::FieldValue { field } => write!(f, "report field `{field}` has another value"),
            Self::FieldElements { field } => {
                write!(f, "report list `{field}` has other elements")
            }
            Self::FieldNew { field } => write!(f, "new report field `{field}`"),
            Self::FieldOrder { field } => write!(f, "report list `{field}` is in another order"),
            Self::IssueGone { code } => write!(f, "preflight no longer reports `{code}`"),
            Self::IssueNew { code } => write!(f, "preflight reports the new code `{code}`"),
            Self::Code { from, to } => write!(
                f,
                "the error code is {} instead of {}",
                or_none(to),
                or_none(from)
            ),
            Self::Exit { from, to } => write!(f, "exit status {to} instead of {from}"),
            Self::VersionText => f.write_str("`--version` prints another text"),
            Self::OptionGone { option } => write!(f, "help: `{option}` is gone"),
            Self::OptionNew { option } => write!(f, "help: new `{option}`"),
            Self::IgnoresInterrupt => f.write_str("an interrupt does not end the call"),
            Self::Database { what } => write!(f, "the database is left with other {what}"),
            Self::File { path } => write!(f, "a file is left behind: {path}"),
            Self::Command => f.write_str("the adapter calls confiture otherwise"),
            Self::Verdict { from, to } => write!(f, "the adapter's verdict is {to}, was {from}"),
            Self::FalseSafe { what } => write!(f, "false safe: {what}"),
            Self::Expectation { fact } => write!(f, "not as the catalogue expects: {fact}"),
            Self::Promise { capability } => write!(f, "`{capability}` is not delivered"),
            Self::Secret => f.write_str("a secret leaves the adapter"),
            Self::Preparation { step } => write!(f, "{step} fails before the case begins"),
            Self::Wording { stream } => write!(f, "other wording on {stream}"),
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
