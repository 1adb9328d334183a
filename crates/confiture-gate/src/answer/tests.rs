use contract_catalogue::call::Call;
use serde_json::{Value, json};

use super::*;
use crate::change::Change;

fn result(value: Value) -> AdapterAnswer {
    AdapterAnswer::Result(value)
}

#[test]
fn a_missing_word_refuses_and_a_new_one_is_a_false_safe() {
    let answer = |window_safe: Value| result(json!({"ok": true, "window_safe": window_safe}));
    let changed_to = |was, is| changed_answers(&Call::Preflight, &answer(was), &answer(is));
    let lost = changed_to(json!(true), Value::Null);
    assert_eq!(lost.len(), 1);
    assert_eq!(
        lost[0].finding.consequence.as_deref(),
        Some("refuses every deploy as not window-safe")
    );
    assert!(matches!(lost[0].finding.change, Change::Answer { .. }));
    let gained = changed_to(json!(false), json!(true));
    assert!(matches!(gained[0].finding.change, Change::FalseSafe { .. }));
}

#[test]
fn answers_that_differ_only_in_wording_are_equal() {
    let answer =
        |log: &str| result(json!({"from": null, "to": "001", "applied": ["001"], "log": log}));
    assert!(changed_answers(&Call::Up(None), &answer("one"), &answer("other")).is_empty());
    let error = |message: &str| AdapterAnswer::Failed {
        refused: false,
        kind: "execution".to_owned(),
        message: message.to_owned(),
    };
    assert!(changed_answers(&Call::Up(None), &error("one"), &error("other")).is_empty());
}

#[test]
fn success_in_place_of_a_failure_is_a_false_safe() {
    let error = AdapterAnswer::Failed {
        refused: false,
        kind: "lock_contention".to_owned(),
        message: String::new(),
    };
    let done = result(json!({"to": "001"}));
    let found = changed_answers(&Call::Up(None), &error, &done);
    assert!(matches!(found[0].finding.change, Change::FalseSafe { .. }));
    let found = changed_answers(&Call::Up(None), &done, &error);
    assert!(matches!(found[0].finding.change, Change::Answer { .. }));
}

#[test]
fn a_lower_tier_is_a_false_safe_and_a_missing_one_is_not() {
    let answer = |tier: Value| {
        result(
            json!({"ok": true, "change_set": {"contract_version": 1, "changes": [{"tier": tier}]}}),
        )
    };
    let change = |was, is| {
        changed_answers(&Call::Preflight, &answer(was), &answer(is))
            .remove(0)
            .finding
            .change
    };
    let lower = change(json!("destructive"), json!("additive"));
    assert!(matches!(lower, Change::FalseSafe { .. }));
    assert!(matches!(
        change(json!("destructive"), Value::Null),
        Change::Answer { .. }
    ));
}

#[test]
fn an_added_exit_code_is_harmless_and_a_moved_one_is_not() {
    let answer = |text: &str| result(serde_json::from_str(text).unwrap());
    let before = answer(r#"{"6 lock": {"lock_contention": ["LOCK_1300"]}}"#);
    let more =
        answer(r#"{"6 lock": {"lock_contention": ["LOCK_1300", "LOCK_1301"]}, "9 new": {}}"#);
    assert!(changed_answers(&Call::ExitCodes, &before, &more).is_empty());
    let moved = answer(r#"{"6 lock": {"lock_contention": []}}"#);
    assert_eq!(changed_answers(&Call::ExitCodes, &before, &moved).len(), 1);
}

#[test]
fn a_snapshot_is_parsed() {
    let text = "{\"calls\": 0, \"error\": {\"kind\": \"invalid_config\", \"message\": \"m\"}}\n";
    let answer = AdapterAnswer::parse(text).unwrap();
    assert_eq!(answer.words(&Call::Current), "refused, `invalid_config`");
}
