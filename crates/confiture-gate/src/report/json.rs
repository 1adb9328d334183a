//! The report as JSON, for programs.

use crate::result::Report;

/// The text of the JSON report.
pub fn render(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report);
    text.expect("a report has a JSON form") + "\n"
}

/// The JSON schema of the report.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    let text = serde_json::to_string_pretty(&schema);
    text.expect("a schema has a JSON form") + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::*;
    use crate::tests as testing;

    #[test]
    fn the_committed_schema_matches_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.json");
        if env::var_os("UPDATE_SCHEMA").is_some() {
            fs::write(&path, schema()).unwrap();
        }
        let committed = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            committed,
            schema(),
            "run the test with UPDATE_SCHEMA=1 and review"
        );
    }

    #[test]
    fn a_report_survives_a_round_trip() {
        let mut report = testing::several();
        let text = render(&report);
        for judged in &mut report.candidates {
            judged.given.clear();
        }
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert!(text.starts_with("{\n  \"format_version\": 2,"));
    }
}
