//! What the supervisor does for one run, from its start to its end.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tracing::{Dispatch, Span};

use super::error::RunError;
use super::group;
use super::invocation::Invocation;
use super::launch::launch;
use super::life::Event;
use super::listener::{Listener, Stream};
use super::options::Options;
use super::output::{Exit, Output};
use super::printed::Printed;
use super::report::read_report;
use super::report_dir::ReportDir;
use super::run::{Run, Tended};
use super::watcher::Watcher;

/// How long a descendant may keep the output open after the command has exited.
const DRAIN: Duration = Duration::from_secs(1);
/// How often the supervisor looks whether the command has exited, without a `SIGCHLD`: the program
/// around this adapter may block that signal or take it for itself.
const TICK: Duration = Duration::from_millis(200);

/// What the supervisor needs to conduct a run.
pub(super) struct Job {
    pub(super) invocation: Invocation,
    pub(super) listener: Arc<dyn Listener>,
    /// How long the command may run.
    pub(super) timeout: Option<Duration>,
    pub(super) reply: oneshot::Sender<Result<Output, RunError>>,
    pub(super) run: Tended,
    /// Where its trace belongs.
    pub(super) span: Span,
    pub(super) dispatch: Dispatch,
}

/// Runs the command, and ends when nothing of the run is left.
pub(super) async fn conduct(job: Job, options: Arc<Options>) {
    if job.run.told().is_some() {
        return;
    }
    let outcome = run(&job, &options).await;
    drop(job.run);
    // When the call was given up, nobody waits for the reply.
    let _ = job.reply.send(outcome);
}

async fn run(job: &Job, options: &Options) -> Result<Output, RunError> {
    let writes_report = job.invocation.writes_report();
    let mut report = writes_report.then(ReportDir::choose).transpose()?;
    // The watcher is the first process of a run, so that it watches all the others.
    let directory = report.as_ref().map_or(Path::new(""), ReportDir::path);
    let watcher = Watcher::start(options, directory)?;
    if let Some(report) = &mut report {
        report.create()?;
    }
    let leader = watcher.as_ref().map(Watcher::group);
    let path = report.as_ref().map(ReportDir::report);
    job.run.holds(watcher, report);
    let supervisor = |source| RunError::Supervisor { source };
    let mut children = signal(SignalKind::child()).map_err(supervisor)?;
    let began = Instant::now();
    let report = path.as_deref().unwrap_or(Path::new(""));
    let mut child = launch(&job.invocation, report, leader).await?;
    let pid = Pid::from_child(&child);
    let pipes = (child.stdout.take(), child.stderr.take());
    job.run.started(child);
    job.listener
        .started(pid.as_raw_nonzero().get().cast_unsigned());
    let lost = |source| RunError::Lost { source };
    let printed = |stream, pipe| Printed::new(stream, pipe, &*job.listener).map_err(lost);
    let mut stdout = printed(Stream::Stdout, pipes.0.map(OwnedFd::from))?;
    let mut stderr = printed(Stream::Stderr, pipes.1.map(OwnedFd::from))?;

    let (ending, drained) = {
        let drain = async { tokio::join!(stdout.pump(), stderr.pump()) };
        tokio::pin!(drain);
        let watch = watch(job, &mut children);
        tokio::pin!(watch);
        let mut drained = false;
        let ending = loop {
            tokio::select! {
                ending = &mut watch => break ending,
                _ = &mut drain, if !drained => drained = true,
            }
        };
        // A descendant may still print, or only keep the pipes open.
        (ending, drained || timeout(DRAIN, &mut drain).await.is_ok())
    };
    if !drained {
        stdout.take_rest();
        stderr.take_rest();
    }
    let (stdout, stderr) = (stdout.finish(), stderr.finish());
    job.run.on(Event::Left);
    group::dispersed(leader.unwrap_or(pid)).await;

    let exit = ending.map_err(lost)?;
    let mut output = Output {
        exit,
        report: None,
        stdout,
        stderr,
        interrupted: job.run.told(),
        duration: began.elapsed(),
    };
    job.listener.finished(&output);
    let Some(report) = path.filter(|_| !job.reply.is_closed()) else {
        return Ok(output);
    };
    match read_report(&report) {
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

/// Waits for the command to exit. Kills it when its time runs out or its call is given up.
async fn watch(job: &Job, children: &mut tokio::signal::unix::Signal) -> io::Result<Exit> {
    let exit = exited(&job.run, children);
    tokio::pin!(exit);
    let limit = async {
        if let Some(limit) = job.timeout {
            sleep(limit).await;
            job.run.on(Event::TimedOut(limit));
        }
        std::future::pending::<Infallible>().await
    };
    tokio::pin!(limit);
    let interrupted = job.run.interrupted();
    tokio::pin!(interrupted);
    let why = tokio::select! {
        biased;
        exit = &mut exit => {
            // It may have been stopped, and have exited, before this thread looked.
            if let Some(why) = job.run.told() {
                job.listener.interrupted(why);
            }
            return exit;
        }
        why = &mut interrupted => why,
        never = &mut limit => match never {},
    };
    job.listener.interrupted(why);
    exit.await
}

async fn exited(run: &Run, children: &mut tokio::signal::unix::Signal) -> io::Result<Exit> {
    loop {
        if let Some(exit) = run.look()? {
            return Ok(exit);
        }
        let _ = timeout(TICK, children.recv()).await;
    }
}
