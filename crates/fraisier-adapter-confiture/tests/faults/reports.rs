//! Reports that are not what a report should be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Exit, RunError, Runner};

use super::support::*;

/// The problem with what the script `text` writes as its report; the rest of the output must be there.
fn problem(text: &str) -> io::Error {
    let text = format!("echo out; {text}; exit 3");
    match run(None, script(&text)) {
        Err(RunError::Report(source, output)) => {
            assert_eq!(output.exit, Exit::Code(3));
            assert_eq!(output.stdout.head, b"out\n");
            assert!(output.report.is_none());
            source
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn report(text: &str) -> Option<Vec<u8>> {
    report_of(&run(None, script(text)).unwrap())
}

#[test]
fn a_report_that_is_not_a_regular_file_is_refused() {
    for (text, expected) in [
        ("mkfifo \"$1\"", "not a regular file"),
        ("ln -s /etc/passwd \"$1\"", "symbolic link"),
        ("ln -s /nowhere/at/all \"$1\"", "symbolic link"),
        ("mkdir \"$1\"", "not a regular file"),
        ("ln -s /dev/zero \"$1\"", "symbolic link"),
    ] {
        let problem = problem(text).to_string();
        assert!(problem.contains(expected), "{text}: {problem}");
    }
}

#[test]
fn an_unreadable_report_is_refused() {
    let text = "printf x > \"$1\"; chmod 000 \"$1\"";
    // Nothing is forbidden to root.
    if Path::new("/proc/self")
        .metadata()
        .is_ok_and(|proc| std::os::unix::fs::MetadataExt::uid(&proc) == 0)
    {
        assert_eq!(report(text).as_deref(), Some(&b"x"[..]));
    } else {
        assert_eq!(problem(text).kind(), io::ErrorKind::PermissionDenied);
    }
}

#[test]
fn a_report_over_the_limit_is_refused_before_it_is_read() {
    // It takes no room on the disk, and would take all memory.
    let sparse = "truncate -s 1P \"$1\" 2>/dev/null || truncate -s 8T \"$1\"";
    let problem = problem(sparse).to_string();
    let limit = (256 << 20).to_string();
    assert!(
        problem.contains("longer") && problem.contains(&limit),
        "{problem}"
    );
}

#[test]
fn a_large_report_is_read_before_its_directory_is_removed() {
    let text = "yes 123456789 2>/dev/null | head -c 3000000 > \"$1\"";
    let report = report(text).unwrap();
    assert_eq!(report, b"123456789\n".repeat(300_000));
}

#[test]
fn a_missing_report_is_none() {
    assert_eq!(report(":"), None);
    assert_eq!(report("rm -r \"$(dirname \"$1\")\""), None);
    assert_eq!(report("printf x > \"$1\"; rm \"$1\""), None);
}

#[test]
fn an_empty_report_is_some() {
    assert_eq!(report(": > \"$1\"").as_deref(), Some(&b""[..]));
}

#[test]
fn a_report_is_read_unchanged() {
    // Half of one, and two: what to make of either is the decoder's business.
    assert_eq!(
        report("printf '{\"a\"' > \"$1\"").as_deref(),
        Some(&b"{\"a\""[..])
    );
    assert_eq!(
        report("printf '{}' > \"$1\"; printf '{}' >> \"$1\"").as_deref(),
        Some(&b"{}{}"[..])
    );
    assert_eq!(
        report("printf '{}' > \"$1.new\"; mv \"$1.new\" \"$1\"").as_deref(),
        Some(&b"{}"[..])
    );
}

#[test]
fn a_report_written_after_the_exit_counts_while_the_output_is_open() {
    assert_eq!(
        report("(sleep 0.05; printf late > \"$1\") &").as_deref(),
        Some(&b"late"[..])
    );
    // A writer that nothing tells about is stopped with the group.
    assert_eq!(
        report("(sleep 5; printf late > \"$1\") >/dev/null 2>&1 &"),
        None
    );
}

/// Remembers whether the directory that a line names was there when the command had exited.
#[derive(Default)]
struct AtExit {
    directory: Mutex<PathBuf>,
    was_there: Mutex<Option<bool>>,
}

impl Observer for AtExit {
    fn event(&self, _: &Call, event: &Event) {
        let mut directory = self.directory.lock().unwrap();
        match event {
            Event::Line { text, .. } => *directory = text.into(),
            Event::Finished { .. } => *self.was_there.lock().unwrap() = Some(directory.exists()),
            _ => {}
        }
    }
}

#[test]
fn the_directory_of_a_report_is_removed_before_the_exit_is_reported() {
    let observer = Arc::new(AtExit::default());
    let listener = listener_with(Redactor::default(), Some(observer.clone()));
    let invocation = script("printf x > \"$1\"; dirname \"$1\"");
    let output = block_on(Runner::default().run(invocation, None, listener)).unwrap();
    assert_eq!(report_of(&output).as_deref(), Some(&b"x"[..]));
    assert!(observer.directory.lock().unwrap().is_absolute());
    assert_eq!(*observer.was_there.lock().unwrap(), Some(false));
}

#[test]
fn the_report_directory_is_private() {
    let found = run(
        None,
        script("stat -c %a \"$(dirname \"$1\")\"; ls -A \"$(dirname \"$1\")\""),
    );
    assert_eq!(found.unwrap().stdout.head, b"700\n");
}
