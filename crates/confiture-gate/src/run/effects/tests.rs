use contract_catalogue::catalogue::catalogue;
use contract_catalogue::recording::State;

use super::*;
use crate::tests::{call_of, recording};

fn effect(name: &str) -> Effect {
    let found = effects()
        .into_iter()
        .find(|effect| effect.case.name == name);
    found.unwrap()
}

fn ids(effect: &Effect, seen: &Recording, seconds: u64) -> Vec<String> {
    let took = Duration::from_secs(seconds);
    let findings = judge(effect, Release::new(1, 29, 0), seen, took);
    findings.iter().map(|finding| finding.change.id()).collect()
}

fn after(tables: &[&str], revision: Option<&str>) -> Recording {
    Recording {
        after: Some(State {
            revision: revision.map(str::to_owned),
            tables: tables.iter().map(ToString::to_string).collect(),
            ..State::default()
        }),
        ..recording(&call_of(0, Some("{}"), ""))
    }
}

#[test]
fn an_option_without_effect_is_reported_and_other_failures_are_not() {
    let effect = effect("down-to/migrations-dir");
    let one = ["public.one"];
    assert!(ids(&effect, &after(&one, Some("001")), 1).is_empty());
    let usual = after(&["public.one", "public.two", "public.usual"], Some("001"));
    assert_eq!(ids(&effect, &usual, 1), ["ignored:--migrations-dir"]);
    let nothing = after(&["public.one", "public.two"], Some("002"));
    assert_eq!(
        ids(&effect, &nothing, 1),
        ["expectation:the database is at 001"]
    );
}

#[test]
fn a_lock_timeout_is_judged_by_how_long_the_server_saw_it_wait() {
    let effect = effect("up/lock-timeout");
    let held = r#"{"ok": false, "error": {"code": "LOCK_1300", "message": "held"}}"#;
    let held = Recording {
        before: Some(State::default()),
        after: Some(State::default()),
        ..recording(&call_of(6, Some(held), ""))
    };
    assert!(ids(&effect, &held, 3).is_empty());
    assert_eq!(ids(&effect, &held, 29), ["ignored:--lock-timeout"]);
}

#[test]
fn a_refused_option_is_reported() {
    let mut call = call_of(2, None, "");
    call.stderr = "Error: No such option: --require-reversible".into();
    let seen = recording(&call);
    let effect = effect("up/require-reversible");
    assert_eq!(ids(&effect, &seen, 1), ["refused:--require-reversible"]);
}

#[test]
fn recorded_cases_that_show_an_effect_are_cases() {
    let catalogue = catalogue();
    for (name, ..) in shown_by_recorded() {
        assert!(catalogue.iter().any(|case| case.name == name), "{name}");
    }
}
