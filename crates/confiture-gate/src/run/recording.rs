//! What was seen of a case, in the form of its recording.

use contract_lab::runner::CallOutput;
use contract_lab::runner::capture::Capture;
use contract_tests::case::Case;
use contract_tests::normalise::normalise;
use contract_tests::recording::{RecordedCall, Recording};
use contract_tests::site::Site;

use super::observe::Observed;
use crate::wrapper::Seen;

/// The recording that what was seen makes.
pub(crate) fn recording(case: &Case, site: &Site, observed: &Observed) -> Recording {
    let left = |seen: &Seen| CallOutput {
        exit: seen.exit,
        report: seen.report.clone(),
        stdout: seen.stdout.clone(),
        stderr: seen.stderr.clone(),
    };
    let seen = &observed.seen;
    let capture = Capture {
        site: site.clone(),
        before: observed.before.clone(),
        ledger: observed
            .ledger
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok()),
        links: None,
        calls: seen.iter().map(left).collect(),
        after: observed.after_calls.clone(),
    };
    let names = site.names();
    let mut recording = capture.recording(case);
    for (call, seen) in recording.calls.iter_mut().zip(seen) {
        call.argv = seen
            .argv
            .iter()
            .map(|argument| normalise(argument, &names))
            .collect();
        call.links.clone_from(&seen.links);
    }
    if recording.calls.is_empty() {
        // Nothing was seen of a call that hangs.
        recording.calls.push(RecordedCall {
            argv: case.definition.call.argv(case.definition.migrations_dir),
            env: case
                .definition
                .call
                .recorded_environment(case.definition.connection),
            links: None,
            exit: 137,
            report: None,
            report_not_json: None,
            stdout: "".into(),
            stderr: "(it did not end)".into(),
        });
    }
    recording
}
