//! Commands that are given up, by the caller or by the clock.

use std::pin::pin;
use std::time::Duration;

use fraisier_adapter_confiture::outcome::{Exit, Interruption};
use fraisier_adapter_confiture::process::{Options, Runner};

use super::support::*;

#[test]
fn a_command_that_ends_is_reported() {
    let finished = run(
        Options::default(),
        script("echo out; echo err >&2; printf '{}' > \"$1\"; exit 3"),
    )
    .unwrap();
    assert_eq!(finished.exit, Exit::Code(3));
    assert_eq!(finished.report.as_deref(), Some(&b"{}"[..]));
    assert_eq!(finished.stdout.head, b"out\n");
    assert_eq!(finished.stderr.head, b"err\n");
    assert_eq!((finished.interrupted, finished.killed), (None, false));
}

#[test]
fn the_timeout_interrupts() {
    let limit = Duration::from_millis(300);
    let options = Options {
        timeout: Some(limit),
        ..Options::default()
    };
    let finished = run(options, script("trap 'exit 130' INT; sleep 600 & wait")).unwrap();
    assert_eq!(finished.exit, Exit::Code(130));
    assert_eq!(finished.interrupted, Some(Interruption::Timeout(limit)));
    assert!(!finished.killed);
}

#[test]
fn dropping_the_future_interrupts_and_the_last_handle_waits() {
    let (options, seen) = watched();
    let runner = Runner::new(options);
    {
        let mut call = pin!(runner.run(
            script("trap 'echo stopped; exit 130' INT; echo up; sleep 600 & wait"),
            context()
        ));
        begin(call.as_mut());
        seen.wait_for_lines(1);
    }
    drop(runner);
    assert_eq!(seen.lines(), ["up", "stopped"]);
    assert!(!exists(seen.pids()[0]));
}
