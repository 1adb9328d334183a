use super::*;

fn applied(versions: impl IntoIterator<Item = String>) -> DatabaseState {
    DatabaseState::Changed {
        how: Change::Applied,
        versions: versions.into_iter().collect(),
        is_exact: true,
    }
}

fn failed(what: &str, state: DatabaseState, next: &str) -> Failure {
    let next = Advice::Stated(next.into());
    Failure::new(AdapterErrorKind::Execution, what, state, next)
}

#[test]
fn a_message_tells_what_the_state_and_what_next() {
    let state = applied(["001".into(), "002".into()]);
    let error = Failure {
        evidence: "x".repeat(100_000),
        ..failed("migration 003 failed\n", state, "correct it")
    }
    .worded();
    assert_eq!(
        error.message,
        "migration 003 failed; 001, 002 were applied before that and stay. Next: correct it"
    );
    assert_eq!(error.adapter.as_deref(), Some("confiture"));
    let evidence = error.stderr.expect("evidence");
    assert!(evidence.len() < EVIDENCE_LIMIT + 100, "{}", evidence.len());
}

#[test]
fn the_errors_of_a_report_follow_what_failed() {
    let failure = Failure {
        errors: vec!["the  first".into(), "the second".into()],
        ..failed("it failed", DatabaseState::Untouched, "")
    };
    let told = failure.to_string();
    assert!(
        told.starts_with("it failed: the first; the second; "),
        "{told}"
    );
    let error = failure.worded();
    assert_eq!(error.message, told);
    assert_eq!(error.stderr.as_deref(), Some("the  first\nthe second"));
}

#[test]
fn the_state_stands_apart_from_what_a_tool_said() {
    let message = |what: &str| failed(what, applied(["001".into()]), "").worded().message;
    let state = "001 was applied before that and stays";
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
    let error = Failure {
        evidence: "printed".into(),
        ..failed(&what, state, "correct it")
    }
    .worded();
    assert!(error.message.chars().count() <= MESSAGE, "{error}");
    assert!(!error.message.contains('\n'), "{error}");
    let known = "000 to 499 (500 migrations) were applied before that and stay";
    assert!(error.message.contains(known), "{error}");
    let evidence = error.stderr.expect("evidence");
    assert!(evidence.contains(what.trim_end()) && evidence.ends_with("printed"));
}

/// confiture may say a whole file; comparing each of its lines with all others would take minutes.
#[test]
fn of_an_endless_message_both_ends_are_looked_at() {
    let lines: Vec<String> = (0..300_000).map(|line| format!("line {line}")).collect();
    let error = failed(&lines.join("\n"), DatabaseState::Untouched, "").worded();
    assert!(error.message.starts_with("line 0 line 1 "), "{error}");
    let evidence = error.stderr.expect("evidence");
    assert!(evidence.len() < TOLD_LIMIT + 100, "{}", evidence.len());
    assert!(evidence.contains("line 299999"), "{evidence}");
}

#[test]
fn versions_that_hold_a_secret_do_not_leave() {
    let redactor = Redactor::new([], ["hunter2-hunter2"]);
    let versions = || vec!["001".to_owned(), "hunter2-hunter2".to_owned()];
    let changed = |how, is_exact| DatabaseState::Changed {
        how,
        versions: versions(),
        is_exact,
    };
    for mut state in [
        changed(Change::Applied, true),
        changed(Change::Applied, false),
        changed(Change::RolledBack, true),
        changed(Change::RolledBack, false),
        DatabaseState::Halfway {
            applied: versions(),
            found: None,
        },
        DatabaseState::Undone {
            applied: versions(),
            at: "hunter2-hunter2".into(),
        },
        DatabaseState::NotUndone {
            applied: versions(),
            why: "hunter2-hunter2".into(),
        },
    ] {
        state.redact(&redactor);
        let told = state.to_string();
        assert!(
            told.contains("001, ***") && !told.contains("hunter"),
            "{told}"
        );
    }
}

#[test]
fn many_versions_are_told_by_the_first_and_the_last() {
    let told = |count: usize| applied((1..=count).map(|it| it.to_string())).to_string();
    assert!(told(8).starts_with("1, 2, 3, 4, 5, 6, 7, 8 were "));
    assert!(told(9).starts_with("1 to 9 (9 migrations) were "));
}

#[test]
fn every_state_says_something_of_its_own() {
    let rolled_back = DatabaseState::Changed {
        how: Change::RolledBack,
        versions: vec!["001".into()],
        is_exact: true,
    };
    let states = [
        DatabaseState::NotStarted,
        DatabaseState::Untouched,
        DatabaseState::none_applied(),
        applied(["001".into()]),
        rolled_back,
        DatabaseState::Unknown,
        DatabaseState::Killed,
    ];
    let texts: std::collections::BTreeSet<_> =
        states.iter().map(DatabaseState::to_string).collect();
    assert_eq!(texts.len(), states.len());
}
