//! Whatever strings and whatever foreign JSON: what is written is read back as it was, and what is
//! unreadable inside a report stays inside.

use fraisier_adapter_api::{
    AdapterError, AdapterErrorKind, ChangeSet, MigrationOutcome, PreflightIssue, PreflightReport,
    RISK_CONTRACT_VERSION, Revision, RiskTier, SchemaChange, Severity, VerifyCheck, VerifyReport,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let written = serde_json::to_vec(value).expect("it can be written");
    serde_json::from_slice(&written).expect("it can be read")
}

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn change() -> impl Strategy<Value = SchemaChange> {
    let tier = option::of(proptest::sample::select(RiskTier::ALL));
    (text(), text(), option::of(text()), tier, option::of(text())).prop_map(
        |(kind, object, migration, tier, detail)| {
            let mut change = SchemaChange::new(kind, object);
            change.migration = migration;
            change.tier = tier;
            change.detail = detail;
            change
        },
    )
}

fn change_set() -> impl Strategy<Value = ChangeSet> {
    (1u32.., vec(change(), 0..4))
        .prop_map(|(version, changes)| ChangeSet::new(changes).with_contract_version(version))
}

fn issue() -> impl Strategy<Value = PreflightIssue> {
    let severity =
        proptest::sample::select(&[Severity::Error, Severity::Warning, Severity::Info][..]);
    (severity, text(), text(), option::of(text())).prop_map(
        |(severity, code, message, migration)| PreflightIssue {
            severity,
            code,
            message,
            migration,
        },
    )
}

fn preflight() -> impl Strategy<Value = PreflightReport> {
    (
        any::<bool>(),
        vec(issue(), 0..4),
        any::<Option<bool>>(),
        option::of(change_set()),
    )
        .prop_map(|(ok, issues, window_safe, change_set)| {
            let mut report = PreflightReport::new(ok).with_issues(issues);
            report.window_safe = window_safe;
            report.change_set = change_set;
            report
        })
}

fn verify() -> impl Strategy<Value = VerifyReport> {
    let check = (text(), any::<bool>(), option::of(text()))
        .prop_map(|(name, ok, detail)| VerifyCheck { name, ok, detail });
    (any::<bool>(), vec(check, 0..4), any::<bool>()).prop_map(|(ok, checks, skipped)| {
        VerifyReport::new(ok)
            .with_checks(checks)
            .with_skipped(skipped)
    })
}

fn outcome() -> impl Strategy<Value = MigrationOutcome> {
    let revision = || text().prop_map(Revision);
    (
        option::of(revision()),
        option::of(revision()),
        vec(revision(), 0..4),
        text(),
    )
        .prop_map(|(from, to, applied, log)| MigrationOutcome {
            from,
            to,
            applied,
            log,
        })
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("contract_version".to_owned()),
        Just("changes".to_owned()),
        Just("kind".to_owned()),
        Just("object".to_owned()),
        Just("tier".to_owned()),
        text(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0u32..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("irreversible")),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn preflight_reports_survive_a_round_trip(report in preflight()) {
        prop_assert_eq!(back(&report), report);
    }

    #[test]
    fn verify_reports_survive_a_round_trip(report in verify()) {
        prop_assert_eq!(back(&report), report);
    }

    #[test]
    fn outcomes_survive_a_round_trip(outcome in outcome()) {
        prop_assert_eq!(back(&outcome), outcome);
    }

    #[test]
    fn errors_survive_a_round_trip(code in any::<i32>(), message in text(), stderr in option::of(text())) {
        let error = AdapterError { stderr, ..AdapterError::remote(code, message) };
        prop_assert_eq!(error.kind, AdapterErrorKind::Remote);
        prop_assert_eq!(back(&error), error);
    }

    #[test]
    fn a_damaged_change_set_does_not_fail_its_report(change_set in any_json()) {
        let foreign = json!({"ok": true, "issues": [], "change_set": change_set});
        let read: PreflightReport = serde_json::from_str(&foreign.to_string())?;
        // What was read was stated: by an object, with a version.
        if let Some(set) = &read.change_set {
            prop_assert_eq!(&json!(set.contract_version), &change_set["contract_version"]);
            prop_assert!(set.contract_version > 0);
            let stated = change_set.get("changes").map_or(0, |it| it.as_array().unwrap().len());
            prop_assert_eq!(set.changes.len(), stated);
        }
        if let Ok(set) = read.usable_change_set() {
            prop_assert!(set.contract_version <= RISK_CONTRACT_VERSION);
        }
    }

    #[test]
    fn a_duplicate_key_in_a_change_set_makes_it_none(
        change_set in change_set(),
        twice in any::<proptest::sample::Index>(),
        foreign in any_json(),
    ) {
        let mut set = json!(change_set);
        set["foreign"] = json!({"deep": [foreign]});
        let set = set.to_string();
        let read = |set: &str| -> PreflightReport {
            let json = format!(r#"{{"ok":true,"issues":[],"change_set":{set}}}"#);
            serde_json::from_str(&json).expect("a report")
        };
        prop_assert_eq!(read(&set).change_set, Some(change_set));

        // An object is opened by a brace outside a string.
        let (mut inside, mut escaped) = (false, false);
        let opened: Vec<usize> = set.bytes().enumerate().filter_map(|(at, byte)| {
            let is_open = byte == b'{' && !inside;
            inside ^= byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_open.then_some(at + 1)
        }).collect();
        let (before, after) = set.split_at(*twice.get(&opened));
        let comma = if after.starts_with('}') { "" } else { "," };
        let doubled = format!(r#"{before}"twice":1,"twice":2{comma}{after}"#);
        prop_assert_eq!(read(&doubled).change_set, None, "{}", doubled);
    }

    #[test]
    fn a_damaged_tier_does_not_fail_its_change(tier in any_json()) {
        let foreign = json!({"kind": "k", "object": "o", "tier": tier});
        let read: SchemaChange = serde_json::from_str(&foreign.to_string())?;
        prop_assert_eq!(read.tier.map(RiskTier::as_str), tier.as_str().filter(|name| {
            RiskTier::ALL.iter().any(|tier| tier.as_str() == *name)
        }));
    }
}
