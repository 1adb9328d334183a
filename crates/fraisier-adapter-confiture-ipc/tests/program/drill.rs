//! Calls of an engine that runs a drill.

use std::os::unix::fs::symlink;

use crate::support::{Answered, PROGRAM, Stage, finish};

const SCRIPT: &str = r#"
touch "$stage/started"
[ "$1" = current ] && echo '{"revision": "001", "name": "a"}' > "$report"
exit 0"#;

/// Starts the program and remains its parent.
const START: &str = r#""$PROGRAM"; exit $?"#;

/// Starts another shell that starts the program.
const START_WRAPPED: &str = r#"/bin/sh -c "$WRAPPED"; exit $?"#;

/// What the program answers below an engine with these arguments.
fn below(stage: &Stage, start: &str, engine: &[&str], method: &str) -> Answered {
    let fraisier = stage.path("fraisier");
    let _ = symlink("/bin/sh", &fraisier);
    let mut command = stage.command(&fraisier);
    command
        .args(["-c", start, "name"])
        .args(engine)
        .env("PROGRAM", PROGRAM)
        .env("WRAPPED", START);
    Answered::read(&finish(command, &stage.request(method, Some("001"))))
}

#[test]
fn a_drill_migrates_nothing_through_the_program() {
    let stage = Stage::new(SCRIPT);
    for start in [START, START_WRAPPED] {
        for method in ["up", "down_to"] {
            let engine = ["--json", "backup", "--config", "fraisier.toml", "drill"];
            let answered = below(&stage, start, &engine, method);
            assert_eq!(answered.code(), -32602, "{}", answered.message());
            for words in [
                method,
                "the live database is unchanged",
                "Next:",
                "compiled in",
            ] {
                assert!(answered.message().contains(words), "{}", answered.message());
            }
            assert!(
                !stage.path("started").exists(),
                "{method} started confiture"
            );
        }
    }
    let current = below(&stage, START, &["backup", "drill"], "current_revision");
    assert_eq!(current.response["result"], "001");
}

#[test]
fn other_commands_of_the_engine_migrate() {
    for engine in [["db", "migrate"], ["backup", "prune"]] {
        let stage = Stage::new(SCRIPT);
        let answered = below(&stage, START, &engine, "up");
        assert!(
            stage.path("started").exists(),
            "{engine:?} {}",
            answered.response
        );
        assert!(
            !answered.stderr.contains("command line"),
            "{}",
            answered.stderr
        );
    }
}
