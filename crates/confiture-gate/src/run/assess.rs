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
use super::case::Ran;
use super::effects::ignored;
use super::observe::Observed;
use super::record::recording;
use super::settings::Setup;
use crate::answer::{AdapterAnswer, GOES_ON, changed_answers};
use crate::change::Change;
use crate::delivery::Shown;
use crate::drift::{drift, in_order};
use crate::judge::{Symptom, attribute, database, violation};
use crate::result::{CaseResult, Finding};
use crate::text::{bounded, without_secret};

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
    let call = &case.definition.call;
    let known = evidence.baseline.cases.get(case.name);
    let (recorded, answer_before) = known.context("the baseline has no such case")?;
    let after = evidence.after.as_ref();
    let mut others = evidence.symptoms;
    let answer_now = match (&evidence.outcome, evidence.refused) {
        (Some(outcome), _) => {
            others.extend(checked(judged_as, case, outcome, evidence.called, after));
            if no_secret(outcome, &site.endpoint.password).is_err() {
                let leak = Finding::breaks(Change::Secret)
                    .with(
                        "the adapter's output has no password",
                        "it contains the password",
                    )
                    .meaning("prints the password of the database");
                others.push(leak.into());
            }
            AdapterAnswer::new(outcome, evidence.called)
        }
        (None, Some(refused)) => refused,
        (None, None) => documented(call, &recording),
    };
    let answer_now = normalised(&answer_now, site, judged_as);
    // A call that did not end has no output to compare.
    let hangs = |finding: &Finding| finding.change == Change::Hangs;
    let mut findings = if evidence.findings.iter().any(hangs) {
        Vec::new()
    } else {
        drift(recorded, &recording)
    };
    findings.extend(evidence.findings);
    findings.extend(ignored(case, &recording));

    let is_result = matches!(answer_now, AdapterAnswer::Result(_));
    let reports_success = is_result && matches!(call, Call::Up(_) | Call::DownTo(_));
    let (before, now) = (recorded.after.as_ref(), recording.after.as_ref());
    let ordered = in_recorded_order(recorded, &recording);
    let mut symptoms = changed_answers(call, answer_before, &answer_now);
    symptoms.extend(database(before, now, reports_success));
    let broken = violations(&case.expectations, judged_as, &ordered);
    symptoms.extend(broken.iter().map(violation));
    symptoms.extend(others);

    let findings = attribute(findings, &symptoms);
    let result = CaseResult {
        answer_before: Some(answer_before.words(call)),
        answer_now: Some(answer_now.words(call)),
        recorded: Some(recorded.to_file()),
        seen: Some(without_secret(&recording.to_file(), site)),
        ..CaseResult::judged(case.name, case.about, findings)
    };
    let first = recording.calls.first();
    let shown = Shown {
        answer: answer_now,
        argv: first.map(|call| call.argv.clone()).unwrap_or_default(),
        revision: after.and_then(|state| state.revision.clone()),
    };
    Ok(Ran {
        result,
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

/// The adapter's reading of what a binary prints about itself.
fn documented(call: &Call, recording: &Recording) -> AdapterAnswer {
    match surface::read(call, &recording.calls[0]) {
        Ok(value) => AdapterAnswer::Result(value),
        Err(error) => AdapterAnswer::Failed {
            refused: false,
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
        let finding = if outcome.is_ok() {
            // If a result does not meet the expectation, an error was expected.
            let what = "the adapter reports success where the catalogue expects an error";
            Finding::false_safe(what).meaning(GOES_ON)
        } else {
            let fact = "the adapter's answer".to_owned();
            Finding::breaks(Change::Expectation { fact })
        };
        let now = bounded(&format!("{error:#}"));
        symptoms.push(finding.with("as the catalogue expects", now).into());
    }
    if let Ok(result) = outcome
        && let Err(error) = names_the_revision(&case.definition.call, result, after)
    {
        let finding = Finding::false_safe("the adapter names another revision than the ledger")
            .with("adapter and ledger agree", bounded(&format!("{error:#}")))
            .meaning("a deploy would have gone on from a revision that the database is not at");
        symptoms.push(finding.into());
    }
    symptoms
}
