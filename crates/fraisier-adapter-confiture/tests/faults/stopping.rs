//! Commands that are stopped, by the caller or by the timeout.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Exit, Interruption, Output, Runner};
use rustix::process::{Pid, Signal, kill_process_group};

use super::support::*;

/// What goes on until a signal ends it.
const FOREVER: &str = "while :; do sleep 0.1; done";

/// The output of a script that has done `first` and does `work` when the timeout is reached.
fn timed_out(first: &str, work: &str) -> Output {
    let text = format!("{first}; echo up; {work}");
    let mut limit = Duration::from_millis(200);
    loop {
        let output = run(Some(limit), script(&text)).unwrap();
        // On a busy machine even a shell may need longer than that to come up.
        if output.stdout.head.starts_with(b"up\n") {
            assert_eq!(output.interrupted, Some(Interruption::Timeout(limit)));
            return output;
        }
        assert!(limit < PATIENCE, "the script never came up");
        limit *= 4;
    }
}

#[test]
fn the_exit_of_a_command_is_reported() {
    let output = run(
        None,
        script("echo out; echo err >&2; printf '{}' > \"$1\"; exit 3"),
    )
    .unwrap();
    assert_eq!(output.exit, Exit::Code(3));
    assert_eq!(report_of(&output).as_deref(), Some(&b"{}"[..]));
    assert_eq!(output.stdout.head, b"out\n");
    assert_eq!(output.stderr.head, b"err\n");
    assert_eq!((output.interrupted, output.was_killed()), (None, false));
}

#[test]
fn the_timeout_kills_whatever_the_child_handles_or_ignores() {
    for (first, work) in [
        (":", FOREVER),
        ("trap 'echo last word; exit 0' INT TERM", FOREVER),
        ("trap '' INT TERM HUP", FOREVER),
        (":", "kill -STOP $$; sleep 600"),
    ] {
        let output = timed_out(first, work);
        assert_eq!((output.exit, output.was_killed()), (Exit::Signal(9), true));
        assert_eq!(output.stdout.head, b"up\n");
    }
}

#[test]
fn a_report_that_was_written_before_the_kill_is_read() {
    let output = timed_out("printf done > \"$1\"", FOREVER);
    assert!(output.was_killed());
    assert_eq!(report_of(&output).as_deref(), Some(&b"done"[..]));
}

#[test]
fn a_command_that_ended_in_time_was_not_stopped() {
    // Its descendant holds the output open beyond the timeout. On a busy machine the command
    // itself may not end before it, so that is tried a few times.
    let ended_in_time = (5..10).any(|tenths| {
        let options = Some(Duration::from_millis(tenths * 100));
        let output = run(options, script("sleep 600 & echo $!")).unwrap();
        let descendant = String::from_utf8(output.stdout.head).unwrap();
        let descendant = descendant.trim().parse().unwrap();
        eventually("the end of the descendant", || !runs(descendant));
        (output.exit, output.interrupted) == (Exit::Code(0), None)
    });
    assert!(ended_in_time);
}

#[test]
fn a_descendant_outside_the_group_is_not_waited_for() {
    for noise in ["sleep 600", "while :; do echo noise; done"] {
        // It prints nothing before its id is known.
        let text = format!(
            "setsid sh -c 'while ! [ -e \"$0.shown\" ]; do sleep 0.05; done; : > \"$0\"; {noise}' \
             \"$1.up\" & echo $!
             : > \"$1.up.shown\"
             while ! [ -e \"$1.up\" ]; do sleep 0.05; done"
        );
        let output = run(None, script(&text)).unwrap();
        assert_eq!(output.exit, Exit::Code(0));
        let first = output.stdout.head.split(|byte| *byte == b'\n').next();
        let pid = String::from_utf8(first.unwrap().to_vec()).unwrap();
        // Its own group now, so nobody else's business but this test's.
        let group = Pid::from_raw(pid.parse().unwrap()).unwrap();
        kill_process_group(group, Signal::KILL).unwrap();
    }
}

/// Whether this process was started so that its children do not get the signal.
fn is_inherited(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let masks = ["SigIgn:", "SigBlk:"];
    let mut lines = status.lines();
    lines.any(|line| {
        let mask = masks.iter().find_map(|mask| line.strip_prefix(mask));
        mask.is_some_and(|mask| {
            u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (signal - 1)) != 0
        })
    })
}

#[test]
fn every_fatal_signal_is_reported() {
    // Not those that stop, continue or are ignored by default.
    let deadly = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 29, 30, 31,
    ];
    for signal in deadly {
        if is_inherited(signal) {
            println!("not tried: signal {signal} is ignored or blocked here, and so in a child");
            continue;
        }
        let text = format!("ulimit -c 0; echo last words; kill -{signal} $$; sleep 600");
        let output = run(None, script(&text)).unwrap();
        assert_eq!(output.exit, Exit::Signal(signal));
        assert_eq!(output.stdout.head, b"last words\n");
        assert_eq!(output.interrupted, None);
    }
}

#[test]
fn dropping_the_future_kills() {
    let (runner, seen) = watched();
    {
        let text = format!("trap '' INT TERM; echo up; {FOREVER}");
        let mut call = pin!(runner.run(script(&text), None, seen.listener()));
        begin(call.as_mut());
        seen.wait_for_lines(1);
    }
    block_on(runner.settled());
    assert!(!exists(seen.pids()[0]));
    let interrupted = Event::Interrupted {
        why: Interruption::Dropped,
    };
    assert!(seen.events().contains(&interrupted));
    assert!(matches!(
        seen.events().last(),
        Some(Event::Finished {
            exit: Exit::Signal(9),
            killed: true,
            ..
        })
    ));
}

#[test]
fn an_unpolled_future_starts_nothing() {
    let (runner, seen) = watched();
    drop(runner.run(script("echo up"), None, seen.listener()));
    block_on(runner.settled());
    assert!(seen.events().is_empty());
}

#[test]
fn cancelling_during_the_start_leaves_nothing() {
    let (runner, seen) = watched();
    for delay in 0..100 {
        let mut call = Box::pin(runner.run(script(FOREVER), None, seen.listener()));
        begin(call.as_mut());
        std::thread::sleep(Duration::from_micros(delay * 40));
        drop(call);
    }
    block_on(runner.settled());
    let pids = seen.pids();
    assert!(pids.iter().all(|pid| !exists(*pid)), "of {pids:?}");
    let ends = |event: &Event| matches!(event, Event::Finished { .. });
    let ended = seen.events().iter().filter(|event| ends(event)).count();
    assert_eq!(ended, pids.len());
}

#[test]
fn a_command_that_ended_while_this_process_was_suspended_ended_in_time() {
    isolated(
        "stopping::a_command_that_ended_while_this_process_was_suspended_ended_in_time",
        "",
        || {
            // On a busy machine the command itself may not end before the timeout.
            let in_time = (1..6).any(|seconds| {
                let output = run(
                    Some(Duration::from_secs(seconds)),
                    script(&format!(
                        "setsid sh -c \": > '$1.waits'; sleep {seconds}.5; kill -CONT $PPID\" \
                         >/dev/null 2>&1 &
                         while ! [ -e \"$1.waits\" ]; do sleep 0.05; done
                         kill -STOP $PPID"
                    )),
                );
                let output = output.unwrap();
                // It may have been seen to end just before this process stopped.
                let suspended = output.duration > Duration::from_secs(seconds);
                suspended && (output.exit, output.interrupted) == (Exit::Code(0), None)
            });
            assert!(in_time);
        },
    );
}

#[test]
fn signals_ignored_at_start_stay_ignored() {
    isolated(
        "stopping::signals_ignored_at_start_stay_ignored",
        "trap '' INT HUP",
        || {
            let dispositions = || {
                let status = std::fs::read_to_string("/proc/self/status").unwrap();
                ["SigIgn:", "SigCgt:"].map(|mask| {
                    let line = status.lines().find(|line| line.starts_with(mask));
                    line.unwrap().to_owned()
                })
            };
            let before = dispositions();
            let text = "kill -INT $$; kill -HUP $$; echo alive";
            let output = run(None, script(text)).unwrap();
            assert_eq!(output.stdout.head, b"alive\n");
            assert_eq!(dispositions(), before);
        },
    );
}

#[test]
fn a_panicking_observer_does_not_affect_the_call() {
    struct Bad;
    impl Observer for Bad {
        fn event(&self, _: &Call, _: &Event) {
            std::panic::resume_unwind(Box::new("bad"));
        }
    }
    let listener = listener_with(Redactor::default(), Some(Arc::new(Bad)));
    let runner = Runner::default();
    let output = block_on(runner.run(script("echo out; exit 3"), None, listener)).unwrap();
    assert_eq!(output.exit, Exit::Code(3));
    assert_eq!(output.stdout.head, b"out\n");
}
