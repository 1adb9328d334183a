//! The process around the adapter is killed while a command runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use std::sync::Arc;

use fraisier_adapter_confiture::observe::Event;
use fraisier_adapter_confiture::tools::process::{Exit, Runner, can_watch};
use tempfile::TempDir;

use super::support::*;

/// Names the directory that an engine of these tests works in.
const ROOM: &str = "FAULTS_ROOM";

/// Makes this process an engine that runs `script` in its room until it is killed. Only the copy
/// of this program that [`Engine::start`] makes gets that far.
fn be_an_engine(timeout: Option<Duration>, script_text: &str) {
    let Ok(room) = std::env::var(ROOM) else {
        return;
    };
    let room = Path::new(&room);
    // A child of the engine's own, which outlives it, must not keep anybody from noticing.
    let sleeper = Command::new("/bin/sleep").arg("600").env_clear().spawn();
    let mut sleeper = sleeper.unwrap();
    fs::write(room.join("sleeper"), sleeper.id().to_string()).unwrap();
    let runner = Runner::default();
    let mut invocation = script(script_text);
    invocation.env.set("ROOM", room);
    fs::write(room.join("ready"), "").unwrap();
    let _ = block_on(runner.run(invocation, timeout, listener()));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

/// A process with the adapter in it, and the directory where everything of it is.
struct Engine {
    room: TempDir,
    process: Child,
}

impl Engine {
    /// Starts the test `name` again, which is to [`be_an_engine`].
    fn start(name: &str) -> Self {
        let room = TempDir::new().unwrap();
        fs::create_dir(room.path().join("tmp")).unwrap();
        let tmp = room.path().join("tmp");
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ROOM, room.path())
            .env("TMPDIR", tmp)
            // A watcher sees no other variable.
            .env("PATH", format!("/usr/bin:/bin:{}", room.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let engine = Self { room, process };
        engine.wait_for("ready");
        engine
    }

    fn file(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    fn wait_for(&self, name: &str) {
        eventually(name, || self.file(name).exists());
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// How many processes know of the room: the engine, commands and watchers.
    fn processes(&self) -> usize {
        let room = self.room.path().to_str().unwrap();
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let environments =
            processes.filter_map(|process| fs::read(process.path().join("environ")).ok());
        environments
            .filter(|environment| String::from_utf8_lossy(environment).contains(room))
            .count()
    }

    /// Waits until nothing of it is left but its own child, which it ends.
    fn gone(self) -> TempDir {
        eventually("the end of what the engine ran", || self.processes() == 0);
        let sleeper = fs::read_to_string(self.file("sleeper")).unwrap();
        assert!(runs(sleeper.parse().unwrap()));
        let killed = Command::new("kill").arg(sleeper).status().unwrap();
        assert!(killed.success());
        self.room
    }
}

/// What is in the directory for temporary files.
fn left(room: &TempDir) -> usize {
    entries(&room.path().join("tmp"))
}

#[test]
fn killing_the_engine_at_any_moment_kills_its_command() {
    be_an_engine(
        None,
        "trap '' INT TERM HUP; : > \"$ROOM/up\"; while :; do printf x > \"$1\"; done",
    );
    if std::env::var_os(ROOM).is_some() {
        return;
    }
    let name = "death::killing_the_engine_at_any_moment_kills_its_command";
    for delay in 0..40 {
        let mut engine = Engine::start(name);
        std::thread::sleep(Duration::from_micros(delay * 300));
        engine.kill();
        assert_eq!(left(&engine.gone()), 0, "killed after {delay}");
    }
}

#[test]
fn a_missing_watcher_is_reported_once_before_the_start() {
    let namespaces = Command::new("unshare").args(["-rm", "true"]).status();
    if !namespaces.is_ok_and(|status| status.success()) {
        println!("not run: nothing can be put in the place of /bin/sh here");
        return;
    }
    isolated(
        "death::a_missing_watcher_is_reported_once_before_the_start",
        "[ -n \"$HIDDEN\" ] || HIDDEN=1 exec unshare -rm sh -c 'mount --bind /bin/true /bin/sh && exec \
         \"$0\" --exact \"$FAULTS_INNER\" --nocapture' \"$0\"",
        || {
            assert!(!can_watch().unwrap());
            let (runner, seen) = (Runner::default(), Arc::new(Seen::default()));
            for _ in 0..2 {
                let invocation = program("/bin/echo".as_ref(), vec!["out".into()]);
                let output =
                    block_on(runner.clone().run(invocation, None, seen.listener())).unwrap();
                assert_eq!(output.exit, Exit::Code(0));
                assert_eq!(output.stdout.head, b"out\n");
            }
            let events = seen.events();
            assert_eq!(events[0], Event::NotWatched);
            assert!(matches!(events[1], Event::Started { .. }));
            let said = events.iter().filter(|it| **it == Event::NotWatched);
            assert_eq!(said.count(), 1);
        },
    );
}
