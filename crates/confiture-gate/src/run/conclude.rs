//! The judgement that follows from all cases of a candidate.

use std::collections::BTreeMap;

use contract_catalogue::case::Case;
use contract_lab::confiture::Provided;
use fraisier_adapter_confiture::{ConfitureVersion, capability};

use super::case::Ran;
use super::terms::Terms;
use crate::answer::AdapterAnswer;
use crate::causes::causes;
use crate::change::Change;
use crate::delivery::{Shown, delivery};
use crate::result::{Capability, CaseResult, Class, Finding, Judgement};

/// A judgement without cases.
pub(crate) fn judgement(provided: &Provided, terms: Terms) -> Judgement {
    Judgement {
        version: provided.installed.version.clone(),
        given: provided.given.clone(),
        sha256: provided.sha256.clone(),
        python: provided.installed.python.clone(),
        judged_as: terms.judged_as.to_string(),
        against: terms.against.to_string(),
        pending: terms.pending,
        refused_in_production: terms.unfinished,
        ..Judgement::unknown(&provided.named)
    }
}

/// Combines the results of the cases: capabilities, causes, the verdict.
pub(crate) fn conclude(
    judged: &mut Judgement,
    applying: &[&Case],
    mut ran: BTreeMap<&'static str, Ran>,
    given: &str,
) {
    let shown = ran
        .iter()
        .filter_map(|(name, ran)| Some((*name, ran.shown.clone()?)));
    let shown: BTreeMap<&str, Shown> = shown.collect();
    let broke = ran
        .iter()
        .filter(|(_, ran)| ran.result.class >= Some(Class::Breaks) && ran.shown.is_none())
        .map(|(name, _)| *name)
        .collect();
    let advertised = advertised(&shown, &judged.judged_as);
    let (capabilities, broken) = delivery(&advertised, &shown, &broke);
    for proof in broken {
        let Some(ran) = ran.get_mut(proof.case.as_str()) else {
            continue;
        };
        // A case that breaks has a cause already.
        if ran.result.class >= Some(Class::Breaks) {
            continue;
        }
        let capability = proof.capability.clone();
        let meaning = format!("relies on `{capability}`, which is advertised");
        let finding = Finding::breaks(Change::Promise { capability })
            .with(&proof.shows, "it does not")
            .meaning(meaning);
        ran.result.add(vec![finding]);
    }
    judged.capabilities = capabilities;
    for (name, ran) in &ran {
        let operation = name.split('/').next().unwrap_or_default();
        if ran.result.class == Some(Class::FalseSafe) {
            withdraw(&mut judged.capabilities, operation, name);
        }
    }
    judged.cases = applying
        .iter()
        .map(|case| match ran.remove(case.name) {
            Some(ran) => ran.result,
            None => CaseResult::not_judged(case.name, case.about, "it was not run"),
        })
        .collect();
    judged.causes = causes(&judged.cases, given);
    judged.settle();
}

/// If an operation is a false safe in one case, none of its capabilities counts as delivered.
fn withdraw(capabilities: &mut [Capability], operation: &str, case: &str) {
    for capability in capabilities {
        if capability.evidence.starts_with(&format!("{operation}/")) {
            capability.delivered = Some(false);
            capability.evidence = format!("{}; false safe in {case}", capability.evidence);
        }
    }
}

/// The capabilities that `describe` advertises; if it was not called, those of the minimum versions.
fn advertised(shown: &BTreeMap<&str, Shown>, judged_as: &str) -> Vec<String> {
    let described = shown
        .get("surface/version")
        .and_then(|shown| match &shown.answer {
            AdapterAnswer::Result(value) => value.get("capabilities").cloned(),
            AdapterAnswer::Failed { .. } => None,
        });
    described
        .and_then(|list| serde_json::from_value(list).ok())
        .unwrap_or_else(|| capability::advertised(&ConfitureVersion::parse(judged_as)))
}
