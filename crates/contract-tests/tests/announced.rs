//! Releases of confiture that are announced and cannot be installed yet: every case, with the newest
//! recordings changed as the announcements say, gives what the newest release gives.
//!
//! What is known of them was recorded by others: 1.34.0 refuses `preflight --scope`, 1.35.0 accepts
//! `--scope pending`, and 1.36.0 exits with 1 instead of 3 for `GEN_001` and the `MIGR_` codes. Recordings
//! of the releases replace this test.

use std::path::Path;

use contract_tests::call::Call;
use contract_tests::case::Case;
use contract_tests::catalogue::catalogue;
use contract_tests::fixtures::{Fixtures, default_root};
use contract_tests::recording::{RecordedCall, Recording};
use contract_tests::release::Release;
use contract_tests::replay::{Replay, VERSION, agree};
use serde_json::{Value, json};

const STAND_IN: &str = env!("CARGO_BIN_EXE_stand-in-confiture");

/// The case in which `--scope pending` leaves nothing to judge.
const NOTHING_PENDING: &str = "preflight/nothing-pending";

/// What an announced release changes.
struct Announced {
    release: Release,
    pending_scope: bool,
    moved_codes: bool,
}

#[test]
fn confiture_1_34_0_is_as_the_newest() {
    let changed = replay_all(&Announced {
        release: Release::new(1, 34, 0),
        pending_scope: false,
        moved_codes: false,
    });
    assert_eq!(changed, Changed::default());
}

#[test]
fn confiture_1_35_0_judges_what_is_pending() {
    let changed = replay_all(&Announced {
        release: Release::new(1, 35, 0),
        pending_scope: true,
        moved_codes: false,
    });
    // Those whose project and connection let it come to the call.
    assert!(changed.scoped > 25, "{changed:?}");
    assert_eq!(changed.moved, 0);
}

#[test]
fn confiture_1_36_0_fails_with_other_statuses() {
    let changed = replay_all(&Announced {
        release: Release::new(1, 36, 0),
        pending_scope: true,
        moved_codes: true,
    });
    assert!(changed.scoped > 25 && changed.moved > 2, "{changed:?}");
}

/// How many calls the announcement changed.
#[derive(Debug, Default, PartialEq)]
struct Changed {
    scoped: usize,
    moved: usize,
}

/// Replays every case, and holds what the adapter makes of it against the newest snapshot.
fn replay_all(announced: &Announced) -> Changed {
    let catalogue = catalogue();
    let fixtures = Fixtures::load(&default_root(), &catalogue).expect("sound recordings");
    let newest = fixtures.releases().last().expect("a release");
    assert!(
        newest < announced.release,
        "{newest} is recorded: remove what is announced"
    );
    let version = fixtures.recording(newest, VERSION).expect("the version");
    let mut changed = Changed::default();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for case in catalogue.iter().filter(|case| case.applies_to(newest)) {
        let recording = fixtures.recording(newest, case.name).expect(case.name);
        let moved_before = changed.moved;
        let recording = announced.change(recording, &mut changed);
        let replay = Replay {
            release: announced.release,
            case,
            recording: &recording,
            version,
        };
        let replayed = replay.run(Path::new(STAND_IN)).expect(case.name);
        agree(&replayed).expect(case.name);
        let snapshot = fixtures.snapshot(newest, case.name).expect(case.name);
        let mut snapshot = snapshot.to_owned();
        if changed.moved > moved_before {
            snapshot = snapshot.replace("(exit status 3)", "(exit status 1)");
        }
        let expected = announced.expected(case, &snapshot);
        let found: Value = serde_json::from_str(&replay.snapshot(&replayed)).expect("JSON");
        if found != expected {
            wrong.push(format!("{}: {found:#}\nexpected {expected:#}", case.name));
        }
        cases += 1;
    }
    assert!(cases > 60, "only {cases} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    changed
}

impl Announced {
    /// The recording as this release would give it.
    fn change(&self, recording: &Recording, changed: &mut Changed) -> Recording {
        let mut recording = recording.clone();
        let before = recording.before.as_ref();
        let revision = before.and_then(|state| state.revision.clone());
        for call in &mut recording.calls {
            if self.pending_scope && judge_pending(call, revision.as_deref()) {
                changed.scoped += 1;
            }
            let report = call.report_value().unwrap_or_default();
            let code = report.pointer("/error/code").and_then(Value::as_str);
            let moves = code.is_some_and(|code| code == "GEN_001" || code.starts_with("MIGR_"));
            if self.moved_codes && moves && call.exit == 3 {
                call.exit = 1;
                changed.moved += 1;
            }
        }
        recording
    }

    /// What the adapter makes of it, when it made `snapshot` of the newest release.
    fn expected(&self, case: &Case, snapshot: &str) -> Value {
        let mut expected: Value = serde_json::from_str(snapshot).expect("JSON");
        if self.pending_scope && case.definition.call == Call::Version {
            let capabilities = expected.pointer_mut("/result/capabilities");
            let capabilities = capabilities.and_then(Value::as_array_mut);
            capabilities.expect("a list").push("pending_scope".into());
        }
        if self.pending_scope && case.name == NOTHING_PENDING {
            *expected
                .pointer_mut("/result/change_set/changes")
                .expect("changes") = json!([]);
        }
        expected
    }
}

/// Adds `--scope pending` to a preflight, and what the report then says.
fn judge_pending(call: &mut RecordedCall, revision: Option<&str>) -> bool {
    let place = call.argv.iter().position(|it| it == "--migrations-dir");
    let Some(place) = place.filter(|_| call.argv.get(1).is_some_and(|it| it == "preflight")) else {
        return false;
    };
    let scope = ["--scope", "pending"].map(str::to_owned);
    call.argv.splice(place + 2..place + 2, scope);
    let Some(Value::Object(mut report)) = call.report_value() else {
        return true;
    };
    if let Some(checked) = report.get_mut("summary") {
        let against = call.argv.iter().any(|it| it.starts_with("--against"));
        if revision.is_some() && !against {
            checked["migrations_checked"] = json!(0);
            report.insert(
                "change_set".into(),
                json!({"contract_version": 1, "changes": []}),
            );
        }
        report.insert("scope".into(), json!("pending"));
        let ledger = json!({"table": "tb_confiture", "exists": revision.is_some()});
        report.insert("ledger".into(), ledger);
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        (call.report, call.report_not_json) = RecordedCall::report_fields(Some(&text));
    }
    true
}
