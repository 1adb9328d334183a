//! Programs that cannot be started, or are exchanged while they run.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fraisier_adapter_confiture::tools::process::Arg;
use fraisier_adapter_confiture::tools::process::Exit;
use fraisier_adapter_confiture::tools::process::{Obstacle, RunError};
use tempfile::TempDir;

use super::support::*;

fn obstacle(path: &Path, args: Vec<Arg>) -> Obstacle {
    match run(None, program(path, args)) {
        Err(RunError::Program(program, obstacle, _)) => {
            assert!(program.ends_with(path.file_name().unwrap()));
            obstacle
        }
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// A file of this content and mode.
fn file(dir: &TempDir, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn each_obstacle_has_its_own_kind() {
    let dir = TempDir::new().unwrap();
    let path = |name| dir.path().join(name);
    let cases = [
        (path("missing"), Obstacle::NotFound),
        (
            PathBuf::from("no-such-program-anywhere"),
            Obstacle::NotFound,
        ),
        (
            file(&dir, "file", "", 0o644).join("below"),
            Obstacle::NotFound,
        ),
        (
            file(&dir, "plain", "#!/bin/sh\n", 0o644),
            Obstacle::NotExecutable,
        ),
        (dir.path().to_owned(), Obstacle::NotExecutable),
        (
            file(&dir, "moved", "#!/gone/python\n", 0o755),
            Obstacle::NoInterpreter,
        ),
        (file(&dir, "text", "just text\n", 0o755), Obstacle::Other),
        (
            file(&dir, "foreign", b"\x7fELF\x02\x01\x01", 0o755),
            Obstacle::Other,
        ),
    ];
    for (program, expected) in cases {
        assert_eq!(
            obstacle(&program, vec![]),
            expected,
            "{}",
            program.display()
        );
    }
}

#[test]
fn unusable_arguments_are_an_obstacle() {
    let sh = Path::new("/bin/sh");
    for argument in ["a\0b".to_owned(), "x".repeat(4_000_000)] {
        let args = vec![Arg::from("-c"), Arg::from(&argument)];
        assert_eq!(obstacle(sh, args), Obstacle::Other);
    }
}

#[test]
fn an_inaccessible_directory_differs_from_a_missing_program() {
    for dir in ["/nowhere/at/all", "/etc/passwd"] {
        let mut invocation = script("exit 0");
        invocation.cwd = PathBuf::from(dir);
        match run(None, invocation) {
            Err(RunError::WorkDir(named, _)) => assert_eq!(named, Path::new(dir)),
            other => panic!("{dir}: {other:?}"),
        }
    }
}

#[test]
fn a_busy_program_file_is_retried() {
    let dir = TempDir::new().unwrap();
    let busy = file(&dir, "busy", fs::read("/bin/true").unwrap(), 0o755);
    let writer = File::options().append(true).open(&busy).unwrap();
    let began = Instant::now();
    assert_eq!(obstacle(&busy, vec![]), Obstacle::Busy);
    assert!(began.elapsed() > Duration::from_millis(300));
    let release = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(50));
        drop(writer);
    });
    let outcome = run(None, program(&busy, vec![]));
    release.join().unwrap();
    // On a busy machine that may have been too late for it.
    let outcome = outcome.or_else(|_| run(None, program(&busy, vec![])));
    assert_eq!(outcome.unwrap().exit, Exit::Code(0));
}

#[test]
fn a_program_can_be_replaced_while_it_runs() {
    let dir = TempDir::new().unwrap();
    let old = "#!/bin/sh\nprintf '#!/bin/sh\\nexit 4\\n' > \"$0.new\"\nchmod 755 \"$0.new\"\n\
               mv \"$0.new\" \"$0\"\nexit 3\n";
    let path = file(&dir, "program", old, 0o755);
    for expected in [3, 4, 4] {
        let output = run(None, program(&path, vec![])).unwrap();
        assert_eq!(output.exit, Exit::Code(expected));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(obstacle(&path, vec![]), Obstacle::NotFound);
}

#[test]
fn a_bare_name_is_found_on_path_if_executable() {
    let dir = TempDir::new().unwrap();
    let (first, second) = (
        TempDir::new_in(&dir).unwrap(),
        TempDir::new_in(&dir).unwrap(),
    );
    file(&first, "tool", "#!/bin/sh\nexit 1\n", 0o644);
    let mut invocation = program(Path::new("tool"), vec![]);
    let mut path = first.path().as_os_str().to_owned();
    invocation.env.set("PATH", &path);
    match run(None, invocation.clone()) {
        Err(RunError::Program(_, obstacle, _)) => assert_eq!(obstacle, Obstacle::NotExecutable),
        other => panic!("{other:?}"),
    }
    file(&second, "tool", "#!/bin/sh\nexit 6\n", 0o755);
    path.push(":");
    path.push(second.path());
    invocation.env.set("PATH", path);
    let output = run(None, invocation).unwrap();
    assert_eq!(output.exit, Exit::Code(6));
}

#[test]
fn a_bare_name_is_not_looked_up_in_the_working_directory() {
    isolated(
        "programs::a_bare_name_is_not_looked_up_in_the_working_directory",
        "cd \"$(mktemp -d)\"; printf '#!/bin/sh\\nexit 9\\n' > tool; chmod 755 tool",
        || {
            let mut invocation = program(Path::new("tool"), vec![]);
            for path in [None, Some(""), Some("/nowhere:"), Some(":/nowhere")] {
                match path {
                    Some(path) => invocation.env.set("PATH", path),
                    None => drop(invocation.env.remove("PATH")),
                }
                match run(None, invocation.clone()) {
                    Err(RunError::Program(_, obstacle, _)) => {
                        assert_eq!(obstacle, Obstacle::NotFound, "{path:?}");
                    }
                    other => panic!("{path:?}: {other:?}"),
                }
            }
            // What is asked for by its path is meant.
            let output = run(None, program(Path::new("./tool"), vec![]));
            assert_eq!(output.unwrap().exit, Exit::Code(9));
            fs::remove_dir_all(std::env::current_dir().unwrap()).unwrap();
        },
    );
}
