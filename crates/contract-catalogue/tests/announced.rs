//! Releases of confiture that are announced and cannot be installed yet. The newest recordings, changed
//! as announced, must give the same results as the newest release in every case.
//!
//! Others have recorded what is known about them: 1.34.0 refuses `preflight --scope`, 1.35.0 accepts
//! `--scope pending`, and 1.36.0 exits with 1 instead of 3 for `GEN_001` and the `MIGR_` codes.
//! Recordings of the releases replace this test.

use std::path::Path;

use contract_catalogue::announced;
use contract_catalogue::case::Case;
use contract_catalogue::catalogue::catalogue;
use contract_catalogue::fixtures::{Fixtures, default_root};
use contract_catalogue::recording::Recording;
use contract_catalogue::release::Release;
use contract_catalogue::replay::{Replay, VERSION, agree};
use serde_json::Value;

const STAND_IN: &str = env!("CARGO_BIN_EXE_stand-in-confiture");

/// What an announced release changes.
struct Announced {
    release: Release,
    pending_scope: bool,
    moved_codes: bool,
}

#[test]
fn announced_1_34_0_behaves_like_the_newest_recorded() {
    let changed = replay_all(&Announced {
        release: Release::new(1, 34, 0),
        pending_scope: false,
        moved_codes: false,
    });
    assert_eq!(changed, Changed::default());
}

#[test]
fn announced_1_35_0_judges_pending_migrations() {
    let changed = replay_all(&Announced {
        release: Release::new(1, 35, 0),
        pending_scope: true,
        moved_codes: false,
    });
    // The cases in which the adapter makes the call.
    assert!(changed.scoped > 25, "{changed:?}");
    assert_eq!(changed.moved, 0);
}

#[test]
fn announced_1_36_0_changes_exit_statuses() {
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

/// Replays every case, and compares the adapter's result with the newest snapshot.
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
            snapshot = snapshot.replace("exit status 3)", "exit status 1)");
        }
        let before = recording.before.as_ref();
        let revision = before.and_then(|state| state.revision.as_deref());
        let expected = announced.expected(case, &snapshot, revision);
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
    /// The recording that this release would give.
    fn change(&self, recording: &Recording, changed: &mut Changed) -> Recording {
        let mut recording = recording.clone();
        let before = recording.before.as_ref();
        let revision = before.and_then(|state| state.revision.clone());
        for call in &mut recording.calls {
            if self.pending_scope && announced::judge_pending(call, revision.as_deref()) {
                changed.scoped += 1;
            }
            let report = call.report_value().unwrap_or_default();
            let code = report.pointer("/error/code").and_then(Value::as_str);
            let moves = code.is_some_and(announced::is_moved);
            if self.moved_codes && moves && call.exit == 3 {
                call.exit = 1;
                changed.moved += 1;
            }
        }
        recording
    }

    /// The result that the adapter should have, given the `snapshot` of the newest release.
    fn expected(&self, case: &Case, snapshot: &str, revision: Option<&str>) -> Value {
        let mut expected: Value = serde_json::from_str(snapshot).expect("JSON");
        let Some(result) = expected.get_mut("result").filter(|_| self.pending_scope) else {
            return expected;
        };
        announced::scoped_result(&case.definition.call, result, revision);
        expected
    }
}
