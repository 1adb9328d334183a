//! Scripts that stand in for confiture, and ways to look at what is left of them.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use fraisier_adapter_confiture::tools::process::{
    Arg, Environment, Invocation, Listener, Output, RunError, Runner,
};
use fraisier_adapter_confiture::tools::{Announcer, Redactor};

/// Longer than anything here takes on the slowest machine; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A command that runs `script` with the report's path as `$1`.
pub(crate) fn script(script: &str) -> Invocation {
    program(
        Path::new("/bin/sh"),
        vec![
            Arg::from("-c"),
            Arg::from(script),
            Arg::from("sh"),
            Arg::ReportPath,
        ],
    )
}

/// A command that runs this program with these arguments.
pub(crate) fn program(program: &Path, args: Vec<Arg>) -> Invocation {
    Invocation {
        program: program.to_owned(),
        args,
        cwd: PathBuf::from("/"),
        env: Environment::inherited(),
    }
}

/// The bytes of the report that was left.
pub(crate) fn report_of(output: &Output) -> Option<Vec<u8>> {
    let report = output.report.as_ref()?;
    Some(report.to_vec())
}

/// The listener of a call that nobody observes.
pub(crate) fn listener() -> Listener {
    listener_with(Redactor::default(), None)
}

/// The listener of a call whose events go to this observer, redacted.
pub(crate) fn listener_with(redactor: Redactor, observer: Option<Arc<dyn Observer>>) -> Listener {
    let call = Arc::new(Call::next("test", None));
    Announcer::new(call, Arc::new(redactor), observer).listener()
}

/// A runner, and what remembers the events of calls that get its listener.
pub(crate) fn watched() -> (Runner, Arc<Seen>) {
    (Runner::default(), Arc::default())
}

/// Runs one command on an executor of this thread that knows no tokio.
pub(crate) fn run(timeout: Option<Duration>, invocation: Invocation) -> Result<Output, RunError> {
    block_on(Runner::default().run(invocation, timeout, listener()))
}

/// Remembers every event.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Vec<Event>>);

impl Observer for Seen {
    fn event(&self, _: &Call, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Seen {
    /// The listener of a call whose events are remembered here.
    pub(crate) fn listener(self: &Arc<Self>) -> Listener {
        listener_with(Redactor::default(), Some(self.clone()))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |event| match event {
            Event::Line { text, .. } => Some(text),
            _ => None,
        };
        self.events().into_iter().filter_map(line).collect()
    }

    /// The processes that were started so far.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let pid = |event| match event {
            Event::Started { pid } => Some(pid),
            _ => None,
        };
        self.events().into_iter().filter_map(pid).collect()
    }

    /// Waits until so many lines have come.
    pub(crate) fn wait_for_lines(&self, count: usize) {
        eventually("lines from the child", || self.lines().len() >= count);
    }
}

/// Waits until it is so.
pub(crate) fn eventually(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the process is there, be it as a zombie.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether the process is there and not a zombie.
pub(crate) fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

/// Drives a future on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let began = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(began.elapsed() < PATIENCE, "the call did not end");
        thread::park_timeout(PATIENCE);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls once: enough to start it.
pub(crate) fn begin<F: Future>(future: std::pin::Pin<&mut F>) {
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "ended before it could be cancelled");
}

/// Runs `body` in a process of its own, which a shell starts after `prelude`. `name` is the name of
/// the calling test.
pub(crate) fn isolated(name: &str, prelude: &str, body: impl FnOnce()) {
    const INNER: &str = "FAULTS_INNER";
    if std::env::var(INNER).is_ok_and(|inner| inner == name) {
        return body();
    }
    let command = format!("{prelude}\nexec \"$0\" --exact \"${INNER}\" --nocapture");
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", &command])
        .arg(std::env::current_exe().unwrap())
        .env(INNER, name)
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success(), "{name} alone:\n{printed}");
    assert!(printed.contains("1 passed"), "no test is called {name}");
}

/// How many entries a directory has.
pub(crate) fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}
