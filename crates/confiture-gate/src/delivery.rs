//! Whether a promise is kept: by what a case shows, not by a version number.

use std::collections::{BTreeMap, BTreeSet};

use fraisier_adapter_api::capability::{
    CURRENT_REVISION, DEEP_CLASSIFICATION, DOWN_TO, PENDING_SCOPE, PREFLIGHT, RISK_TIER, UP,
    VERIFY, WINDOW_SAFE,
};
use serde_json::{Value, json};

use crate::answer::Said;
use crate::result::Capability;

/// What was seen of one case, as far as promises go.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What the adapter made of it.
    pub said: Said,
    /// The arguments of the call.
    pub argv: Vec<String>,
    /// The revision the database is at afterwards.
    pub revision: Option<String>,
}

/// The case that shows whether a promise is kept, and what it has to show.
struct Proof {
    capability: &'static str,
    case: &'static str,
    shows: &'static str,
    holds: fn(&Shown) -> bool,
}

const PROOFS: [Proof; 12] = [
    Proof {
        capability: CURRENT_REVISION,
        case: "current/at-head",
        shows: "the revision is 003",
        holds: |shown| result(shown, "") == Some(&json!("003")),
    },
    Proof {
        capability: UP,
        case: "up/all",
        shows: "the adapter and the ledger say 003",
        holds: |shown| at(shown, "003") && result(shown, "/to") == Some(&json!("003")),
    },
    Proof {
        capability: DOWN_TO,
        case: "down-to/first",
        shows: "the adapter and the ledger say 001",
        holds: |shown| at(shown, "001") && result(shown, "/to") == Some(&json!("001")),
    },
    Proof {
        capability: VERIFY,
        case: "verify/true",
        shows: "a check that holds is ok",
        holds: |shown| result(shown, "/ok") == Some(&json!(true)),
    },
    Proof {
        capability: VERIFY,
        case: "verify/false",
        shows: "a check that does not hold is not ok",
        holds: |shown| result(shown, "/ok") == Some(&json!(false)),
    },
    Proof {
        capability: PREFLIGHT,
        case: "preflight/add-column",
        shows: "a sound migration passes",
        holds: |shown| result(shown, "/ok") == Some(&json!(true)),
    },
    Proof {
        capability: PREFLIGHT,
        case: "preflight/duplicate-version",
        shows: "a broken directory does not pass",
        holds: |shown| result(shown, "/ok") == Some(&json!(false)),
    },
    Proof {
        capability: WINDOW_SAFE,
        case: "preflight/add-column",
        shows: "a new column is window-safe",
        holds: |shown| result(shown, "/window_safe") == Some(&json!(true)),
    },
    Proof {
        capability: WINDOW_SAFE,
        case: "preflight/drop-column",
        shows: "a dropped column is not window-safe",
        holds: |shown| result(shown, "/window_safe") == Some(&json!(false)),
    },
    Proof {
        capability: RISK_TIER,
        case: "preflight/five-tiers",
        shows: "five changes carry five tiers",
        holds: |shown| {
            let tiers = [
                "additive",
                "reversible",
                "lock_risky",
                "destructive",
                "irreversible",
            ];
            let changes = result(shown, "/change_set/changes").and_then(Value::as_array);
            let told = |tier: &&str| {
                let of_tier = |change: &Value| change.get("tier") == Some(&json!(tier));
                changes.is_some_and(|changes| changes.iter().any(of_tier))
            };
            tiers.iter().all(told)
        },
    },
    Proof {
        capability: DEEP_CLASSIFICATION,
        case: "preflight/drop-table",
        shows: "a dropped table is not window-safe",
        holds: |shown| result(shown, "/window_safe") == Some(&json!(false)),
    },
    Proof {
        capability: PENDING_SCOPE,
        case: "preflight/nothing-pending",
        shows: "`--scope pending` is passed, and nothing is left to change",
        holds: |shown| {
            let changes = result(shown, "/change_set/changes").and_then(Value::as_array);
            shown.argv.iter().any(|argument| argument == "pending")
                && changes.is_some_and(Vec::is_empty)
        },
    },
];

fn result<'a>(shown: &'a Shown, pointer: &str) -> Option<&'a Value> {
    match &shown.said {
        Said::Result(value) => value.pointer(pointer),
        Said::Error { .. } | Said::Refused { .. } => None,
    }
}

fn at(shown: &Shown, revision: &str) -> bool {
    shown.revision.as_deref() == Some(revision)
}

/// A promise that a case shows to be broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub capability: String,
    /// The case.
    pub case: String,
    /// What it should show.
    pub shows: String,
}

/// Holds what is `advertised` against what the cases show; a case that broke before it could show
/// anything delivers nothing. The second part lists what is not kept.
pub fn delivery(
    advertised: &[String],
    shown: &BTreeMap<&str, Shown>,
    broke: &BTreeSet<&str>,
) -> (Vec<Capability>, Vec<Broken>) {
    let mut capabilities: Vec<Capability> = Vec::new();
    let mut broken = Vec::new();
    for proof in &PROOFS {
        let is_advertised = advertised.iter().any(|name| name == proof.capability);
        let delivered = shown.get(proof.case).map(proof.holds);
        let delivered = delivered.or(broke.contains(proof.case).then_some(false));
        if is_advertised && delivered == Some(false) {
            broken.push(Broken {
                capability: proof.capability.to_owned(),
                case: proof.case.to_owned(),
                shows: proof.shows.to_owned(),
            });
        }
        let text = format!("{}: {}", proof.case, proof.shows);
        match capabilities
            .iter_mut()
            .find(|found| found.name == proof.capability)
        {
            None => capabilities.push(Capability {
                name: proof.capability.to_owned(),
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
    // A promise that nobody here can check is never taken for kept.
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
            said: Said::Result(result),
            argv: Vec::new(),
            revision: None,
        }
    }

    #[test]
    fn a_promise_needs_all_its_proofs() {
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
    fn a_case_that_broke_delivers_nothing() {
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
    fn every_capability_that_can_be_advertised_has_its_proof() {
        let all = advertised(&ConfitureVersion::parse("999.0.0"));
        assert!(!all.is_empty());
        for name in all {
            let known = PROOFS.iter().any(|proof| proof.capability == name);
            assert!(known, "{name}");
        }
    }
}
