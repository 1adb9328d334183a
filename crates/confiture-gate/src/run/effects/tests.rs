use contract_catalogue::catalogue::catalogue;
use contract_catalogue::recording::State;
use fraisier_adapter_confiture::capability::Need;

use super::*;
use crate::run::unrecorded::cases;
use crate::run::{cancelled, session};
use crate::tests::{call_of, recording};

fn effect(name: &str) -> (&'static Effect, Case) {
    let effect = EFFECTS.effect.iter().find(|effect| effect.case == name);
    let mut cases = cases().into_iter();
    (
        effect.unwrap(),
        cases.find(|case| case.name == name).unwrap(),
    )
}

fn ids((effect, case): &(&Effect, Case), seen: &Recording, seconds: u64) -> Vec<String> {
    let took = Duration::from_secs(seconds);
    let findings = judge(effect, case, Release::new(1, 29, 0), seen, took);
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
fn each_effect_has_a_case_and_the_minimum_version_of_its_option() {
    let (catalogue, unrecorded) = (catalogue(), cases());
    for effect in &EFFECTS.recorded {
        assert!(catalogue.iter().any(|it| it.name == effect.case));
    }
    for effect in &EFFECTS.effect {
        assert!(unrecorded.iter().any(|it| it.name == effect.case));
    }
    for case in unrecorded {
        let others = [cancelled::NAME, session::NAME];
        let has_effect = EFFECTS.effect.iter().any(|it| it.case == case.name);
        assert!(has_effect != others.contains(&case.name), "{}", case.name);
    }
    for (name, need) in [
        ("preflight/migrations-dir", Need::Preflight),
        ("up/allow-destructive", Need::AllowDestructive),
    ] {
        let (_, case) = effect(name);
        assert_eq!(case.since.to_string(), need.floor().release());
    }
}
