//! One call from its start to its end, as the supervisor sees it.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, test_kill_process_group};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::error::RunError;
use super::group::{Group, Ids, Open};
use super::invocation::Invocation;
use super::launch::{Launched, launch};
use super::listener::{Listener, Stream};
use super::options::Options;
use super::output::{Exit, Interruption, Output};
use super::printed::Printed;
use super::report_file::ReportFile;
use super::sigint;
use super::watcher::Watcher;

/// How long a descendant may hold the output open after the command has exited.
const DRAIN: Duration = Duration::from_secs(1);
/// How long the rest of a killed group may take to be gone.
const DISPERSAL: Duration = Duration::from_millis(500);
/// How often the child is looked at although no signal said to: the program around this adapter may
/// block `SIGCHLD` or take it for itself.
const TICK: Duration = Duration::from_millis(200);

/// What the supervisor needs to conduct a call.
pub(super) struct Job {
    pub(super) invocation: Invocation,
    pub(super) listener: Arc<dyn Listener>,
    /// How long the command may run.
    pub(super) timeout: Option<Duration>,
    pub(super) reply: oneshot::Sender<Result<Output, RunError>>,
    pub(super) open: Open,
}

/// Runs the command, and ends with everything it used given back.
pub(super) async fn conduct(job: Job, options: Arc<Options>) {
    if job.open.0.interruption().is_some() {
        return;
    }
    let outcome = run(&job, &options).await;
    // Nobody takes the reply of a call that was given up.
    let _ = job.reply.send(outcome);
}

async fn run(job: &Job, options: &Options) -> Result<Output, RunError> {
    // It comes first: whatever is there of the call is watched.
    let mut watcher = Watcher::start(options)?;
    let report = if job.invocation.writes_report() {
        Some(ReportFile::create()?)
    } else {
        None
    };
    if let Some(watcher) = &mut watcher {
        watcher.clears(report.as_ref().map_or(Path::new(""), ReportFile::dir));
    }
    let supervisor = |source| RunError::Supervisor { source };
    sigint::keep_deliverable().map_err(supervisor)?;
    let mut children = signal(SignalKind::child()).map_err(supervisor)?;
    let began = Instant::now();
    let path = report.as_ref().map(ReportFile::path).unwrap_or_default();
    let launched = launch(&job.invocation, &path, watcher, options.stop).await?;
    let ids = Ids {
        command: launched.command(),
        group: launched.group(),
    };
    let mut running = Reaped {
        launched,
        group: &job.open.0,
    };
    job.open.0.started(ids);
    let child = &mut running.launched.child;
    job.listener.started(child.id());
    let lost = |source| RunError::Lost { source };
    let printed = |stream, pipe| {
        Printed::new(stream, pipe, options.output_limit, &*job.listener).map_err(lost)
    };
    let pipe = child.stdout.take().map(OwnedFd::from);
    let mut stdout = printed(Stream::Stdout, pipe)?;
    let pipe = child.stderr.take().map(OwnedFd::from);
    let mut stderr = printed(Stream::Stderr, pipe)?;

    let (ending, drained) = {
        let drain = async { tokio::join!(stdout.pump(), stderr.pump()) };
        tokio::pin!(drain);
        let watch = watch(job, options, &mut children);
        tokio::pin!(watch);
        let mut drained = false;
        let ending = loop {
            tokio::select! {
                ending = &mut watch => break ending,
                _ = &mut drain, if !drained => drained = true,
            }
        };
        // A descendant may still print; when it only holds the pipes, that is not waited for.
        (ending, drained || timeout(DRAIN, &mut drain).await.is_ok())
    };
    if !drained {
        stdout.take_rest();
        stderr.take_rest();
    }
    let (stdout, stderr) = (stdout.finish(), stderr.finish());
    drop(running);
    dispersed(ids.group).await;

    let exit = ending.map_err(lost)?;
    let interrupted = job.open.0.interruption();
    let killed = interrupted.is_some() && exit == Exit::Signal(Signal::KILL.as_raw());
    let mut output = Output {
        exit,
        report: None,
        stdout,
        stderr,
        interrupted,
        killed,
        duration: began.elapsed(),
    };
    job.listener.finished(exit, output.duration, killed);
    let Some(report) = report.filter(|_| !job.reply.is_closed()) else {
        return Ok(output);
    };
    match report.read(options.report_limit) {
        Ok(bytes) => {
            output.report = bytes;
            Ok(output)
        }
        Err(problem) => Err(RunError::Report {
            problem,
            output: Box::new(output),
        }),
    }
}

/// Waits for the command to exit, stopping it when it is time to, and killing the group when that was
/// not enough.
async fn watch(
    job: &Job,
    options: &Options,
    children: &mut tokio::signal::unix::Signal,
) -> io::Result<Exit> {
    let exit = exited(&job.open.0, children);
    tokio::pin!(exit);
    let limit = async {
        if let Some(limit) = job.timeout {
            sleep(limit).await;
            job.open.0.stop(Interruption::Timeout(limit));
        }
        std::future::pending::<Infallible>().await
    };
    tokio::pin!(limit);
    let interrupted = job.open.0.interrupted();
    tokio::pin!(interrupted);
    let why = tokio::select! {
        biased;
        exit = &mut exit => {
            // It may have ended of the interrupt before this thread heard of that.
            if let Some(why) = job.open.0.interruption() {
                job.listener.interrupted(why);
            }
            return exit;
        }
        why = &mut interrupted => why,
        never = &mut limit => match never {},
    };
    job.listener.interrupted(why);
    // An interrupt can get lost, in a finalizer for example, where Python ignores exceptions.
    let half = options.grace / 2;
    if let Ok(exit) = timeout(half, &mut exit).await {
        return exit;
    }
    job.open.0.stop_again();
    if let Ok(exit) = timeout(options.grace.saturating_sub(half), &mut exit).await {
        return exit;
    }
    job.open.0.kill();
    exit.await
}

async fn exited(group: &Group, children: &mut tokio::signal::unix::Signal) -> io::Result<Exit> {
    loop {
        if let Some(exit) = group.poll_exit()? {
            return Ok(exit);
        }
        let _ = timeout(TICK, children.recv()).await;
    }
}

/// Waits, within reason, until the members of a killed group are gone: they may still hold files,
/// or a session with the server. Where nobody reaps orphans, they stay as zombies for good.
async fn dispersed(group: Pid) {
    let gone = async {
        while test_kill_process_group(group).is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = timeout(DISPERSAL, gone).await;
}

/// Makes sure, however the call goes on, that what is left of the group is killed and its processes
/// are reaped.
struct Reaped<'a> {
    launched: Launched,
    group: &'a Group,
}

impl Drop for Reaped<'_> {
    fn drop(&mut self) {
        self.group.kill();
        self.group.reap(|| {
            // They were killed if they had not exited, so this does not wait for anything but that.
            let _ = self.launched.child.wait();
            drop(self.launched.watcher.take());
        });
    }
}
