//! Running a helper program to its end, or to an interrupt.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};

use super::interrupt;

/// How often a wait checks whether the child has ended or an interrupt has come.
const POLL: Duration = Duration::from_millis(10);

/// The output of a program.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output, lossily decoded.
    pub stdout: String,
    /// Standard error, lossily decoded.
    pub stderr: String,
}

/// Runs `command` with no input, in a process group of its own, so that a Ctrl-C on the terminal
/// reaches this process first and the whole group is stopped in order.
pub fn run(command: &mut Command) -> anyhow::Result<Output> {
    run_with(command, Stdio::null())
}

/// As [`run`], but kills a program that runs longer than `limit`.
pub fn run_within(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
    run_until(command, Stdio::null(), Some(limit))
}

/// As [`run`], with `stdin` for its standard input.
pub fn run_with(command: &mut Command, stdin: Stdio) -> anyhow::Result<Output> {
    run_until(command, stdin, None)
}

fn run_until(
    command: &mut Command,
    stdin: Stdio,
    limit: Option<Duration>,
) -> anyhow::Result<Output> {
    interrupt::check()?;
    let name = command.get_program().to_owned();
    let began = Instant::now();
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", name.display()))?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupt::raised() {
            stop_group(&mut child);
            return Err(interrupt::Interrupted.into());
        }
        if let Some(limit) = limit.filter(|limit| began.elapsed() > *limit) {
            stop_group(&mut child);
            anyhow::bail!("{} did not end in time, within {limit:?}", name.display());
        }
        std::thread::sleep(POLL);
    };
    Ok(Output {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    })
}

fn drain(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What arrived before a read error is still shown.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn stop_group(child: &mut Child) {
    signal_group(child, Signal::TERM);
    if !wait_for(child, Duration::from_secs(3)) {
        signal_group(child, Signal::KILL);
        let _ = child.wait();
    }
}

/// Sends `signal` to the process group of `child`, which has not been waited for yet.
pub fn signal_group(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Whether `child` ended within `limit`.
pub fn wait_for(child: &mut Child, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < end => std::thread::sleep(POLL),
            Ok(None) => return false,
            _ => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status_are_returned() {
        let output =
            run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 7"])).unwrap();
        assert_eq!(output.status.code(), Some(7));
        assert_eq!(output.stdout, "out\n");
        assert_eq!(output.stderr, "err\n");
    }

    #[test]
    fn a_program_over_its_time_limit_is_killed() {
        let limit = Duration::from_millis(50);
        let error = run_within(Command::new("sleep").arg("60"), limit).unwrap_err();
        assert!(error.to_string().contains("in time"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-anywhere"));
    }
}
