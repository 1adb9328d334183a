//! The page of two candidates, of which one lost a field.

use confiture_gate::causes::causes;
use confiture_gate::change::Change;
use confiture_gate::report::html;
use confiture_gate::result::{Capability, CaseResult, Finding, Judgement, Provenance, Report};

const RECORDED: &str = "{\n  \"exit\": 0,\n  \"report\": {\n    \"ok\": true,\n    \
                        \"window_safe\": true,\n    \"issues\": []\n  }\n}\n";

/// The text of the page.
pub(crate) fn page() -> String {
    let gone = Finding::breaks(Change::FieldGone {
        field: "window_safe".to_owned(),
    });
    let gone = gone
        .with("\"window_safe\": true", "(absent)")
        .meaning("refuses every deploy as not window-safe");
    let now = RECORDED.replace("    \"window_safe\": true,\n", "");
    let drifted = judgement("1.30.0rc1", vec![gone], &now);
    let report = Report::new(
        vec![judgement("1.29.0", Vec::new(), RECORDED), drifted],
        false,
        Vec::new(),
        Provenance::default(),
    );
    html::render(&report)
}

fn judgement(version: &str, findings: Vec<Finding>, seen: &str) -> Judgement {
    let fresh = CaseResult::judged("current/fresh", "A database never touched.", Vec::new());
    let mut column = CaseResult::judged("preflight/add-column", "A column is added.", findings);
    column.recorded = Some(RECORDED.to_owned());
    column.seen = Some(seen.to_owned());
    let cases = vec![fresh, column];
    let mut judged = Judgement {
        version: version.to_owned(),
        judged_as: version.to_owned(),
        against: "1.29.0".to_owned(),
        causes: causes(&cases, version),
        catalogue: cases.len(),
        cases,
        capabilities: vec![Capability {
            name: "window_safe".to_owned(),
            advertised: true,
            delivered: Some(version == "1.29.0"),
            evidence: "preflight/add-column: a new column is window-safe".to_owned(),
        }],
        ..Judgement::unknown(version)
    };
    judged.settle();
    judged
}
