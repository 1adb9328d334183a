//! What a child prints: too much, too early, too late, not text.

use std::path::Path;
use std::sync::Arc;

use fraisier_adapter_confiture::observe::{Event, Stream};
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Captured, Exit, Output, Runner};
use tempfile::TempDir;

use super::support::*;

/// What a script outputs, and the events of it.
fn watched(text: &str) -> (Output, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let runner = Runner::default();
    let output = block_on(runner.run(script(text), None, seen.listener())).unwrap();
    (output, seen)
}

#[test]
fn a_flood_is_bounded_and_keeps_both_ends() {
    isolated("output::a_flood_is_bounded_and_keeps_both_ends", "", || {
        let text = "echo first; yes 'some eighty bytes of chatter, line for line' 2>/dev/null | \
                        head -c 300000000; echo; echo last; echo err >&2";
        for observed in [false, true] {
            let seen = Arc::new(Seen::default());
            let listener = if observed {
                seen.listener()
            } else {
                listener()
            };
            let runner = Runner::default();
            let output = block_on(runner.run(script(text), None, listener)).unwrap();
            let kept = output.stdout;
            assert!(kept.head.starts_with(b"first\nsome"));
            assert!(kept.tail.ends_with(b"\nlast\n"));
            let both = (kept.head.len() + kept.tail.len()) as u64;
            assert_eq!(both + kept.omitted, 300_000_000 + 12);
            assert!(both <= 256 * 1024);
            assert_eq!(output.stderr, Captured::from(b"err\n".to_vec()));
            let skips = |event: &Event| matches!(event, Event::LinesSkipped { .. });
            assert_eq!(seen.events().iter().any(skips), observed);
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
            .unwrap();
        let peak: u64 = peak.parse().unwrap();
        assert!(peak < 64 * 1024, "{peak} kB");
    });
}

#[test]
fn a_flood_without_newlines_is_bounded() {
    let (output, seen) = watched("head -c 50000000 /dev/zero | tr '\\0' x");
    assert_eq!(output.stdout.omitted, 50_000_000);
    let lines = seen.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].len() < 16 * 1024 && lines[0].ends_with('…'));
}

#[test]
fn a_child_that_closes_its_output_is_awaited() {
    let output = run(
        None,
        script("echo out; exec >&- 2>&-; sleep 0.3; printf x > \"$1\"; exit 4"),
    )
    .unwrap();
    assert_eq!(output.exit, Exit::Code(4));
    assert_eq!(output.stdout.head, b"out\n");
    assert_eq!(report_of(&output).as_deref(), Some(&b"x"[..]));
}

#[test]
fn invalid_utf8_is_kept() {
    let (output, seen) = watched("printf 'a\\377\\000b\\n'; printf '\\200' >&2");
    assert_eq!(output.stdout.head, b"a\xff\0b\n");
    assert_eq!(output.stderr.head, b"\x80");
    let mut lines = seen.lines();
    lines.sort();
    assert_eq!(lines, ["a\u{fffd}\0b", "\u{fffd}"]);
}

#[test]
fn lines_are_delivered_while_the_child_runs() {
    let dir = TempDir::new().unwrap();
    let go = dir.path().join("go");
    let text = format!(
        "echo waiting; while ! [ -e {} ]; do sleep 0.05; done; echo went on >&2",
        go.display()
    );
    let seen = Arc::new(Seen::default());
    let runner = Runner::default();
    let mut call = Box::pin(runner.run(script(&text), None, seen.listener()));
    begin(call.as_mut());
    seen.wait_for_lines(1);
    std::fs::write(&go, "").unwrap();
    assert_eq!(block_on(call).unwrap().exit, Exit::Code(0));
    let last = Event::Line {
        stream: Stream::Stderr,
        text: "went on".to_owned(),
    };
    let events = seen.events();
    assert!(matches!(events.first(), Some(Event::Started { .. })));
    assert_eq!(events[events.len() - 2], last);
    assert!(matches!(events.last(), Some(Event::Finished { .. })));
}

#[test]
fn events_are_redacted() {
    let seen = Arc::new(Seen::default());
    let redactor = Redactor::new([], ["hunter2"]);
    let listener = listener_with(redactor, Some(seen.clone()));
    let text = "echo pw hunter2; printf 'and hunter2 '; sleep 0.1; echo 001";
    block_on(Runner::default().run(script(text), None, listener)).unwrap();
    let events = format!("{:?}", seen.events());
    assert!(
        events.contains("001") && !events.contains("hunter2"),
        "{events}"
    );
}

#[test]
fn standard_input_is_empty() {
    let output = run(None, script("read line || exit 9")).unwrap();
    assert_eq!(output.exit, Exit::Code(9));
}

#[test]
fn the_child_starts_in_the_working_directory() {
    let dir = TempDir::new().unwrap();
    let real = dir.path().canonicalize().unwrap();
    let mut invocation = program(Path::new("pwd"), vec![]);
    invocation.cwd.clone_from(&real);
    let output = run(None, invocation).unwrap();
    assert_eq!(
        output.stdout.head,
        format!("{}\n", real.display()).into_bytes()
    );
}
