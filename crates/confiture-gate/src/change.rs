//! What can change, how it is worded, and what to change in confiture.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// The name that `--accept` knows it by.
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

    /// The rule, which is the heading of `docs/gate.md` that explains it.
    pub fn rule(&self) -> String {
        let id = self.id();
        id.split(':').next().unwrap_or_default().to_owned()
    }

    /// Whether it is a change of confiture, which can explain a change of the adapter's answer.
    pub fn explains(&self) -> bool {
        *self < Self::Command && *self != Self::Secret
    }

    /// What to change in confiture.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::DoesNotStart { .. } | Self::Crash { .. } => {
                "catch the exception, or fix what raises it"
            }
            Self::Refused { .. } | Self::OptionGone { .. } => {
                "accept the option as before: every deploy passes it"
            }
            Self::Ignored { .. } => "restore the effect of the option",
            Self::Hangs => "end the call, or report why it waits",
            Self::Signal { .. } => {
                "find what ends the process; its standard error is in the report"
            }
            Self::NoReport | Self::BrokenReport | Self::ReportElsewhere => {
                "write one complete JSON document to the path that --output names"
            }
            Self::FieldGone { .. }
            | Self::FieldRenamed { .. }
            | Self::FieldRetyped { .. }
            | Self::FieldDoubled { .. } => {
                "write the field as before; a new field beside it is no break"
            }
            Self::FieldValue { .. } | Self::FieldElements { .. } | Self::FieldOrder { .. } => {
                "correct the report: compare it with the migrations and the database of this case"
            }
            Self::IssueGone { .. } => "report the finding under this code again",
            Self::Code { .. } => "keep the code, which the adapter reads; add a new one beside it",
            Self::Exit { .. } => "keep the status that --exit-codes-json documents",
            Self::VersionText => "print `confiture version X.Y.Z` on a line of its own",
            Self::SessionSetting { .. } => {
                "do not change the setting, or restore it before a migration runs"
            }
            Self::Database { .. } => "compare the database with what the report says was done",
            Self::Preparation { .. } | Self::Unobservable => {
                "correct that step first; the cases that need it could not run"
            }
            Self::Secret => "do not release it: tell the maintainers of the adapter",
            Self::FalseSafe { .. } => {
                "do not release it: report what the database and the baseline say"
            }
            Self::Promise { .. } => "deliver the capability again on this case",
            _ => "compare the recording with what confiture does now",
        }
    }

    /// The last part of the field's path, when it is about a field.
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
            Self::DoesNotStart { why } => write!(f, "confiture does not start: {why}"),
            Self::Crash { exception } => write!(f, "confiture ends with {exception}"),
            Self::SessionSetting { name } => {
                write!(f, "a migration runs with another `{name}`")
            }
            Self::Unobservable => f.write_str("the gate cannot observe the result of the case"),
            Self::Database { what } => write!(f, "the database ends with other {what}"),
            Self::File { path } => write!(f, "a file remains in the project: {path}"),
            Self::Command => f.write_str("the adapter passes other arguments"),
            Self::Answer { from, to } => write!(f, "the adapter's answer is {to}, was {from}"),
            Self::FalseSafe { what } => f.write_str(what),
            Self::Expectation { fact } => write!(f, "not as the catalogue expects: {fact}"),
            Self::Promise { capability } => write!(f, "`{capability}` is not delivered"),
            Self::Secret => f.write_str("the output contains a secret"),
            Self::Preparation { step } => write!(f, "{step} fails before the case begins"),
            Self::Wording { stream } => write!(f, "other wording on {stream}"),
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
