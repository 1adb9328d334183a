//! Runs commands for callers on any executor. A thread of its own owns each command: it starts the command,
//! reads what it prints, stops it, reaps it, reads its report and removes its files.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use super::invocation::{Invocation, launch};
use super::output::{Captured, Exit, Interruption, Output, RunError, Stream};
use super::report::{ReportDir, read_report};
use super::stream::Printed;
use super::watcher::{SHELL, Watcher};
use crate::thread::Threads;

/// How often the thread looks whether the command has exited. A command closes its output as it exits, so this
/// matters only if a descendant keeps the output open, or if the command closed it earlier.
const TICK: Duration = Duration::from_millis(50);
/// The pause before the first look after the output has ended; each further pause is twice as long.
const FIRST_LOOK: Duration = Duration::from_micros(200);
/// How long a descendant may keep the output open after the command has exited.
const DRAIN: Duration = Duration::from_secs(1);
/// How long to wait until the rest of a killed group has ended.
const DISPERSAL: Duration = Duration::from_millis(500);
/// How many pairs of descriptors a run needs at most, beside those of its caller.
const DESCRIPTOR_PAIRS: usize = 5;

/// What a command does while it runs.
#[derive(Debug, Clone, Copy)]
pub enum Activity<'a> {
    /// Nothing stops it when this process dies. This comes before the start, once from a runner.
    Unwatched,
    /// It was started as this process.
    Started(u32),
    /// It printed these bytes.
    Printed(Stream, &'a [u8]),
    /// The runner stopped it.
    Interrupted(Interruption),
    /// It ended with this output, which lacks the report. It prints nothing more.
    Finished(&'a Output),
}

/// Receives the activities of one command, on the thread that owns the command. It must not block.
pub type Listener = Box<dyn FnMut(Activity<'_>) + Send>;

/// Runs commands, any number at once, each on a thread of its own.
///
/// Dropping a runner waits for nothing: the thread of a cancelled run ends by itself within a few
/// seconds. [`Runner::settled`] waits for that.
#[derive(Debug, Clone, Default)]
pub struct Runner {
    /// Whether a missing watcher was reported.
    reported_unwatched: Arc<AtomicBool>,
    /// The threads of the commands, and those of calls, which [`settled`](Self::settled) waits for, too.
    pub(crate) threads: Threads,
}

impl Runner {
    /// Runs a command in the current span, kills it when it runs for longer than the timeout, and returns its
    /// output.
    ///
    /// Nothing starts before the future is polled. Dropping it kills the command, as the timeout
    /// does. It needs no runtime around it.
    ///
    /// # Errors
    ///
    /// - [`RunError::Supervisor`] when no thread can be started, for example at the limit of threads.
    /// - [`RunError::WorkDir`] when [`Invocation::cwd`] cannot be entered.
    /// - [`RunError::TempDir`] when `TMPDIR` is missing or its disk is full.
    /// - [`RunError::Program`] when the program is missing or may not be executed.
    /// - [`RunError::Report`] when the report is larger than 256 MiB.
    /// - [`RunError::Lost`] when something else in this process waits for every child.
    ///
    /// A command that fails or is killed is no error.
    pub fn run(
        &self,
        invocation: Invocation,
        timeout: Option<Duration>,
        listener: Listener,
    ) -> impl Future<Output = Result<Output, RunError>> + Send + use<> {
        let runner = self.clone();
        async move {
            let (caller, task) = UnixStream::pair().map_err(RunError::Supervisor)?;
            task.set_nonblocking(true).map_err(RunError::Supervisor)?;
            let _caller = Caller(caller);
            let threads = runner.threads.clone();
            let work = async move || run(&runner, &invocation, timeout, listener, &task);
            threads.run(work).await.map_err(RunError::Supervisor)?
        }
    }

    /// Waits until every cancelled run has ended.
    pub async fn settled(&self) {
        self.threads.settled().await;
    }
}

/// The caller's end of a socket to the thread of its command. Dropping it shuts the socket down, also where a
/// process that was forked meanwhile has a copy of it.
struct Caller(UnixStream);

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Runs the command, and returns when its processes and files are gone. It is cancelled when `caller` hangs
/// up.
fn run(
    runner: &Runner,
    invocation: &Invocation,
    timeout: Option<Duration>,
    mut listener: Listener,
    caller: &UnixStream,
) -> Result<Output, RunError> {
    enough_descriptors().map_err(RunError::Supervisor)?;
    let writes_report = invocation.writes_report();
    let links = invocation.links();
    let mut dir = ReportDir::choose(&std::env::temp_dir())?;
    // The watcher is the first process of a run, so that it watches all the others.
    let watcher = Watcher::start(SHELL, &dir.path)?;
    if watcher.is_none() && !runner.reported_unwatched.swap(true, Ordering::Relaxed) {
        listener(Activity::Unwatched);
    }
    if writes_report || links.is_some() {
        dir.create()?;
    }
    if let Some(links) = links {
        dir.link(links)?;
    }
    let began = Instant::now();
    let leader = watcher.as_ref().map(Watcher::group);
    let mut command = launch(invocation, &dir.report(), &dir.path, leader)?;
    listener(Activity::Started(command.id()));
    let mut streams = [
        Printed::new(Stream::Stdout, command.stdout.take()),
        Printed::new(Stream::Stderr, command.stderr.take()),
    ];
    let group = Group { command, watcher };
    let ended = watch(&group, &mut streams, &mut listener, caller, timeout);
    let (exit, interrupted) = ended.map_err(RunError::Lost)?;
    let [stdout, stderr] = drained(streams, &mut listener);
    let report = if writes_report && !has_hung_up(caller) {
        read_report(&dir.report())
    } else {
        Ok(None)
    };
    // The watcher would remove the directory if this process died now. It is killed with its group.
    dir.remove();
    drop(group);
    // Again, for what a descendant wrote until it was killed.
    drop(dir);
    let output = Output {
        exit,
        report: None,
        stdout,
        stderr,
        interrupted,
        duration: began.elapsed(),
    };
    listener(Activity::Finished(&output));
    match report {
        Ok(report) => Ok(Output { report, ..output }),
        Err(source) => Err(RunError::Report(source, Box::new(output))),
    }
}

/// Waits for the command to exit, and reads what it prints. Kills its group when its time runs out or
/// its call is cancelled.
fn watch(
    group: &Group,
    streams: &mut [Printed],
    listener: &mut Listener,
    caller: &UnixStream,
    timeout: Option<Duration>,
) -> io::Result<(Exit, Option<Interruption>)> {
    let began = Instant::now();
    let mut interrupted = None;
    let mut pause = FIRST_LOOK;
    loop {
        // Before the clock: while this process was suspended, the command may have ended in time.
        if let Some(exit) = group.exit()? {
            return Ok((exit, interrupted));
        }
        let is_over = |limit: &Duration| began.elapsed() >= *limit;
        if interrupted.is_none() {
            interrupted = if has_hung_up(caller) {
                Some(Interruption::Dropped)
            } else {
                timeout.filter(is_over).map(Interruption::Timeout)
            };
            if let Some(why) = interrupted {
                listener(Activity::Interrupted(why));
                group.kill();
            }
        }
        let mut time = TICK;
        if streams.iter().all(|stream| stream.pipe.is_none()) {
            pause = (2 * pause).min(TICK);
            time = pause;
        }
        let awaited = interrupted.is_none().then_some(caller);
        if let (Some(limit), Some(_)) = (timeout, awaited) {
            time = time.min(limit.saturating_sub(began.elapsed()));
        }
        read(streams, listener, awaited, time);
    }
}

/// The whole output, after the command has exited. A descendant may still print, or keep the output open.
fn drained<const N: usize>(mut streams: [Printed; N], listener: &mut Listener) -> [Captured; N] {
    let began = Instant::now();
    while let Some(left) = DRAIN.checked_sub(began.elapsed())
        && streams.iter().any(|stream| stream.pipe.is_some())
    {
        read(&mut streams, listener, None, left);
    }
    streams.map(|stream| stream.captured.ended_at_lines())
}

/// Waits for `time`, for output or for the caller to hang up, and reads the output.
fn read(
    streams: &mut [Printed],
    listener: &mut Listener,
    caller: Option<&UnixStream>,
    time: Duration,
) {
    let pipes = streams.iter().filter_map(|stream| stream.pipe.as_ref());
    let pipes = pipes.map(AsFd::as_fd).chain(caller.map(AsFd::as_fd));
    let mut fds: Vec<PollFd<'_>> = pipes
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    // An interrupted system call is a short wait.
    let _ = poll(&mut fds, Timespec::try_from(time).ok().as_ref());
    for stream in streams {
        stream.read(listener);
    }
}

fn has_hung_up(mut caller: &UnixStream) -> bool {
    matches!(caller.read(&mut [0]), Ok(0))
}

/// The process group of a command. Dropping it kills the group and reaps what is a child of this process.
struct Group {
    command: Child,
    /// It leads the group, if there is one. It is reaped after the last signal, so that no other group gets
    /// the id before.
    watcher: Option<Watcher>,
}

impl Group {
    fn id(&self) -> Pid {
        let watcher = self.watcher.as_ref().map(Watcher::group);
        watcher.unwrap_or_else(|| Pid::from_child(&self.command))
    }

    /// How the command ended, if it did. It stays a zombie, and so keeps its id, until it is reaped.
    fn exit(&self) -> io::Result<Option<Exit>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.command)), options)?;
        Ok(status.and_then(|status| {
            let code = status.exit_status().map(Exit::Code);
            code.or_else(|| status.terminating_signal().map(Exit::Signal))
        }))
    }

    /// Kills the group, which may have no member any more.
    fn kill(&self) {
        let _ = kill_process_group(self.id(), Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        let id = self.id();
        // It exited or was killed, so this returns soon.
        let _ = self.command.wait();
        self.watcher = None;
        // The others may still have files open or a session with the server. They stay zombies where
        // nobody reaps orphans.
        let killed = Instant::now();
        while killed.elapsed() < DISPERSAL && test_kill_process_group(id).is_ok() {
            sleep(Duration::from_millis(1));
        }
    }
}

/// Fails where too few descriptors are left, before anything is started.
fn enough_descriptors() -> io::Result<()> {
    (0..DESCRIPTOR_PAIRS)
        .map(|_| UnixStream::pair())
        .collect::<Result<Vec<_>, _>>()
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn dropping_a_group_kills_and_reaps_it() {
        let invocation = Invocation {
            program: "/bin/sleep".into(),
            args: vec!["600".into()],
            cwd: "/".into(),
            env: super::super::Environment::default(),
        };
        let nowhere = Path::new("");
        for watcher in [None, Watcher::start(SHELL, nowhere).unwrap()] {
            let leader = watcher.as_ref().map(Watcher::group);
            let command = launch(&invocation, nowhere, nowhere, leader).unwrap();
            let group = Group { command, watcher };
            let (id, pid) = (group.id(), Pid::from_child(&group.command));
            assert_eq!(group.exit().unwrap(), None);
            drop(group);
            assert!(test_kill_process_group(id).is_err());
            assert!(rustix::process::test_kill_process(pid).is_err());
        }
    }
}
