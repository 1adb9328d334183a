//! The words for what is other, and what to do about it.

use std::fmt;

use super::Change;

impl Change {
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
            Self::OutlivesKill => "pass PGOPTIONS on to every connection of a call",
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
            Self::OutlivesKill => f.write_str("the session of a killed call stays on the server"),
            Self::Database { what } => write!(f, "the database is left with other {what}"),
            Self::File { path } => write!(f, "a file is left behind: {path}"),
            Self::Command => f.write_str("the adapter calls confiture otherwise"),
            Self::Answer { from, to } => write!(f, "the adapter's answer is {to}, was {from}"),
            Self::FalseSafe { what } => write!(f, "false safe: {what}"),
            Self::Expectation { fact } => write!(f, "not as the catalogue expects: {fact}"),
            Self::Promise { capability } => write!(f, "`{capability}` is not delivered"),
            Self::Secret => f.write_str("a secret leaves the adapter"),
            Self::Preparation { step } => write!(f, "{step} fails before the case begins"),
            Self::Wording { stream } => write!(f, "other wording on {stream}"),
        }
    }
}
