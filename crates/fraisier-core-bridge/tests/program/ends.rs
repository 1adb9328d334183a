//! A program that is killed: by their client's limit, and by somebody else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fraisier_core::adapter_axes::{AdapterErrorKind, MigrationAdapter as _};

use crate::stand_in::StandIn;

const PATIENCE: Duration = Duration::from_mins(1);

fn eventually(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there and no zombie.
fn lives(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !state.starts_with('Z')
    })
}

fn pid_in(file: &Path) -> Option<String> {
    let pid = fs::read_to_string(file).ok()?.trim().to_owned();
    (!pid.is_empty()).then_some(pid)
}

fn parent_of(pid: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.expect("a parent").trim().to_owned()
}

#[tokio::test]
async fn the_limit_of_the_client_leaves_nothing_running() {
    let stand_in = StandIn::new();
    stand_in.hangs("up");
    let client = stand_in.client().with_timeout(Duration::from_secs(2));
    let error = client.up(&stand_in.ctx(), None).await.expect_err("killed");
    assert_eq!(error.kind, AdapterErrorKind::Execution);
    assert!(error.message.contains("did not respond"), "{error:?}");
    let pid = pid_in(&stand_in.path("pid")).expect("it was started");
    eventually("the end of confiture", || !lives(&pid));
}

#[tokio::test]
async fn a_killed_program_has_its_own_error_and_leaves_nothing() {
    let stand_in = StandIn::new();
    stand_in.hangs("up");
    let file = stand_in.path("pid");
    let killer = thread::spawn(move || {
        eventually("confiture", || pid_in(&file).is_some());
        let pid = pid_in(&file).expect("a number");
        let program = parent_of(&pid);
        let killed = Command::new("kill").args(["-KILL", &program]).status();
        assert!(killed.expect("kill runs").success());
        pid
    });
    let answer = stand_in.client().up(&stand_in.ctx(), None).await;
    let pid = killer.join().expect("killed");
    let error = answer.expect_err("nobody answered");
    assert!(
        error.message.contains("without sending a response"),
        "{error:?}"
    );
    eventually("the end of confiture", || !lives(&pid));
}

#[tokio::test]
async fn a_missing_program_has_its_own_error() {
    let client = fraisier_ipc::IpcMigrationAdapter::new("/nowhere/at-all", "confiture-ipc");
    let error = client.describe().await.expect_err("not there");
    assert!(error.message.contains("was not found"), "{error:?}");
}
