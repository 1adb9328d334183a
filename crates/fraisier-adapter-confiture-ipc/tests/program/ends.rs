//! Calls that are ended from outside.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Answered, Stage, end_of, eventually, finish, lives};

/// An `up` that prints its process id and then never ends.
const HANGS: &str = r#"
case $1 in
  up) echo $$ > "$stage/new"; mv "$stage/new" "$stage/pid"; exec sleep 1000 ;;
esac"#;

/// The program with an `up` under way, and the process number of the stand-in.
fn under_way(stage: &Stage) -> (Child, String) {
    started(stage, stage.program())
}

fn started(stage: &Stage, mut program: Command) -> (Child, String) {
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
fn a_timeout_names_the_adapters_own_limit() {
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
fn a_closed_output_stops_confiture() {
    let stage = Stage::new(HANGS);
    let (mut child, pid) = under_way(&stage);
    drop(child.stdout.take());
    let output = end_of(child);
    assert_eq!(output.status.code(), Some(5));
    assert!(!lives(&pid));
}

#[test]
fn a_signal_stops_confiture_with_a_response() {
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
            answered.message().contains("-ipc current`"),
            "{}",
            answered.message()
        );
        assert!(!lives(&pid));
    }
}

/// Where a signal is ignored when the program starts, as under `nohup`.
#[test]
fn a_signal_ignored_at_start_stays_ignored() {
    let stage = Stage::new(
        r#"case $1 in
             up) echo $$ > "$stage/new"; mv "$stage/new" "$stage/pid"
               while ! [ -e "$stage/go" ]; do sleep 0.2; done ;;
           esac"#,
    );
    let mut program = shell("trap '' INT HUP", &stage.program());
    // Not by the `env` of the stage, which would end that.
    program.arg(env!("CARGO_BIN_EXE_fraisier-adapter-confiture-ipc"));
    let (child, _) = started(&stage, program);
    for signal in ["INT", "HUP"] {
        let kill = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(kill.expect("kill").success());
    }
    fs::write(stage.path("go"), "").expect("written");
    let answered = Answered::read(&end_of(child));
    assert!(
        answered.message().contains("wrote no report"),
        "{}",
        answered.message()
    );
}

#[test]
fn a_call_that_ended_during_a_suspension_has_a_result() {
    // Longer than the limit of the command, and than that of the call.
    let stage = Stage::new(
        r#"case $1 in
             current) echo '{"revision": "001", "name": "a"}' > "$report"
               setsid sh -c ": > $stage/waits; sleep 6; kill -CONT $PPID" >/dev/null 2>&1 &
               while ! [ -e "$stage/waits" ]; do sleep 0.05; done
               kill -STOP $PPID ;;
           esac"#,
    );
    let mut program = stage.program();
    program.env("FRAISIER_CONFITURE_TIMEOUT", "3s");
    let request = stage.request("current_revision", None);
    let answered = Answered::read(&finish(program, &request));
    assert_eq!(answered.response["result"], "001");
}

/// The program, which may hold so many descriptors.
fn limited(program: &Command, descriptors: u64) -> Command {
    let mut limited = shell(&format!("ulimit -n {descriptors}"), program);
    limited.arg(program.get_program()).args(program.get_args());
    limited
}

/// A shell with the environment of `program`, which runs its arguments after this prelude.
fn shell(prelude: &str, program: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    let envs = program.get_envs();
    shell
        .args(["-c", &format!("{prelude} && exec \"$0\" \"$@\"")])
        .env_clear()
        .envs(envs.filter_map(|(name, value)| Some((name, value?))))
        .current_dir(program.get_current_dir().expect("a directory"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell
}

#[test]
fn a_shortage_of_descriptors_is_a_response() {
    let stage = Stage::new("");
    for descriptors in 4..32 {
        let limited = limited(&stage.program(), descriptors);
        let answered = Answered::read(&finish(limited, &stage.request("describe", None)));
        assert!(!answered.message().is_empty(), "{descriptors}");
    }
}

#[test]
fn a_shortage_of_descriptors_is_json_for_a_person_too() {
    let stage = Stage::new("");
    for command in ["describe", "doctor"] {
        let mut errors = 0;
        for descriptors in 4..32 {
            let mut program = stage.program();
            // `doctor` looks for no server then.
            program.args([command, "--json"]).env_remove("DATABASE_URL");
            let output = finish(limited(&program, descriptors), b"");
            let printed: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|why| panic!("{command}, {descriptors}: {why}: {output:?}"));
            if printed["error"]["message"].is_string() {
                errors += 1;
                assert_eq!(output.status.code(), Some(1), "{printed}");
            } else {
                assert!(printed["checks"].is_array(), "{command}: {printed}");
            }
        }
        assert!(errors > 0, "{command} was never short");
    }
}
