//! What can happen while the gate runs. These tests need a release and PostgreSQL, so `cargo test` ignores
//! them; `.ci/run gate-in-trouble` runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use contract_lab::confiture::{Candidate, install};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs};
use rustix::process::{Pid, Signal, kill_process};

use crate::registry::unreachable;
use crate::sandbox::{Sandbox, text};

/// A shell pattern for every call that uses a database.
const WORKS: &str = "*--no-config*";

/// The newest release that the registry has.
fn newest() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let args = LabArgs {
        python: variable("XTASK_PYTHON"),
        cache_dir: variable("XTASK_CACHE_DIR"),
    };
    let lab = Lab::new(args, Ui::silent()).unwrap();
    install(&lab, &Candidate::Newest).unwrap().program
}

/// A confiture before which `lines` run, whenever it works on a database.
fn confiture_after(sandbox: &Sandbox, real: &Path, lines: &str) -> String {
    let real = real.display();
    let lines = format!("case \"$*\" in {WORKS})\n{lines}\n;; esac\nexec {real} \"$@\"");
    sandbox.script(&lines).display().to_string()
}

/// Ends the server that the call is about, `times` times in all.
fn ends_the_server(sandbox: &Sandbox, times: u8) -> String {
    let (sandbox, temporary) = (sandbox.path("").display().to_string(), std::env::temp_dir());
    format!(
        "for time in $(seq {times}); do mkdir {sandbox}/ended-$time 2>/dev/null || continue
         port=$(echo \"$CONFITURE_DATABASE_URL\" | sed 's/.*:\\([0-9]*\\)\\/.*/\\1/')
         for file in {}/fraisier-xtask-*/data/postmaster.pid; do
             [ \"$(sed -n 4p \"$file\")\" = \"$port\" ] && kill -QUIT \"$(head -n 1 \"$file\")\"
         done; sleep 1; break; done",
        temporary.display()
    )
}

fn notes(report: &serde_json::Value) -> String {
    report["candidates"][0]["notes"].to_string()
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn a_server_that_dies_is_restarted_once_and_reported() {
    let (sandbox, real) = (Sandbox::new(), newest());
    let candidate = confiture_after(&sandbox, &real, &ends_the_server(&sandbox, 1));
    let mut gate = sandbox.command(&[&candidate, "--only", "current/fresh", "current/at-head"]);
    let output = gate.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let notes = notes(&sandbox.report());
    assert!(notes.contains("the database server died"), "{notes}");
    assert!(notes.contains("it was started again, once"), "{notes}");
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn after_a_second_death_of_the_server_its_cases_are_not_judged() {
    let (sandbox, real) = (Sandbox::new(), newest());
    let candidate = confiture_after(&sandbox, &real, &ends_the_server(&sandbox, 2));
    let output = sandbox
        .command(&[&candidate, "--only", "current/fresh", "--jobs", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let why = &sandbox.report()["candidates"][0]["cases"][0]["not_judged"];
    assert_eq!(why, "the database server died");
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn a_candidates_output_never_excuses_it() {
    let (sandbox, real) = (Sandbox::new(), newest());
    for words in [
        "OSError: [Errno 28] No space left on device",
        "MemoryError",
        "server closed the connection unexpectedly",
    ] {
        let candidate = confiture_after(&sandbox, &real, &format!("echo '{words}' >&2; exit 1"));
        let mut gate = sandbox.command(&[&candidate, "--only", "current/fresh", "current/at-head"]);
        let output = gate.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}: {output:?}");
        let candidate = confiture_after(&sandbox, &real, &format!("echo '{words}' >&2"));
        let mut gate = sandbox.command(&[&candidate, "--only", "current/fresh"]);
        let output = gate.output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{words}: {output:?}");
    }
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn a_call_that_does_not_end_is_a_break() {
    let (sandbox, real) = (Sandbox::new(), newest());
    let (began, ended) = (sandbox.path("began"), sandbox.path("ended"));
    let sleeps = format!(
        "touch {}; sleep 600; touch {}; exit 1",
        began.display(),
        ended.display()
    );
    let candidate = confiture_after(&sandbox, &real, &sleeps);
    let output = sandbox
        .command(&[&candidate, "--only", "current/fresh", "--limit", "3"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("a call does not end"), "{shown}");
    assert!(began.exists());
    assert!(!ended.exists(), "the call was left to end by itself");
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn an_interrupt_cleans_up_and_writes_a_partial_report() {
    let (sandbox, real) = (Sandbox::new(), newest());
    let temporary = sandbox.path("temporary");
    fs::create_dir(&temporary).unwrap();
    for (path, mode) in [(sandbox.path(""), 0o755), (temporary.clone(), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let waits = format!(
        "echo >> {}; exec sleep 600",
        sandbox.path("waits").display()
    );
    let candidate = confiture_after(&sandbox, &real, &waits);
    // The adapter makes one of the calls; the other is made directly.
    let cases = ["current/fresh", "current/no-config"];
    let arguments = [&[&candidate, "--jobs=2", "--only"][..], &cases].concat();
    let mut gate = sandbox.command(&arguments);
    gate.env("TMPDIR", &temporary).stdout(Stdio::piped());
    let mut gate = gate.stderr(Stdio::null()).spawn().unwrap();
    let both_wait = || fs::read(sandbox.path("waits")).is_ok_and(|lines| lines.len() == 2);
    until(&mut gate, both_wait);
    kill_process(Pid::from_child(&gate), Signal::INT).unwrap();
    let output = gate.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report = sandbox.report();
    assert_eq!(report["interrupted"], true);
    let cases = report["candidates"][0]["cases"].as_array().unwrap();
    let interrupted = |case: &&serde_json::Value| case["not_judged"] == "the run was interrupted";
    assert_eq!(cases.iter().filter(interrupted).count(), 2, "{cases:#?}");
    // The cleaner stops the server a moment later, and then ends.
    while runs_with(&temporary) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Whether a process has this directory for its temporary files.
fn runs_with(temporary: &Path) -> bool {
    let variable = format!("TMPDIR={}", temporary.display());
    let has_it = |process: fs::DirEntry| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|found| found == variable.as_bytes())
    };
    fs::read_dir("/proc").unwrap().flatten().any(has_it)
}

/// Waits for a condition while the program runs.
fn until(program: &mut Child, is_so: impl Fn() -> bool) {
    while !is_so() {
        assert!(program.try_wait().unwrap().is_none(), "it ended too soon");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn two_gates_at_once_do_not_interfere() {
    let (sandbox, real) = (Sandbox::new(), newest());
    let real = real.display().to_string();
    let start = || {
        let mut gate = sandbox.command(&[&real, "--only", "current/fresh", "up/all"]);
        gate.stdout(Stdio::piped()).stderr(Stdio::piped());
        gate.spawn().unwrap()
    };
    let (one, other) = (start(), start());
    for gate in [one, other] {
        let output = gate.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
    }
    assert_eq!(sandbox.report()["verdict"], "no_verdict");
}

#[test]
#[ignore = "needs a release and PostgreSQL"]
fn a_warm_cache_needs_no_registry() {
    let sandbox = Sandbox::new();
    let gate = || sandbox.command(&["newest", "--only", "surface/version"]);
    let warmed = gate().output().unwrap();
    assert_eq!(warmed.status.code(), Some(4), "{warmed:?}");
    let mut gate = gate();
    unreachable(&mut gate);
    let output = gate.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let shown = text(&output.stderr);
    assert!(
        shown.contains("the package registry does not answer; taking"),
        "{shown}"
    );
}
