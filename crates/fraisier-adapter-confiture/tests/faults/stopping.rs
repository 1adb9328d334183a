//! Commands that are given up, by the caller or by the clock.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{
    Exit, Interruption, Obstacle, Options, Output, RunError, Runner, Stop,
};
use rustix::process::{Pid, Signal, kill_process_group};

use super::support::*;

/// What goes on until a signal ends it.
const FOREVER: &str = "while :; do sleep 0.1; done";

fn impatient(limit: Duration, grace: Duration) -> Options {
    Options {
        timeout: Some(limit),
        grace,
        ..Options::default()
    }
}

/// What a script leaves that is prepared for the timeout by `prepare` when it comes.
fn timed_out(grace: Duration, prepare: &str, work: &str) -> Output {
    stopped(Stop::Interrupt, grace, prepare, work)
}

/// The same, stopped in this way.
fn stopped(stop: Stop, grace: Duration, prepare: &str, work: &str) -> Output {
    let text = format!("{prepare}; echo up; {work}");
    let mut limit = Duration::from_millis(200);
    loop {
        let options = Options {
            stop,
            ..impatient(limit, grace)
        };
        let output = run(options, script(&text)).unwrap();
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
fn a_command_that_ends_is_reported() {
    let output = run(
        Options::default(),
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
fn the_timeout_interrupts() {
    let output = timed_out(PATIENCE, "trap 'exit 130' INT", FOREVER);
    assert_eq!((output.exit, output.was_killed()), (Exit::Code(130), false));
}

#[test]
fn a_child_that_ignores_the_interrupt_is_killed_after_the_grace() {
    let grace = Duration::from_millis(300);
    let output = timed_out(grace, "trap '' INT", FOREVER);
    assert_eq!((output.exit, output.was_killed()), (Exit::Signal(9), true));
    assert!(output.duration >= grace);
    assert_eq!(output.stdout.head, b"up\n");
}

#[test]
fn a_kill_leaves_the_child_no_last_word_and_needs_no_grace() {
    // A grace that no test would wait for.
    let grace = 4 * PATIENCE;
    let prepare = "trap 'echo last word; exit 0' INT TERM";
    let output = stopped(Stop::Kill, grace, prepare, FOREVER);
    assert_eq!((output.exit, output.was_killed()), (Exit::Signal(9), true));
    assert_eq!(output.stdout.head, b"up\n");
}

#[test]
fn an_interrupt_that_got_lost_is_repeated() {
    let prepare = "n=0; trap 'n=$((n+1)); [ $n = 2 ] && exit 7' INT";
    let output = timed_out(Duration::from_secs(4), prepare, FOREVER);
    assert_eq!((output.exit, output.was_killed()), (Exit::Code(7), false));
}

#[test]
fn a_stopped_child_is_interrupted() {
    let output = timed_out(PATIENCE, "trap 'exit 5' INT", "kill -STOP $$; sleep 600");
    assert_eq!(output.exit, Exit::Code(5));
}

#[test]
fn work_that_was_done_before_the_interrupt_took_effect_is_reported() {
    let prepare = "trap 'printf done > \"$1\"; exit 0' INT";
    let output = timed_out(PATIENCE, prepare, FOREVER);
    assert_eq!(output.exit, Exit::Code(0));
    assert_eq!(report_of(&output).as_deref(), Some(&b"done"[..]));
}

#[test]
fn a_command_that_ended_in_time_was_not_interrupted() {
    // Its descendant holds the output open beyond the timeout. On a busy machine the command
    // itself may not end before it, so that is tried a few times.
    let ended_in_time = (5..10).any(|tenths| {
        let options = Options {
            stop: Stop::Interrupt,
            ..impatient(Duration::from_millis(tenths * 100), PATIENCE)
        };
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
        // It makes no noise before its id is told.
        let text = format!(
            "setsid sh -c 'while ! [ -e \"$0.told\" ]; do sleep 0.05; done; : > \"$0\"; {noise}' \
             \"$1.up\" & echo $!
             : > \"$1.up.told\"
             while ! [ -e \"$1.up\" ]; do sleep 0.05; done"
        );
        let output = run(Options::default(), script(&text)).unwrap();
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
fn every_deadly_signal_is_reported() {
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
        let output = run(Options::default(), script(&text)).unwrap();
        assert_eq!(output.exit, Exit::Signal(signal));
        assert_eq!(output.stdout.head, b"last words\n");
        assert_eq!(output.interrupted, None);
    }
}

#[test]
fn dropping_the_future_interrupts() {
    let (runner, seen) = watched();
    {
        let text = format!("trap 'echo stopped; exit 130' INT; echo up; {FOREVER}");
        let mut call = pin!(runner.run(script(&text), seen.context()));
        begin(call.as_mut());
        seen.wait_for_lines(1);
    }
    block_on(runner.settled());
    assert_eq!(seen.lines(), ["up", "stopped"]);
    assert!(!exists(seen.pids()[0]));
    let interrupted = Event::Interrupted {
        why: Interruption::Dropped,
    };
    assert!(seen.events().contains(&interrupted));
    assert!(matches!(
        seen.events().last(),
        Some(Event::Finished {
            exit: Exit::Code(130),
            killed: false,
            ..
        })
    ));
}

#[test]
fn settled_waits_for_what_was_given_up() {
    let dir = tempfile::TempDir::new().unwrap();
    let go = dir.path().join("go");
    let (runner, seen) = watched();
    block_on(runner.settled());
    {
        let wait = format!("while ! [ -e {} ]; do sleep 0.05; done", go.display());
        let text = format!("trap '{wait}; exit 130' INT; echo up; {FOREVER}");
        let mut call = pin!(runner.run(script(&text), seen.context()));
        begin(call.as_mut());
        seen.wait_for_lines(1);
    }
    let mut settled = Box::pin(runner.settled());
    begin(settled.as_mut());
    assert!(exists(seen.pids()[0]));
    std::fs::write(&go, "").unwrap();
    block_on(settled);
    assert!(!exists(seen.pids()[0]));
}

#[test]
fn a_future_that_was_never_polled_starts_nothing() {
    let (runner, seen) = watched();
    drop(runner.run(script("echo up"), seen.context()));
    block_on(runner.settled());
    assert!(seen.events().is_empty());
}

#[test]
fn giving_up_at_any_moment_of_the_start_leaves_nothing() {
    let seen = Arc::new(Seen::default());
    // An interrupt that comes too early must not have to be repeated.
    let runner = Runner::new(Options {
        grace: 4 * PATIENCE,
        ..interrupting()
    });
    for delay in 0..100 {
        let mut call = Box::pin(runner.run(script(FOREVER), seen.context()));
        begin(call.as_mut());
        std::thread::sleep(Duration::from_micros(delay * 40));
        drop(call);
    }
    block_on(runner.settled());
    let pids = seen.pids();
    assert!(pids.iter().all(|pid| !exists(*pid)), "of {pids:?}");
    let ends = |event: &Event| matches!(event, Event::Finished { killed: false, .. });
    let ended = seen.events().iter().filter(|event| ends(event)).count();
    assert_eq!(ended, pids.len(), "and none had to be killed");
}

#[test]
fn a_parent_that_ignores_interrupts_can_interrupt() {
    isolated(
        "stopping::a_parent_that_ignores_interrupts_can_interrupt",
        "trap '' INT",
        || {
            let output = timed_out(PATIENCE, ":", FOREVER);
            assert_eq!((output.exit, output.was_killed()), (Exit::Signal(2), false));
        },
    );
}

#[test]
fn a_parent_that_blocks_interrupts_can_interrupt() {
    let block = ["--block-signal=INT", "--default-signal=INT", "true"];
    let env = std::process::Command::new("env").args(block).status();
    if !env.is_ok_and(|status| status.success()) {
        println!("not run: no `env` here that blocks a signal");
        return;
    }
    isolated(
        "stopping::a_parent_that_blocks_interrupts_can_interrupt",
        "exec env --block-signal=INT \"$0\" --exact \"$FAULTS_INNER\" --nocapture",
        || {
            let output = timed_out(PATIENCE, ":", FOREVER);
            assert_eq!((output.exit, output.was_killed()), (Exit::Signal(2), false));
            // A program that is not there is still told of as that.
            let missing = program("/nowhere/at/all".as_ref(), vec![]);
            assert!(matches!(
                run(interrupting(), missing),
                Err(RunError::Program {
                    obstacle: Obstacle::NotFound,
                    ..
                })
            ));
        },
    );
}

#[test]
fn a_grace_without_end_is_one() {
    let output = timed_out(Duration::MAX, "trap 'exit 9' INT", FOREVER);
    assert_eq!((output.exit, output.was_killed()), (Exit::Code(9), false));
}

#[test]
fn an_observer_that_panics_does_no_harm() {
    struct Bad;
    impl Observer for Bad {
        fn event(&self, _: &Call, _: &Event) {
            std::panic::resume_unwind(Box::new("bad"));
        }
    }
    let context = context_with(Redactor::default(), Some(Arc::new(Bad)));
    let runner = Runner::new(Options::default());
    let output = block_on(runner.run(script("echo out; exit 3"), context)).unwrap();
    assert_eq!(output.exit, Exit::Code(3));
    assert_eq!(output.stdout.head, b"out\n");
}
