//! Drift: how the behaviour of confiture differs from its recording.

mod document;
mod refusal;
mod report;
mod surface;
#[cfg(test)]
mod tests;
mod wording;

use contract_catalogue::recording::{RecordedCall, Recording};

use crate::change::Change;
use crate::result::Finding;
use crate::text::{cut, one_line};
use report::report;
use surface::{is_document, surface};
use wording::wording;

pub use document::in_order;
pub use refusal::refusal;
pub(crate) use refusal::refused;

/// Every difference between `before` and `now`, call by call. A call that only one of them contains is
/// not compared, because the adapter chooses its follow-ups.
pub fn drift(before: &Recording, now: &Recording) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (before, now) in before.calls.iter().zip(&now.calls) {
        for finding in call(before, now) {
            if !findings.iter().any(|known| known.change == finding.change) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// The differences in one call.
fn call(before: &RecordedCall, now: &RecordedCall) -> Vec<Finding> {
    let mut findings = Vec::new();
    if before.argv != now.argv {
        let words = |call: &RecordedCall| call.argv.join(" ");
        findings.push(Finding::differs(Change::Command).with(words(before), words(now)));
    }
    if let (None, Some(refused)) = (refused(before), refused(now)) {
        // The call was not made, and every other difference follows from that.
        findings.push(refused);
        return findings;
    }
    if let (None, Some(exception)) = (crash(before), crash(now)) {
        let finding = Finding::differs(Change::Crash {
            exception: exception.clone(),
        });
        findings.push(finding.with("no exception", exception));
        return findings;
    }
    if before.exit != now.exit {
        findings.push(exit(before.exit, now.exit));
    }
    findings.extend(report(before, now));
    findings.extend(surface(before, now));
    if !is_document(before) {
        for (stream, before, now) in [
            ("stdout", before.stdout.to_string(), now.stdout.to_string()),
            ("stderr", before.stderr.to_string(), now.stderr.to_string()),
        ] {
            findings.extend(wording(stream, &before, &now));
        }
    }
    findings
}

/// The exception that ended the call with a traceback, if nothing else was reported.
fn crash(call: &RecordedCall) -> Option<String> {
    let text = call.stderr.to_string();
    let (_, after) = text.split_once("<traceback>")?;
    let line = after.lines().map(str::trim).find(|line| !line.is_empty())?;
    (!call.has_report()).then(|| cut(&one_line(line), 200))
}

/// A status above 128 is a signal, as in shells and in the wrapper.
fn exit(from: i32, to: i32) -> Finding {
    let change = match to - 128 {
        signal if (1..=64).contains(&signal) && signal != 2 => Change::Signal { signal },
        _ => Change::Exit { from, to },
    };
    Finding::differs(change).with(from.to_string(), to.to_string())
}
