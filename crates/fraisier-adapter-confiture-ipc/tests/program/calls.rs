//! Requests that are answered by confiture.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answered, PROGRAM, Stage, end_of, finish, framed};

const SCRIPT: &str = r#"
case $1 in
  --version) echo "confiture version 1.29.0" ;;
  current) echo '{"revision": "001", "name": "a"}' > "$report" ;;
  up) echo '{"ok": false, "error": {"code": "LOCK_1300", "message": "held by another"}}' > "$report"
      echo "what it printed"; exit 6 ;;
esac"#;

#[test]
fn a_response_is_the_json_of_the_api_type() {
    let stage = Stage::new(SCRIPT);
    let current = stage.answer(&stage.request("current_revision", None));
    assert_eq!(
        current.response,
        json!({"jsonrpc": "2.0", "id": 1, "result": "001"})
    );
    assert_eq!(current.status, Some(0));
    let described = stage.answer(&stage.request("describe", None));
    assert_eq!(described.response["result"]["name"], "confiture");
    assert_eq!(described.response["result"]["version"], "1.29.0");
    assert_eq!(described.response["result"]["protocol_version"], 1);
    let nothing = stage.answer(&stage.request("post_migrate", None));
    assert_eq!(nothing.response["result"], Value::Null);
}

#[test]
fn the_evidence_of_an_error_goes_to_standard_error() {
    let stage = Stage::new(SCRIPT);
    let up = stage.answer(&stage.request("up", None));
    assert_eq!(up.code(), -32007);
    assert!(up.message().contains("held by another"), "{}", up.message());
    assert!(up.stderr.contains("what it printed"), "{}", up.stderr);
    assert!(!up.message().contains("what it printed"));
    assert!(
        up.message()
            .ends_with("run `fraisier-adapter-confiture-ipc doctor` to diagnose")
    );
    assert_eq!(up.status, Some(1));
}

#[test]
fn a_variable_with_a_bad_value_is_refused_before_anything_starts() {
    let stage = Stage::new("touch \"$stage/started\"");
    let mut program = stage.program();
    program.env("FRAISIER_CONFITURE_TIMEOUT", "s3cr3t-canary");
    let answered = Answered::read(&finish(program, &stage.request("current_revision", None)));
    assert_eq!(answered.code(), -32602);
    assert_eq!(answered.response["id"], 1);
    assert!(answered.message().contains("FRAISIER_CONFITURE_TIMEOUT"));
    assert!(!stage.path("started").exists());
}

#[test]
fn under_the_engine_confiture_judges_a_missing_directory_by_default() {
    let stage = Stage::new(
        r#"
case $1 in
  verify) echo '{"ok": true, "verified_count": 0, "failed_count": 0, "skipped_count": 0, "results": [], "total_applied": 0,
                 "ledger_present": true, "was_skipped": false}' > "$report" ;;
  *) touch "$stage/started" ;;
esac"#,
    );
    std::fs::remove_dir_all(stage.path("db")).expect("removed");
    let answered = stage.answer(&stage.request("verify", None));
    assert_eq!(
        answered.response["result"]["was_skipped"], true,
        "{}",
        answered.response
    );
    let mut program = stage.program();
    program.env("FRAISIER_CONFITURE_MISSING_MIGRATIONS", "refuse");
    let answered = Answered::read(&finish(program, &stage.request("verify", None)));
    assert_eq!(answered.code(), -32602);
    assert_eq!(stage.answer(&stage.request("up", None)).code(), -32602);
    assert!(!stage.path("started").exists());
}

#[test]
fn by_hand_a_missing_directory_is_refused_by_default() {
    let stage = Stage::new(
        r#"
touch "$stage/started"
[ "$1" = --version ] && echo "confiture version 1.29.0"
[ "$1" = verify ] && echo '{"ok": true, "verified_count": 0, "failed_count": 0, "skipped_count": 0, "results": [],
  "total_applied": 0, "ledger_present": true, "was_skipped": false}' > "$report"
true"#,
    );
    let run = |command: &str, variable: &str| {
        let mut program = stage.program();
        program
            .args([command, "-m", "db/migratoins"])
            .env("FRAISIER_CONFITURE_MISSING_MIGRATIONS", variable);
        finish(program, b"")
    };
    for command in ["preflight", "verify"] {
        let output = run(command, "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("db/migratoins"), "{stderr}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(!stage.path("started").exists(), "{command}");
    }
    let output = run("verify", "ask");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(stage.path("started").exists());
}

/// A stand-in in this directory that prints the version `version`.
fn put_confiture(directory: &Path, version: &str) {
    std::fs::create_dir_all(directory).expect("created");
    let program = directory.join("confiture");
    let text = format!("#!/bin/sh\necho 'confiture version {version}'\n");
    std::fs::write(&program, text).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
}

#[test]
fn confiture_is_found_by_option_then_variable_then_beside_the_program_then_on_path() {
    let stage = Stage::new("echo 'confiture version 1.2.3'");
    put_confiture(&stage.path("option"), "1.2.2");
    put_confiture(&stage.path("beside"), "1.2.4");
    put_confiture(&stage.path("on-path"), "1.2.5");
    let program = stage.path("beside/fraisier-adapter-confiture-ipc");
    // By another process: a file that this one had open for writing may not be executable yet.
    let copied = Command::new("cp").arg(PROGRAM).arg(&program).status();
    assert!(copied.expect("cp").success());
    let path = std::env::var("PATH").expect("a PATH");
    let path = format!("{}:{path}", stage.path("on-path").display());
    let uses = |arguments: &[&str], variable: &str, version: &str, (file, rule): (&str, &str)| {
        let run = |subcommand: &str| {
            let mut command = stage.command(&program);
            command
                .args([subcommand, "--json"])
                .args(arguments)
                .env("PATH", &path)
                .env("FRAISIER_CONFITURE_BIN", variable)
                .env_remove("DATABASE_URL");
            String::from_utf8(finish(command, b"").stdout).expect("UTF-8")
        };
        let described = run("describe");
        assert!(described.contains(&format!("{version:?}")), "{described}");
        let doctor = run("doctor");
        assert!(doctor.contains(&format!("confiture {version}")), "{doctor}");
        let named = format!("{} ({rule})", stage.path(file).display());
        assert!(doctor.contains(&named), "{doctor}");
    };
    let variable = stage.path("confiture");
    let variable = variable.to_str().expect("UTF-8");
    let by_option = ("option/confiture", "named by --confiture");
    // It is seen from where the program was started, not from the project.
    let option = ["--confiture", "option/confiture", "-C", "db"];
    uses(&option, variable, "1.2.2", by_option);
    uses(&option, "", "1.2.2", by_option);
    let by_variable = "named by FRAISIER_CONFITURE_BIN";
    uses(&[], variable, "1.2.3", ("confiture", by_variable));
    uses(
        &[],
        "confiture",
        "1.2.5",
        ("on-path/confiture", by_variable),
    );
    let beside = (
        "beside/confiture",
        "in the directory of the adapter program",
    );
    uses(&[], "", "1.2.4", beside);
    std::fs::remove_file(stage.path("beside/confiture")).expect("removed");
    uses(&[], "", "1.2.5", ("on-path/confiture", "looked up in PATH"));
}

#[test]
fn an_option_that_names_no_executable_file_is_a_usage_error() {
    let stage = Stage::new("touch \"$stage/started\"");
    let plain = "db/migrations/001_a.up.sql";
    for path in ["no/such/confiture", "db", plain, ""] {
        for subcommand in ["current", "doctor"] {
            let mut program = stage.program();
            program.args([subcommand, "--confiture", path]);
            let output = finish(program, b"");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{path}: {stderr}");
            assert!(stderr.contains("--confiture <PATH>"), "{path}: {stderr}");
            assert!(output.stdout.is_empty(), "{path}: {output:?}");
        }
    }
    assert!(!stage.path("started").exists());
}

#[test]
fn doctor_reports_a_missing_watcher() {
    let hides = "mount --bind /bin/true /bin/sh";
    let hidden = |then: &str| format!("{hides} && exec {then}");
    let unshare = |stage: &Stage, then: &str| {
        let mut command = stage.command("unshare".as_ref());
        command.args(["-rm", "sh", "-c", &hidden(then)]);
        finish(command, b"")
    };
    let stage = Stage::new("exit 0");
    if !unshare(&stage, "true").status.success() {
        println!("not run: nothing can be put in the place of /bin/sh here");
        return;
    }
    let output = unshare(&stage, &format!("{PROGRAM} doctor"));
    let doctor = String::from_utf8_lossy(&output.stdout);
    assert!(
        doctor.contains("warn    watcher     /bin/sh is missing"),
        "{doctor}"
    );
}

#[test]
fn doctor_and_adapter_find_the_same_program() {
    let stage = Stage::new("echo 'confiture version 1.2.3'");
    // The working directory contains a `confiture`.
    for path in [None, Some(""), Some(":"), Some(":/nowhere:")] {
        let mut command = stage.program();
        command
            .args(["doctor", "--json"])
            .env_remove("DATABASE_URL")
            .env_remove("FRAISIER_CONFITURE_BIN");
        match path {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        let output = finish(command, b"");
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = found["checks"].as_array().expect("checks");
        let status = |name: &str| Some(&checks.iter().find(|it| it["check"] == name)?["status"]);
        assert_eq!(
            status("program").expect("program"),
            "fail",
            "{path:?}: {found}"
        );
        // One cause is one line.
        assert_eq!(status("version"), None, "{path:?}: {found}");
    }
}

#[test]
fn many_log_lines_go_to_standard_error() {
    let stage = Stage::new(SCRIPT);
    let mut program = stage.program();
    program.env("RUST_LOG", "trace");
    let answered = Answered::read(&finish(program, &stage.request("current_revision", None)));
    assert_eq!(answered.response["result"], "001");
    assert!(
        answered.stderr.contains("current_revision"),
        "{}",
        answered.stderr
    );
}

#[test]
fn a_slow_writer_is_awaited_up_to_a_limit() {
    let stage = Stage::new(SCRIPT);
    let mut child = stage.program().spawn().expect("started");
    let mut stdin = child.stdin.take().expect("a pipe");
    for piece in stage.request("current_revision", None).chunks(40) {
        stdin.write_all(piece).expect("written");
        thread::sleep(Duration::from_millis(1));
    }
    drop(stdin);
    assert_eq!(Answered::read(&end_of(child)).response["result"], "001");

    let unfinished = [
        framed(r#"{"jsonrpc""#),
        stage.request("up", None),
        b"Content-".to_vec(),
    ];
    let waiting = unfinished.map(|stream| {
        let mut child = stage.program().spawn().expect("started");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin
            .write_all(&stream[..stream.len() - 1])
            .expect("written");
        (child, stdin)
    });
    for (child, stdin) in waiting {
        let answered = Answered::read(&end_of(child));
        drop(stdin);
        assert_eq!(answered.code(), -32700);
        assert!(
            answered.message().contains("within"),
            "{}",
            answered.message()
        );
    }
}

#[test]
fn with_json_a_command_prints_what_the_engine_receives() {
    let stage = Stage::new(SCRIPT);
    let run = |args: &[&str]| {
        let mut program = stage.program();
        program.args(args);
        let output = finish(program, b"");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (status, stdout, _) = run(&["current", "--json"]);
    assert_eq!(status, Some(0));
    assert_eq!(
        stdout,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"001\"}\n"
    );
    assert_eq!(run(&["current"]).1, "at 001\n");
    let (status, stdout, stderr) = run(&["up"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("[lock_contention]") && stderr.contains("what it printed"),
        "{stderr}"
    );
    assert_eq!(run(&["migrate"]).0, Some(2));
    let (status, stdout, _) = run(&["--help"]);
    assert_eq!(status, Some(0));
    assert!(stdout.contains("FRAISIER_CONFITURE_BIN"), "{stdout}");
}

/// What sets the title of a terminal, clears it, or draws another line.
const STEERING: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\rok      verdict\u{9b}2J";

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let stage = Stage::new(&format!(
        r#"
case $1 in
  --version) echo "confiture version 1.29.0" ;;
  up) cat > "$report" <<'REPORT'
{{"ok": false, "error": {{"code": "MIGR_001", "message": {steering}}}}}
REPORT
      printf '%b' '\033[2J'; exit 3 ;;
  preflight) cat > "$report" <<'REPORT'
{{"ok": true, "window_safe": true, "summary": {{"errors": 0, "migrations_checked": 2}},
  "issues": [{{"severity": "info", "code": "C", "message": {steering}, "migration": {steering}}}]}}
REPORT
      ;;
  current) printf 'Traceback\n\033[2J' >&2; exit 1 ;;
esac"#,
        steering = json!(STEERING)
    ));
    let name = format!("002_{STEERING}.up.sql");
    std::fs::create_dir(stage.path("db/migrations").join(name)).expect("created");
    let steers = |c: char| c.is_control() && c != '\n';
    for subcommand in ["up", "preflight", "current", "doctor"] {
        let mut program = stage.program();
        program.arg(subcommand).env("RUST_LOG", "debug");
        if subcommand == "doctor" {
            program.env_remove("DATABASE_URL");
        }
        let output = finish(program, b"");
        let printed =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        assert!(
            !printed.concat().contains(steers),
            "{subcommand}: {printed:?}"
        );
        assert!(
            printed.concat().contains("\\u{1b}"),
            "{subcommand}: {printed:?}"
        );
    }
    let answered = stage.answer(&stage.request("up", None));
    assert!(!answered.stderr.contains(steers), "{:?}", answered.stderr);
}
