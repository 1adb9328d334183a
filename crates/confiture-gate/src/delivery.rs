//! Whether an advertised capability is delivered, judged by what a case shows, not by a version number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::AdapterAnswer;
use crate::result::Capability;

/// What one case shows about capabilities.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The adapter's answer.
    pub answer: AdapterAnswer,
    /// The arguments of the call.
    pub argv: Vec<String>,
    /// The revision of the database afterwards.
    pub revision: Option<String>,
}

/// The case that shows whether a capability is delivered, and everything that it has to show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The capability.
    pub capability: String,
    /// The case.
    pub case: String,
    /// What the case has to show, in words.
    pub shows: String,
    /// The revision of the database afterwards.
    revision: Option<String>,
    /// What the result contains, by JSON pointer.
    #[serde(default)]
    result: BTreeMap<String, Value>,
    /// The tiers of the changes.
    #[serde(default)]
    tiers: Vec<String>,
    /// An argument of the call.
    argument: Option<String>,
}

/// The proofs of all capabilities.
static PROOFS: LazyLock<Vec<Proof>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("proofs.json")).expect("proofs.json is a list of proofs")
});

impl Proof {
    fn holds(&self, shown: &Shown) -> bool {
        let AdapterAnswer::Result(result) = &shown.answer else {
            return false;
        };
        let changes = result.pointer("/change_set/changes");
        let changes = changes.and_then(Value::as_array).map(Vec::as_slice);
        let carried = |tier: &String| {
            let changes = changes.unwrap_or_default();
            changes
                .iter()
                .any(|it| it.get("tier") == Some(&json!(tier)))
        };
        let has = |(pointer, value): (&String, &Value)| result.pointer(pointer) == Some(value);
        (self.revision.is_none() || self.revision == shown.revision)
            && self.result.iter().all(has)
            && self.tiers.iter().all(carried)
            && self
                .argument
                .iter()
                .all(|argument| shown.argv.contains(argument))
    }
}

/// Compares what is `advertised` with what the cases show. A case that broke too early to show anything
/// delivers nothing. The second list has the proofs that fail.
pub fn delivery(
    advertised: &[String],
    shown: &BTreeMap<&str, Shown>,
    broke: &BTreeSet<&str>,
) -> (Vec<Capability>, Vec<&'static Proof>) {
    let mut capabilities: Vec<Capability> = Vec::new();
    let mut broken = Vec::new();
    for proof in PROOFS.iter() {
        let is_advertised = advertised.contains(&proof.capability);
        let delivered = shown.get(&*proof.case).map(|shown| proof.holds(shown));
        let delivered = delivered.or(broke.contains(&*proof.case).then_some(false));
        if is_advertised && delivered == Some(false) {
            broken.push(proof);
        }
        let text = format!("{}: {}", proof.case, proof.shows);
        match capabilities
            .iter_mut()
            .find(|found| found.name == proof.capability)
        {
            None => capabilities.push(Capability {
                name: proof.capability.clone(),
                advertised: is_advertised,
                delivered,
                evidence: text,
            }),
            Some(found) => {
                found.evidence = format!("{}; {text}", found.evidence);
                found.delivered = match (found.delivered, delivered) {
                    (Some(one), Some(other)) => Some(one && other),
                    (Some(false), None) | (None, Some(false)) => Some(false),
                    _ => None,
                };
            }
        }
    }
    // A capability without a proof never counts as delivered.
    for name in advertised {
        if !capabilities.iter().any(|found| found.name == *name) {
            capabilities.push(Capability {
                name: name.clone(),
                advertised: true,
                delivered: None,
                evidence: "no case shows it".to_owned(),
            });
        }
    }
    (capabilities, broken)
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_confiture::ConfitureVersion;
    use fraisier_adapter_confiture::capability::advertised;

    use super::*;

    fn shown(result: Value) -> Shown {
        Shown {
            answer: AdapterAnswer::Result(result),
            argv: Vec::new(),
            revision: None,
        }
    }

    #[test]
    fn a_capability_is_delivered_only_if_every_proof_passes() {
        let advertised = ["window_safe".to_owned()];
        let delivered = |drop_column: Option<Value>| {
            let mut cases =
                BTreeMap::from([("preflight/add-column", shown(json!({"window_safe": true})))]);
            if let Some(result) = drop_column {
                cases.insert("preflight/drop-column", shown(result));
            }
            let (capabilities, broken) = delivery(&advertised, &cases, &BTreeSet::new());
            let found = capabilities
                .into_iter()
                .find(|found| found.name == "window_safe");
            (found.unwrap().delivered, broken.len())
        };
        assert_eq!(
            delivered(Some(json!({"window_safe": false}))),
            (Some(true), 0)
        );
        assert_eq!(
            delivered(Some(json!({"window_safe": true}))),
            (Some(false), 1)
        );
        assert_eq!(delivered(None), (None, 0));
    }

    #[test]
    fn a_broken_case_proves_no_capability() {
        let advertised = ["preflight".to_owned()];
        let broke = BTreeSet::from(["preflight/duplicate-version"]);
        let sound = shown(json!({"ok": true}));
        let cases = BTreeMap::from([("preflight/add-column", sound)]);
        let (capabilities, _) = delivery(&advertised, &cases, &broke);
        let mut found = capabilities.iter();
        let preflight = found.find(|found| found.name == "preflight").unwrap();
        assert_eq!(preflight.delivered, Some(false));
    }

    #[test]
    fn every_capability_has_a_proof() {
        let all = advertised(&ConfitureVersion::parse("999.0.0"));
        assert!(!all.is_empty());
        for name in all {
            let known = PROOFS.iter().any(|proof| proof.capability == name);
            assert!(known, "{name}");
        }
    }
}
