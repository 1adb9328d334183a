//! Calls that are ended from outside.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use crate::support::{Answered, Stage, end_of, eventually, finish, lives};

/// An `up` that says who it is and then takes forever.
const HANGS: &str = r#"
case $1 in
  up) echo $$ > "$stage/new"; mv "$stage/new" "$stage/pid"; exec sleep 1000 ;;
esac"#;

/// The program with an `up` under way, and the process number of the stand-in.
fn under_way(stage: &Stage) -> (Child, String) {
    let mut program = stage.program();
    // Nothing ends it then but what the test does.
    program.env("FRAISIER_CONFITURE_TIMEOUT", "off");
    let mut child = program.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(&stage.request("up", None))
        .expect("written");
    drop(stdin);
    eventually("the stand-in", || stage.path("pid").exists());
    let pid = fs::read_to_string(stage.path("pid")).expect("its number");
    assert!(lives(&pid));
    (child, pid)
}

#[test]
fn the_limit_of_the_adapter_says_that_it_was_the_one() {
    let stage = Stage::new(HANGS);
    let mut program = stage.program();
    program.env("FRAISIER_CONFITURE_TIMEOUT", "300ms");
    let answered = Answered::read(&finish(program, &stage.request("up", None)));
    for part in [
        "300ms",
        "FRAISIER_CONFITURE_TIMEOUT",
        "not the 60s of fraisier",
    ] {
        assert!(answered.message().contains(part), "{}", answered.message());
    }
    let pid = fs::read_to_string(stage.path("pid")).expect("its number");
    assert!(!lives(&pid));
}

#[test]
fn when_nobody_reads_any_more_confiture_is_stopped() {
    let stage = Stage::new(HANGS);
    let (mut child, pid) = under_way(&stage);
    drop(child.stdout.take());
    let output = end_of(child);
    assert_eq!(output.status.code(), Some(5));
    assert!(!lives(&pid));
}

#[test]
fn a_signal_stops_confiture_and_is_answered() {
    for signal in ["TERM", "INT", "HUP"] {
        let stage = Stage::new(HANGS);
        let (child, pid) = under_way(&stage);
        let kill = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(kill.expect("kill").success());
        let output = end_of(child);
        let answered = Answered::read(&output);
        assert_eq!(answered.status, Some(130));
        assert!(
            answered.message().contains("ask `current_revision`"),
            "{}",
            answered.message()
        );
        assert!(!lives(&pid));
    }
}

#[test]
fn a_shortage_of_descriptors_is_answered() {
    let stage = Stage::new("");
    let program = stage.program();
    for limit in 4..32 {
        let mut limited = Command::new("/bin/sh");
        limited
            .args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(stage.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let answered = Answered::read(&finish(limited, &stage.request("describe", None)));
        assert!(!answered.message().is_empty(), "{limit}");
    }
}
