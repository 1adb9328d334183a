//! Calls from every kind of executor, and its end while they run.

use std::time::Duration;

use fraisier_adapter_confiture::tools::process::{Exit, Runner};
use tokio::runtime::{Builder, Runtime};

use super::support::*;

const ENDLESS: &str = "echo up; while :; do sleep 0.1; done";

fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().enable_all().build().unwrap(),
        Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap(),
    ]
}

/// Spawns a call on the runtime and lets `end` end the runtime while it runs.
fn stopped_with(end: impl Fn(Runtime)) {
    for runtime in runtimes() {
        let (runner, seen) = watched();
        let call = runtime.spawn(runner.run(script(ENDLESS), None, seen.listener()));
        let up = seen.clone();
        // A current-thread runtime polls its tasks only while it is blocked on.
        runtime.block_on(async {
            while up.lines().is_empty() {
                tokio::task::yield_now().await;
            }
        });
        assert!(!call.is_finished());
        end(runtime);
        // A runtime may drop its tasks some time after its shutdown began.
        eventually("the end of the child", || !exists(seen.pids()[0]));
        block_on(runner.settled());
    }
}

#[test]
fn a_runtime_that_is_dropped_stops_its_calls() {
    stopped_with(drop);
}

#[test]
fn a_runtime_that_shuts_down_in_the_background_stops_its_calls() {
    stopped_with(Runtime::shutdown_background);
}

#[test]
fn a_runtime_that_shuts_down_in_time_stops_its_calls() {
    stopped_with(|runtime| runtime.shutdown_timeout(Duration::from_secs(1)));
}

#[test]
fn an_aborted_task_stops_its_call() {
    for runtime in runtimes() {
        let (runner, seen) = watched();
        runtime.block_on(async {
            let call = tokio::spawn(runner.run(script(ENDLESS), None, seen.listener()));
            while seen.lines().is_empty() {
                tokio::task::yield_now().await;
            }
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
            runner.settled().await;
        });
        assert!(!exists(seen.pids()[0]));
    }
}

#[test]
fn calls_end_although_the_last_handle_was_dropped() {
    for runtime in runtimes() {
        let (runner, seen) = watched();
        runtime.block_on(async {
            let call = tokio::spawn(runner.run(script(ENDLESS), None, seen.listener()));
            while seen.lines().is_empty() {
                tokio::task::yield_now().await;
            }
            call.abort();
            let _ = call.await;
            drop(runner);
        });
        eventually("the end of the child", || !exists(seen.pids()[0]));
    }
}

#[test]
fn many_calls_at_once_do_not_disturb_each_other() {
    for runtime in runtimes() {
        let runner = Runner::default();
        runtime.block_on(async {
            let calls: Vec<_> = (0..50)
                .map(|n| {
                    let text = format!("echo out {n}; printf {n} > \"$1\"; exit {n}");
                    tokio::spawn(runner.run(script(&text), None, listener()))
                })
                .collect();
            for (n, call) in (0..).zip(calls) {
                let output = call.await.unwrap().unwrap();
                assert_eq!(output.exit, Exit::Code(n));
                assert_eq!(report_of(&output), Some(n.to_string().into_bytes()));
                assert_eq!(output.stdout.head, format!("out {n}\n").into_bytes());
            }
        });
    }
}

#[test]
fn many_calls_are_stopped_at_once() {
    let (runner, seen) = watched();
    let mut calls: Vec<_> = (0..30)
        .map(|_| Box::pin(runner.run(script(ENDLESS), None, seen.listener())))
        .collect();
    for call in &mut calls {
        begin(call.as_mut());
    }
    seen.wait_for_lines(30);
    // From several threads, as a pool that is torn down does it.
    std::thread::scope(|scope| {
        for call in calls {
            scope.spawn(move || drop(call));
        }
    });
    block_on(runner.settled());
    assert!(seen.pids().iter().all(|pid| !exists(*pid)));
}

#[test]
fn no_call_leaves_processes_files_or_threads() {
    isolated(
        "runtimes::no_call_leaves_processes_files_or_threads",
        "TMPDIR=$(mktemp -d); export TMPDIR",
        || {
            let tmp = std::env::temp_dir();
            let round = || {
                let (runner, seen) = watched();
                for text in [
                    "exit 0",
                    "printf x > \"$1\"",
                    "mkdir \"$1\"",
                    "mkfifo \"$1\"",
                ] {
                    let _ = block_on(runner.run(script(text), None, listener()));
                }
                let mut call = Box::pin(runner.run(script(ENDLESS), None, seen.listener()));
                begin(call.as_mut());
                seen.wait_for_lines(1);
                drop(call);
                block_on(runner.settled());
            };
            let threads = || entries("/proc/self/task".as_ref());
            let alone = threads();
            let state = || (entries("/proc/self/fd".as_ref()), threads(), entries(&tmp));
            // The first round also sets up what a process keeps, such as signal handlers. A supervising
            // thread ends some time after its last call.
            round();
            eventually("the first supervisor's end", || threads() == alone);
            let before = state();
            assert_eq!(before.2, 0);
            (0..5).for_each(|_| round());
            eventually("descriptors, threads and temporary files", || {
                state() == before
            });
            let children = format!("/proc/self/task/{}/children", std::process::id());
            assert_eq!(std::fs::read_to_string(children).unwrap(), "");
            std::fs::remove_dir(tmp).unwrap();
        },
    );
}
