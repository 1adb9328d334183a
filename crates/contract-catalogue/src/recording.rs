//! The format of a recording, and how it is written and read.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The indentation of a report in the file, in spaces. The report is embedded as it was written, with
/// each line indented.
const REPORT_INDENT: &str = "      ";

/// What one case did on one release.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The digest of the definition that the recording was made from.
    pub definition: String,
    /// The database before the first call; `null` when the case has none.
    pub before: Option<State>,
    /// The ledger before the first call, as the adapter reads it; `null` for a case that does not read
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Value>,
    /// The calls, in the order in which they were made. The case is about the first.
    pub calls: Vec<RecordedCall>,
    /// The database after the first call.
    pub after: Option<State>,
}

/// One call and its output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCall {
    /// What followed the program name.
    pub argv: Vec<String>,
    /// The variables that decide which database the call reaches; `null` for one that was not set.
    pub env: BTreeMap<String, Option<String>>,
    /// The contents of the directory of links, where the call got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<String>>,
    /// The exit status.
    pub exit: i32,
    /// The report exactly as it was written; `null` when none was, or when it is not JSON.
    pub report: Option<Box<RawValue>>,
    /// The report's text when it is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_not_json: Option<Text>,
    /// Standard output.
    pub stdout: Text,
    /// Standard error.
    pub stderr: Text,
}

impl RecordedCall {
    /// Whether a report was written, readable or not.
    pub fn has_report(&self) -> bool {
        self.report.is_some() || self.report_not_json.is_some()
    }

    /// The report as a JSON tree, when there is one.
    pub fn report_value(&self) -> Option<Value> {
        serde_json::from_str(self.report.as_ref()?.get()).ok()
    }

    /// The report as it was written, when there is one.
    pub fn report_text(&self) -> Option<String> {
        match (&self.report, &self.report_not_json) {
            (Some(json), _) => Some(json.get().replace(&format!("\n{REPORT_INDENT}"), "\n")),
            (None, text) => text.as_ref().map(Text::to_string),
        }
    }

    /// Splits a report's text into the two fields that store it.
    pub fn report_fields(text: Option<&str>) -> (Option<Box<RawValue>>, Option<Text>) {
        let Some(text) = text else {
            return (None, None);
        };
        // JSON strings contain no raw newline, so indenting every line changes white space only.
        let indented = text.trim_end().replace('\n', &format!("\n{REPORT_INDENT}"));
        match RawValue::from_string(indented) {
            Ok(json) => (Some(json), None),
            Err(_) => (None, Some(Text::from(text))),
        }
    }
}

/// Text that is stored line by line, so that a recording is easy to read and compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Vec<String>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self(text.split('\n').map(str::to_owned).collect())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// The contents of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The highest version in the ledger; `null` without a ledger or with an empty one.
    pub revision: Option<String>,
    /// Every table outside the system schemas, sorted.
    pub tables: Vec<String>,
    /// How many sessions held or awaited an advisory lock.
    pub advisory_locks: i64,
    /// How many sessions remained after the command ended, without those of the recorder.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sessions: i64,
    /// The columns of the ledger that the adapter reads, where they differ from those that it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_columns: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl State {
    /// The tables that are not confiture's own.
    pub fn user_tables(&self) -> Vec<String> {
        let own = |table: &&String| !table.contains("confiture");
        self.tables.iter().filter(own).cloned().collect()
    }
}

impl Recording {
    /// Reads a recording.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let recording: Self = serde_json::from_str(text)?;
        anyhow::ensure!(!recording.calls.is_empty(), "a recording without a call");
        Ok(recording)
    }

    /// The text of the file that holds this recording.
    pub fn to_file(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a recording has a JSON form") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(report: Option<&str>) -> Recording {
        let (report, report_not_json) = RecordedCall::report_fields(report);
        Recording {
            definition: "0".to_owned(),
            before: None,
            ledger: None,
            calls: vec![RecordedCall {
                argv: vec!["migrate".to_owned()],
                env: BTreeMap::new(),
                links: None,
                exit: 0,
                report,
                report_not_json,
                stdout: Text::from("one\ntwo\n"),
                stderr: Text::default(),
            }],
            after: None,
        }
    }

    #[test]
    fn a_recorded_report_is_returned_byte_for_byte() {
        let report = "{\n  \"b\": 1.50,\n  \"a\": [\n    \"x\\n\"\n  ],\n  \"b\": 2\n}";
        let file = recorded(Some(report)).to_file();
        let call = &Recording::parse(&file).unwrap().calls[0];
        assert_eq!(call.report_text().unwrap(), report);
        assert_eq!(call.stdout.to_string(), "one\ntwo\n");
        assert_eq!(Recording::parse(&file).unwrap().to_file(), file);
    }

    #[test]
    fn a_missing_report_differs_from_one_that_is_not_json() {
        assert!(!recorded(None).calls[0].has_report());
        let file = recorded(Some("half a {")).to_file();
        let call = &Recording::parse(&file).unwrap().calls[0];
        assert!(call.report_value().is_none());
        assert_eq!(call.report_text().unwrap(), "half a {");
    }

    #[test]
    fn an_unknown_field_or_a_missing_call_is_refused() {
        let file = recorded(None).to_file();
        assert!(Recording::parse(&file.replacen("\"exit\"", "\"exist\"", 1)).is_err());
        assert!(
            Recording::parse(r#"{"definition":"0","before":null,"calls":[],"after":null}"#)
                .is_err()
        );
    }
}
