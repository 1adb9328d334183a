//! Turns what was observed in one case into findings.

use anyhow::Context as _;
use contract_catalogue::ask::Answer;
use contract_catalogue::call::Call;
use contract_catalogue::case::Case;
use contract_catalogue::expectation::violations;
use contract_catalogue::normalise::normalise;
use contract_catalogue::recording::{RecordedCall, Recording, State};
use contract_catalogue::release::Release;
use contract_catalogue::rules::{answers_as_expected, names_the_revision, no_secret};
use contract_catalogue::site::Site;
use contract_catalogue::surface;

use super::baseline::Baseline;
use super::effects::ignored;
use super::observe::Observed;
use super::ran::Ran;
use super::recording::recording;
use super::setup::Setup;
use super::text::{bounded, without_secret};
use crate::answer::{AdapterAnswer, GOES_ON};
use crate::change::Change;
use crate::delivery::Shown;
use crate::drift::in_order;
use crate::judge::{Evidence, Symptom, judge};
use crate::result::{CaseResult, Finding};

/// The evidence about one case, observed or recorded.
pub(crate) struct CaseEvidence<'a> {
    pub(crate) case: &'a Case,
    pub(crate) baseline: &'a Baseline,
    pub(crate) judged_as: Release,
    pub(crate) site: &'a Site,
    /// What confiture did.
    pub(crate) recording: Recording,
    /// The adapter's result; none for a call that it never makes.
    pub(crate) outcome: Option<Answer>,
    /// Whether the adapter made the call.
    pub(crate) called: bool,
    /// The adapter's refusal, which needs no call.
    pub(crate) refused: Option<AdapterAnswer>,
    /// The database after the adapter's call.
    pub(crate) after: Option<State>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) symptoms: Vec<Symptom>,
}

/// Judges what was observed.
pub(crate) fn assess(
    setup: &Setup<'_>,
    case: &Case,
    site: &Site,
    observed: Observed,
) -> anyhow::Result<Ran> {
    let recording = recording(case, site, &observed);
    let files = observed.seen.iter().flat_map(|call| call.files.iter());
    let mut findings = observed.findings;
    findings.extend(files.map(|path| Finding::differs(Change::File { path: path.clone() })));
    let elsewhere = observed
        .seen
        .iter()
        .find_map(|call| call.elsewhere.as_ref());
    findings.extend(elsewhere.map(|name| {
        Finding::differs(Change::ReportElsewhere).with("where --output says", name.clone())
    }));
    judge_evidence(CaseEvidence {
        case,
        baseline: setup.baseline,
        judged_as: setup.judged_as,
        site,
        recording,
        outcome: observed.outcome,
        called: observed.called,
        refused: None,
        after: observed.after,
        findings,
        symptoms: observed.symptoms,
    })
}

/// Judges the evidence about a case, from a run or from a recording.
pub(crate) fn judge_evidence(evidence: CaseEvidence<'_>) -> anyhow::Result<Ran> {
    let CaseEvidence {
        case,
        site,
        recording,
        judged_as,
        ..
    } = evidence;
    let known = evidence.baseline.cases.get(case.name);
    let (recorded, answer_before) = known.context("the baseline has no such case")?;
    let mut findings = evidence.findings;
    findings.extend(ignored(case, &recording));
    let mut symptoms = evidence.symptoms;
    let after = evidence.after.as_ref();
    let answer_now = match (&evidence.outcome, evidence.refused) {
        (Some(outcome), _) => {
            symptoms.extend(checked(judged_as, case, outcome, evidence.called, after));
            if no_secret(outcome, &site.endpoint.password).is_err() {
                symptoms.push(leaks());
            }
            AdapterAnswer::new(outcome, evidence.called)
        }
        (None, Some(refused)) => refused,
        (None, None) => documented(&case.definition.call, &recording),
    };
    let answer_now = normalised(&answer_now, site, judged_as);
    let first = recording.calls.first();
    let shown = Shown {
        answer: answer_now.clone(),
        argv: first.map(|call| call.argv.clone()).unwrap_or_default(),
        revision: after.and_then(|state| state.revision.clone()),
    };
    let ordered = in_recorded_order(recorded, &recording);
    let result = judge(Evidence {
        case,
        recorded,
        answer_before,
        seen: &recording,
        answer_now: &answer_now,
        violations: &violations(&case.expectations, judged_as, &ordered),
        observed: findings,
        symptoms,
    });
    Ok(Ran {
        result: CaseResult {
            recorded: Some(recorded.to_file()),
            seen: Some(without_secret(&recording.to_file(), site)),
            ..result
        },
        shown: Some(shown),
        retry: false,
    })
}

/// The recording `now` with the lists of its reports in the order of `before`, because an expectation
/// names an element by its position.
fn in_recorded_order(before: &Recording, now: &Recording) -> Recording {
    let mut ordered = now.clone();
    for (before, now) in before.calls.iter().zip(&mut ordered.calls) {
        if let (Some(before), Some(report)) = (before.report_value(), now.report_value()) {
            let report = in_order(&before, &report).to_string();
            now.report = RecordedCall::report_fields(Some(&report)).0;
        }
    }
    ordered
}

fn leaks() -> Symptom {
    Symptom {
        change: Change::Secret,
        field: None,
        before: "the adapter's output has no password".to_owned(),
        now: "it contains the password".to_owned(),
        consequence: Some("prints the password of the database".to_owned()),
    }
}

/// The adapter's reading of what a binary prints about itself.
fn documented(call: &Call, recording: &Recording) -> AdapterAnswer {
    match surface::read(call, &recording.calls[0]) {
        Ok(value) => AdapterAnswer::Result(value),
        Err(error) => AdapterAnswer::Error {
            kind: "internal_error".to_owned(),
            message: format!("{error:#}"),
        },
    }
}

/// The answer, with the placeholders of a snapshot.
fn normalised(answer: &AdapterAnswer, site: &Site, judged_as: Release) -> AdapterAnswer {
    let AdapterAnswer::Result(value) = answer else {
        return answer.clone();
    };
    let names = site.names().with(
        format!(r#""version": "{judged_as}""#),
        r#""version": "<version>""#,
    );
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let read = serde_json::from_str(&normalise(&text, &names));
    read.map_or_else(|_| answer.clone(), AdapterAnswer::Result)
}

/// Checks the answer against the catalogue and the database.
fn checked(
    judged_as: Release,
    case: &Case,
    outcome: &Answer,
    called: bool,
    after: Option<&State>,
) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    if let Err(error) = answers_as_expected(&case.expectations, judged_as, outcome, called) {
        let text = bounded(&format!("{error:#}"));
        // If a result does not meet the expectation, an error was expected.
        let (change, consequence) = if outcome.is_ok() {
            let what = "the adapter reports success where the catalogue expects an error";
            (
                Change::FalseSafe {
                    what: what.to_owned(),
                },
                Some(GOES_ON.to_owned()),
            )
        } else {
            let fact = "the adapter's answer".to_owned();
            (Change::Expectation { fact }, None)
        };
        symptoms.push(Symptom {
            change,
            field: None,
            before: "as the catalogue expects".to_owned(),
            now: text,
            consequence,
        });
    }
    if let Ok(result) = outcome
        && let Err(error) = names_the_revision(&case.definition.call, result, after)
    {
        symptoms.push(Symptom {
            change: Change::FalseSafe {
                what: "the adapter names another revision than the ledger".to_owned(),
            },
            field: None,
            before: "adapter and ledger agree".to_owned(),
            now: bounded(&format!("{error:#}")),
            consequence: Some(
                "a deploy would have gone on from a revision that the database is not at"
                    .to_owned(),
            ),
        });
    }
    symptoms
}
