//! What can be changed, and the words for it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is changed. Places in a report are paths such as `change_set.changes[].tier`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// The field is left out.
    Drop(String),
    /// The field gets another name.
    Rename(String, String),
    /// The field's value gets another JSON type.
    Retype(String),
    /// The field is there twice, the second time with this value.
    Double(String, Value),
    /// The field has this value.
    Set(String, Value),
    /// An object gets one more field.
    Add(String, String, Value),
    /// The list gets one more element.
    Push(String, Value),
    /// The list's elements come in the other order.
    Reverse(String),
    /// The fields of every object come in the other order.
    ReverseKeys,
    /// The report is written without white space.
    Compact,
    /// The exit status.
    Exit(i32, i32),
    /// The symbolic code.
    Code(String, String),
    /// A usage error for an option or argument.
    Refuse(String),
    /// The option is taken away before confiture sees it; with its value, if it has one beside it.
    Ignore(String),
    /// No report is written.
    NoReport,
    /// Half of a report is written.
    HalfReport,
    /// An empty file is written.
    EmptyReport,
    /// The report is written beside the place asked for.
    ReportElsewhere,
    /// This report is written, whatever was done.
    Report(Value, i32),
    /// Nothing is done, and this report written.
    Skip(Value, i32),
    /// A text of a stream is replaced by another.
    Replace(String, String),
    /// Standard output is preceded by a line.
    Prepend(String),
    /// Standard error gets a line.
    Warn(String),
    /// The call never ends.
    Hang,
    /// The call is ended by this signal.
    Crash(i32),
    /// A file is left in the working directory.
    Leave(String),
    /// Its sessions get no start options, so that the server does not check for its client.
    NoStartOptions,
}

impl Act {
    /// The change in words.
    pub fn words(&self) -> String {
        match self {
            Self::Drop(path) => format!("`{path}` is left out"),
            Self::Rename(path, to) => format!("`{path}` is named `{to}`"),
            Self::Retype(path) => format!("`{path}` has another type"),
            Self::Double(path, _) => format!("`{path}` is there twice"),
            Self::Set(path, value) => format!("`{path}` is {value}"),
            Self::Add(path, key, _) if path.is_empty() => format!("new field `{key}`"),
            Self::Add(path, key, _) => format!("new field `{key}` in `{path}`"),
            Self::Push(path, _) => format!("one more element in `{path}`"),
            Self::Reverse(path) => format!("`{path}` in the other order"),
            Self::ReverseKeys => "the fields in the other order".to_owned(),
            Self::Compact => "reports without white space".to_owned(),
            Self::Exit(from, to) => format!("exit status {to} instead of {from}"),
            Self::Code(from, to) => format!("code {to} instead of {from}"),
            Self::Refuse(option) => format!("{option} is refused"),
            Self::Ignore(option) => format!("{option} is ignored"),
            Self::NoReport => "no report".to_owned(),
            Self::HalfReport => "half a report".to_owned(),
            Self::EmptyReport => "an empty report".to_owned(),
            Self::ReportElsewhere => "the report is elsewhere".to_owned(),
            Self::Report(_, exit) => format!("does it, and says it did not (exit {exit})"),
            Self::Skip(..) => "does not do it, and says it did".to_owned(),
            Self::Replace(from, to) => format!("{from:?} becomes {to:?}"),
            Self::Prepend(_) => "another line on standard output".to_owned(),
            Self::Warn(_) => "a warning on standard error".to_owned(),
            Self::Hang => "does not end".to_owned(),
            Self::Crash(signal) => format!("is ended by signal {signal}"),
            Self::Leave(file) => format!("leaves {file} behind"),
            Self::NoStartOptions => "connects without PGOPTIONS".to_owned(),
        }
    }
}
