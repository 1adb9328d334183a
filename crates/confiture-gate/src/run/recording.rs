//! What was seen of a case, in the form of its recording.

use contract_lab::runner::CallOutput;
use contract_lab::runner::capture::Capture;
use contract_tests::call::LINKS;
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
    let definition = &case.definition;
    for (call, seen) in recording.calls.iter_mut().zip(seen) {
        let arguments = seen.argv.iter().map(|argument| normalise(argument, &names));
        if definition.reads_ledger {
            call.argv = arguments.collect();
            call.links.clone_from(&seen.links);
        } else {
            // Recorded with the whole directory: links stand in for it, as in a replay.
            let directory = |argument| match argument {
                argument if argument == LINKS => definition.migrations_dir.to_owned(),
                argument => argument,
            };
            call.argv = arguments.map(directory).collect();
        }
    }
    if recording.calls.is_empty() {
        // Nothing was seen of a call that hangs.
        recording.calls.push(RecordedCall {
            argv: definition.call.argv(definition.migrations_dir),
            env: definition.call.recorded_environment(definition.connection),
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
