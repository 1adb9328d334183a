use std::collections::BTreeSet;

use super::*;

fn versions(versions: impl IntoIterator<Item = String>) -> Vec<String> {
    versions.into_iter().collect()
}

fn applied(of: impl IntoIterator<Item = String>) -> DatabaseState {
    DatabaseState::exactly(Change::Applied, &versions(of))
}

fn failed(what: &str, state: DatabaseState, next: &str) -> Fault {
    let next = Advice::stated(next);
    Fault::new(Kind::Execution, what, state, next)
}

#[test]
fn a_kind_that_says_nothing_happened_needs_a_state_that_says_the_same() {
    let harmless = [
        Kind::LockContention,
        Kind::DbUnreachable,
        Kind::PreconditionFailed,
        Kind::InvalidConfig,
        Kind::MethodNotSupported,
        Kind::MissingSecret,
        Kind::SecretReadFailed,
    ];
    let unchanged = [
        DatabaseState::NotStarted,
        DatabaseState::Unchanged,
        applied([]),
    ];
    let one = || versions(["001".to_owned()]);
    let changed = [
        applied(one()),
        DatabaseState::exactly(Change::RolledBack, &one()),
        DatabaseState::at_least(Change::Applied, &one()),
        DatabaseState::at_least(Change::Applied, &[]),
        DatabaseState::UndoneTo {
            applied: vec!["002".into()],
            revision: "001".into(),
        },
        DatabaseState::InProgress,
        DatabaseState::Unknown,
    ];
    let kind = |kind, state: &DatabaseState| {
        let built = Fault::new(kind, "it failed", state.clone(), Advice::none());
        let set = failed("it failed", state.clone(), "").of_kind(kind);
        assert_eq!(built.kind(), set.kind(), "{kind}: {state}");
        let changed = Fault::new(kind, "it failed", DatabaseState::Unchanged, Advice::none());
        let changed = changed.in_state(state.clone());
        assert_eq!(built.kind(), changed.kind(), "{kind}: {state}");
        built.kind()
    };
    for harmless in harmless {
        for state in &unchanged {
            assert_eq!(kind(harmless, state), harmless, "{state}");
        }
        for state in &changed {
            assert_eq!(
                kind(harmless, state),
                Kind::Execution,
                "{harmless}: {state}"
            );
        }
    }
    for state in unchanged.iter().chain(&changed) {
        let kind = kind(Kind::IrreversibleRollback, state);
        assert_eq!(kind, Kind::IrreversibleRollback, "{state}");
    }
}

#[test]
fn the_advice_of_a_failure_is_the_next_step_of_its_message() {
    use Kind::{DbUnreachable, Execution};

    for (kind, state, next) in [
        (
            Execution,
            DatabaseState::Unknown,
            format!("run `{}` first, then wait", advice::CURRENT),
        ),
        (Execution, DatabaseState::Unchanged, "wait".to_owned()),
        (
            DbUnreachable,
            DatabaseState::Unchanged,
            format!("wait; {}", Advice::diagnose()),
        ),
    ] {
        let fault = Fault::new(kind, "it failed", state, Advice::stated("wait"));
        let failure = fault.redacted(None, &Redactor::default());
        assert_eq!(failure.advice(), next);
        assert!(
            failure.to_string().ends_with(&format!(". Next: {next}")),
            "{failure}"
        );
    }
}

#[test]
fn a_message_has_failure_state_and_next_step() {
    let state = applied(["001".into(), "002".into()]);
    let error = failed("migration 003 failed\n", state, "correct it")
        .with_evidence(&"x".repeat(100_000))
        .worded();
    assert_eq!(
        error.message,
        "migration 003 failed; 001, 002 remain applied. Next: correct it"
    );
    assert_eq!(error.adapter.as_deref(), Some("confiture"));
    let evidence = error.stderr.expect("evidence");
    assert!(evidence.len() < 17_000, "{}", evidence.len());
}

#[test]
fn with_an_unknown_state_the_advice_is_to_look_first() {
    let message = |state, next| failed("it failed", state, next).worded().message;
    assert_eq!(
        message(DatabaseState::Unknown, "correct it"),
        "it failed; whether the database was changed is unknown. Next: run \
         `fraisier-adapter-confiture-ipc current` first, then correct it"
    );
    for (stated, shown) in [
        ("Check the SQL", "first, then check the SQL"),
        ("PostgreSQL is full", "first, then PostgreSQL is full"),
    ] {
        let message = message(DatabaseState::Unknown, stated);
        assert!(message.ends_with(shown), "{message}");
    }
    assert!(message(DatabaseState::InProgress, "").ends_with("-ipc current`"));
    assert!(!message(DatabaseState::Unchanged, "correct it").contains("-ipc current`"));
}

#[test]
fn the_errors_of_a_report_come_first() {
    let fault = failed("it failed", DatabaseState::Unchanged, "")
        .with_errors(["the  first".into(), "the second".into()]);
    let shown = fault.to_string();
    assert!(
        shown.starts_with("the first (it failed); the second; "),
        "{shown}"
    );
    let error = fault.worded();
    assert_eq!(error.message, shown);
    assert_eq!(error.stderr.as_deref(), Some("the  first\nthe second"));
}

#[test]
fn the_state_is_separate_from_what_a_tool_said() {
    let message = |what: &str| failed(what, applied(["001".into()]), "").worded().message;
    let state = "001 remains applied";
    assert_eq!(message("it failed.\n"), format!("it failed; {state}"));
    assert_eq!(message("at SELECT..."), format!("at SELECT...; {state}"));
    let marked = "syntax error\nLINE 1: \\set\n        ^";
    assert_eq!(
        message(marked),
        format!("syntax error LINE 1: \\set; {state}")
    );
    let refused = "FATAL:  no such user";
    let twice = format!("at \"a\" failed: {refused}\nat \"b\" failed: {refused}");
    let once = format!("at \"a\" failed: FATAL: no such user; {state}");
    assert_eq!(message(&twice), once);
}

#[test]
fn a_message_is_a_paragraph_and_what_does_not_fit_is_evidence() {
    let what = format!("it failed:\n{}", "many words ".repeat(100));
    let state = applied((0..500).map(|it| format!("{it:03}")));
    let error = failed(&what, state, "correct it")
        .with_evidence("printed")
        .worded();
    assert!(error.message.chars().count() <= 400, "{error}");
    assert!(!error.message.contains('\n'), "{error}");
    let known = "000 to 499 (500 migrations) remain applied";
    assert!(error.message.contains(known), "{error}");
    let evidence = error.stderr.expect("evidence");
    assert!(evidence.contains(what.trim_end()) && evidence.ends_with("printed"));
}

/// confiture may print a whole file; comparing each of its lines with all others would take minutes.
#[test]
fn a_long_message_keeps_both_ends() {
    let lines: Vec<String> = (0..300_000).map(|line| format!("line {line}")).collect();
    let error = failed(&lines.join("\n"), DatabaseState::Unchanged, "").worded();
    assert!(error.message.starts_with("line 0 line 1 "), "{error}");
    let evidence = error.stderr.expect("evidence");
    assert!(evidence.len() < 4200, "{}", evidence.len());
    assert!(evidence.contains("line 299999"), "{evidence}");
}

#[test]
fn versions_that_contain_a_secret_are_redacted() {
    let redactor = Redactor::new([], ["hunter2-hunter2"]);
    let secret = versions(["001".to_owned(), "hunter2-hunter2".to_owned()]);
    for state in [
        DatabaseState::exactly(Change::Applied, &secret),
        DatabaseState::at_least(Change::Applied, &secret),
        DatabaseState::exactly(Change::RolledBack, &secret),
        DatabaseState::UndoneTo {
            applied: vec!["001".into(), "hunter2-hunter2".into()],
            revision: "hunter2-hunter2".into(),
        },
    ] {
        let failure = failed("it failed", state, "").redacted(None, &redactor);
        let shown = failure.state().to_string();
        assert!(
            shown.contains("001, ***") && !shown.contains("hunter"),
            "{shown}"
        );
    }
}

#[test]
fn many_versions_are_listed_as_first_and_last() {
    let shown = |count: usize| applied((1..=count).map(|it| it.to_string())).to_string();
    assert!(shown(8).starts_with("1, 2, 3, 4, 5, 6, 7, 8 remain "));
    assert!(shown(9).starts_with("1 to 9 (9 migrations) remain "));
}

#[test]
fn every_state_has_its_own_words_and_data() {
    let one = versions(["001".to_owned()]);
    let states = [
        DatabaseState::NotStarted,
        DatabaseState::Unchanged,
        applied([]),
        DatabaseState::exactly(Change::Applied, &one),
        DatabaseState::exactly(Change::RolledBack, &one),
        DatabaseState::at_least(Change::Applied, &one),
        DatabaseState::at_least(Change::RolledBack, &one),
        DatabaseState::UndoneTo {
            applied: vec!["001".into()],
            revision: "000".into(),
        },
        DatabaseState::InProgress,
        DatabaseState::Unknown,
    ];
    let texts: BTreeSet<_> = states.iter().map(DatabaseState::to_string).collect();
    assert_eq!(texts.len(), states.len());
    let json = |state| serde_json::to_string(state).expect("JSON");
    let data: BTreeSet<_> = states.iter().map(json).collect();
    assert_eq!(data.len(), states.len());
    assert_eq!(
        json(&states[5]),
        r#"{"state":"at_least","change":"applied","versions":["001"]}"#
    );
}

#[test]
fn a_failure_is_data_and_an_error() {
    let state = DatabaseState::Unchanged;
    let fault = Fault::new(Kind::LockContention, "held", state, Advice::none());
    let failure = fault.redacted(Some("up"), &Redactor::default());
    assert!(failure.is_retriable());
    assert_eq!(*failure.cause(), Cause::Contention);
    assert_eq!(
        (failure.operation(), &*failure.what()),
        (Some("up"), "held")
    );
    let words = failure.to_string();
    let error = AdapterError::from(failure);
    assert_eq!(error.operation.as_deref(), Some("up"));
    assert_eq!(error.message, words);
}
