//! The task that owns one command: starts it, reads what it prints, stops it, reaps it, reads its report
//! and removes its files.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use super::error::RunError;
use super::invocation::Invocation;
use super::launch::launch;
use super::listener::{Listener, Stream};
use super::output::{Exit, Interruption, Output};
use super::report::read_report;
use super::report_dir::ReportDir;
use super::runner::Cancellation;
use super::stream::Printed;
use super::watcher::Watcher;

/// How often the task looks whether the command has exited. A command closes its output as it exits, so
/// this matters only where it leaves a descendant that keeps the output open, or closed it before.
const TICK: Duration = Duration::from_millis(50);
/// How soon the task looks for the first time after the output has ended; then half as often each time.
const FIRST_LOOK: Duration = Duration::from_micros(200);
/// How long a descendant may keep the output open after the command has exited.
const DRAIN: Duration = Duration::from_secs(1);
/// How long the rest of a killed group may take to be gone.
const DISPERSAL: Duration = Duration::from_millis(500);
/// How many pairs of descriptors a run needs at most, beside those of its caller.
const DESCRIPTOR_PAIRS: usize = 5;

/// A command, and how it is run.
pub(super) struct Job {
    pub(super) invocation: Invocation,
    pub(super) listener: Arc<dyn Listener>,
    /// How long the command may run.
    pub(super) timeout: Option<Duration>,
    pub(super) said_unwatched: Arc<AtomicBool>,
}

/// Runs the command, and returns when nothing is left of it but what is returned.
pub(super) fn run(job: &Job, cancellation: &mut Cancellation) -> Result<Output, RunError> {
    enough_descriptors().map_err(|source| RunError::Supervisor { source })?;
    let writes_report = job.invocation.writes_report();
    let links = job.invocation.links();
    let mut dir = (writes_report || links.is_some())
        .then(ReportDir::choose)
        .transpose()?;
    // The watcher is the first process of a run, so that it watches all the others.
    let directory = dir.as_ref().map_or(Path::new(""), ReportDir::path);
    let watcher = Watcher::start(directory)?;
    if watcher.is_none() && !job.said_unwatched.swap(true, Ordering::Relaxed) {
        job.listener.unwatched();
    }
    if let Some(dir) = &mut dir {
        dir.create()?;
        if let Some(links) = links {
            dir.link(links)?;
        }
    }
    let report = dir.as_ref().map(ReportDir::report).unwrap_or_default();
    let links = dir.as_ref().map(ReportDir::links).unwrap_or_default();
    let began = Instant::now();
    let mut group = Group::start(&job.invocation, (&report, &links), watcher)?;
    job.listener.started(group.command.id());
    let listener = &*job.listener;
    let mut streams = [
        Printed::new(Stream::Stdout, group.command.stdout.take(), listener),
        Printed::new(Stream::Stderr, group.command.stderr.take(), listener),
    ];
    let ended = watch(job, began, &group, &mut streams, cancellation);
    let (exit, interrupted) = ended.map_err(|source| RunError::Lost { source })?;
    let [stdout, stderr] = drained(streams);
    let read = (writes_report && !cancellation.is_requested()).then(|| read_report(&report));
    // The watcher would remove the directory if this process died now. It is killed with its group.
    if let Some(dir) = &dir {
        dir.remove();
    }
    drop(group);
    // What a descendant wrote until it was killed.
    drop(dir);
    let mut output = Output {
        exit,
        report: None,
        stdout,
        stderr,
        interrupted,
        duration: began.elapsed(),
    };
    job.listener.finished(&output);
    match read {
        None => Ok(output),
        Some(Ok(bytes)) => {
            output.report = bytes;
            Ok(output)
        }
        Some(Err(problem)) => Err(RunError::Report {
            problem,
            output: Box::new(output),
        }),
    }
}

/// Waits for the command to exit, and reads what it prints. Kills its group when its time runs out or
/// its call is cancelled.
fn watch(
    job: &Job,
    began: Instant,
    group: &Group,
    streams: &mut [Printed<'_>],
    cancellation: &mut Cancellation,
) -> io::Result<(Exit, Option<Interruption>)> {
    let mut interrupted = None;
    let mut pause = FIRST_LOOK;
    loop {
        // Before the clock: while this process was suspended, the command may have ended in time.
        if let Some(exit) = group.exit()? {
            return Ok((exit, interrupted));
        }
        let left = job.timeout.map(|it| it.saturating_sub(began.elapsed()));
        if interrupted.is_none() {
            interrupted = match (cancellation.is_requested(), left, job.timeout) {
                (true, ..) => Some(Interruption::Dropped),
                (_, Some(Duration::ZERO), Some(timeout)) => Some(Interruption::Timeout(timeout)),
                _ => None,
            };
            if let Some(why) = interrupted {
                job.listener.interrupted(why);
                group.kill();
            }
        }
        let time = if streams.iter().any(|stream| stream.pipe().is_some()) {
            TICK
        } else {
            pause = (2 * pause).min(TICK);
            pause
        };
        match interrupted {
            None => read(
                streams,
                Some(cancellation),
                left.map_or(time, |it| it.min(time)),
            ),
            Some(_) => read(streams, None, time),
        }
    }
}

/// What was printed, once the command has exited. A descendant may still print, or only keep the output
/// open.
fn drained<const N: usize>(mut streams: [Printed<'_>; N]) -> [super::Captured; N] {
    let began = Instant::now();
    while let Some(left) = DRAIN.checked_sub(began.elapsed())
        && streams.iter().any(|stream| stream.pipe().is_some())
    {
        read(&mut streams, None, left);
    }
    streams.map(Printed::finish)
}

/// Waits for `time`, for output or for a cancellation, and reads the output.
fn read(streams: &mut [Printed<'_>], cancellation: Option<&Cancellation>, time: Duration) {
    let mut ready = [false; 2];
    {
        let open = streams.iter().enumerate();
        let open = open.filter_map(|(at, stream)| Some((Some(at), stream.pipe()?.as_fd())));
        let cancellation = cancellation.map(|it| (None, it.as_fd()));
        let (which, mut fds): (Vec<Option<usize>>, Vec<PollFd<'_>>) = open
            .chain(cancellation)
            .map(|(at, fd)| (at, PollFd::from_borrowed_fd(fd, PollFlags::IN)))
            .unzip();
        let timeout = Timespec::try_from(time).ok();
        // An interrupted system call is a short wait.
        if poll(&mut fds, timeout.as_ref()).is_ok() {
            for (at, fd) in which.into_iter().zip(&fds) {
                if let (Some(at), false) = (at, fd.revents().is_empty()) {
                    ready[at] = true;
                }
            }
        }
    }
    for (stream, ready) in streams.iter_mut().zip(ready) {
        if ready {
            stream.read();
        }
    }
}

/// The process group of a command. Dropping it kills the group and reaps what is a child of this process.
struct Group {
    command: Child,
    /// It leads the group, where there is one. It is reaped after the last signal, so that the group's id
    /// is not another group's.
    watcher: Option<Watcher>,
}

impl Group {
    fn start(
        invocation: &Invocation,
        (report, links): (&Path, &Path),
        watcher: Option<Watcher>,
    ) -> Result<Self, RunError> {
        let leader = watcher.as_ref().map(Watcher::group);
        let command = launch(invocation, report, links, leader)?;
        Ok(Self { command, watcher })
    }

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
    use super::*;

    #[test]
    fn dropping_a_group_ends_and_reaps_it() {
        let invocation = Invocation {
            program: "/bin/sleep".into(),
            args: vec!["600".into()],
            cwd: "/".into(),
            env: super::super::Environment::default(),
        };
        for watcher in [None, Watcher::start(Path::new("")).unwrap()] {
            let group = Group::start(&invocation, (Path::new(""), Path::new("")), watcher).unwrap();
            let (id, pid) = (group.id(), Pid::from_child(&group.command));
            assert_eq!(group.exit().unwrap(), None);
            drop(group);
            assert!(test_kill_process_group(id).is_err());
            assert!(rustix::process::test_kill_process(pid).is_err());
        }
    }
}
